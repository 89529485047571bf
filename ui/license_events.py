"""What happened to a licence in words: on the page of its tenant, in its panel and on the start page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.cache.event_rows import LicenseEvent
from core.licenses.judge import SHORT_STAGES
from ui import format as fmt
from ui.frame.language import Language
from ui.frame.view import View
from ui.texts import text

TONES = {"short": "bad", "over": "bad", "low": "warn"}


def row_id(event: LicenseEvent) -> str:
    """Return the id of the row of a table that shows the event."""
    return f"{event.license_id}/{event.what}/{event.at.isoformat()}"


def license_of_row(row: str) -> str:
    """Return the id of the licence whose event the row with this id shows."""
    return "/".join(row.split("/")[:2])


def event_name(event: LicenseEvent) -> str:
    """Return the name of what happened, the end of its key in the catalogue: "short", "resolved", "told"."""
    if event.before in SHORT_STAGES:
        names = {"ok": "resolved", "low": "resolved_low"} | ({"short": "not_over"} if event.before == "over" else {})
        return names.get(event.what, event.what)
    if event.what == "ok":
        return "listed" if event.before == "gone" else "enough"
    return event.what


def event_words(event: LicenseEvent, language: Language) -> str:
    """Return what happened: "Engpass", "behoben", "gemeldet"."""
    return text(f"event.{event_name(event)}", language)


def event_chip(event: LicenseEvent, language: Language) -> dict[str, Any]:
    """Return the cell of a table that says what happened."""
    tone = TONES.get(event_name(event), "quiet")
    return {"chips": [{"text": event_words(event, language), "tone": tone}]}


def event_time(event: LicenseEvent, view: View) -> str:
    """Return when it happened: "26.11.2026 14:05 (vor 2 Stunden)"."""
    moment = fmt.moment(event.at, view.language, view.zone)
    return f"{moment} ({fmt.ago(event.at, view.now, view.language)})"


def free_words(event: LicenseEvent, language: Language) -> str:
    """Return the free seats that were read then, "" for a message."""
    if event.enabled is None or event.consumed is None:
        return ""
    return fmt.number(event.enabled - event.consumed, language)


def event_lines(events: Sequence[LicenseEvent], view: View) -> str:
    """Return the events as a list in Markdown, a line each."""
    lines = []
    for event in events:
        free = free_words(event, view.language)
        seats = f", {text('event.free', view.language, free=free)}" if free else ""
        lines.append(f"- {event_time(event, view)}: {event_words(event, view.language)}{seats}")
    return "\n".join(lines)
