"""Cases in words: state, next step and its time, quantity, what is under way. Pure functions of a case and a view."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.cache.case_lists import ListedCase
from core.cache.case_rows import Case
from core.cases.next_step import NextStep
from ui import format as fmt
from ui.frame.language import Language
from ui.frame.view import View
from ui.texts import plural, text

# Without a colour is what goes its way; red is what is late, or as bad as it can be.
STATE_TONES = {"open": "warn", "refused": "bad", "postponed": "calm", "asked": "calm"}
PRIORITY_TONES = {"critical": "bad", "high": "warn"}


def state_of_case(state: str, language: Language | None = None) -> str:
    """Return "offen", "Kunde angefragt", "bestellt"."""
    return text(f"case.state.{state}", language)


def state_chip(case: Case, language: Language) -> dict[str, str]:
    return {"text": state_of_case(case.state, language), "tone": STATE_TONES.get(case.state, "quiet")}


def priority_word(priority: str, language: Language | None = None) -> str:
    return text(f"level.priority.{priority}", language)


def seats_words(under_way: int, waiting: int, language: Language) -> str:
    """Return "5 unterwegs, 2 warten", without what there is none of."""
    parts = [("case.under_way", under_way), ("case.waiting_people", waiting)]
    return ", ".join(text(key, language, count=fmt.number(count, language)) for key, count in parts if count)


def step_words(step: NextStep, view: View) -> str:
    """Return the next step and its time: "Bestellen bis heute 16:00"; "" if there is none."""
    if step.action == "none":
        return ""
    words = text(f"case.step.{step.action}", view.language)
    if step.due_at is None:
        return words
    if step.overdue(view.now):
        late = fmt.span((view.now - step.due_at).total_seconds(), view.language, short=True)
        return text("case.step_overdue", view.language, step=words, span=late)
    key = "case.step_rests" if step.action == "await_day" else "case.step_due"
    return text(key, view.language, step=words, due=fmt.due(step.due_at, view.now, view.language, view.zone))


def listed_step(listed: ListedCase, now: datetime) -> NextStep:
    """Return the next step of a case in a list, as it is now."""
    return NextStep(listed.next_action, listed.due_at).at(now)


def step_cell(step: NextStep, view: View) -> Any:
    """Return the cell of a table with the next step, and the exact time to point at."""
    words = step_words(step, view)
    if not words:
        return ""
    title = fmt.moment(step.due_at, view.language, view.zone) if step.due_at else ""
    return {"text": words, "title": title, "tone": "bad" if step.overdue(view.now) else ""}


def owner_words(case: Case, language: Language) -> str:
    """Return who has the case; "niemand" while it is open and nobody has it."""
    return case.owner_name or (text("case.nobody", language) if case.is_open else "")


def working_span(seconds: float, language: Language) -> str:
    """Return a span of working time in hours and minutes: "1 h 40 min"; hours alone from ten on."""
    minutes = int(seconds // 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 10 or (hours and not rest):
        return text("case.hours", language, hours=fmt.number(hours, language))
    if hours:
        return text("case.hours_minutes", language, hours=hours, minutes=rest)
    return text("case.minutes", language, minutes=rest)


def age_words(case: Case, view: View) -> str:
    """Return "offen seit 3 Tagen", or "beendet am 24.11.2026, nach 3 Tagen"."""
    if case.closed_at is None:
        return text("case.open_since", view.language, span=fmt.since(case.opened_at, view.now, view.language))
    lasted = fmt.span(max(timedelta(), case.closed_at - case.opened_at).total_seconds(), view.language)
    day = fmt.day(case.closed_at.astimezone(view.zone), view.language)
    return text("case.ended_after", view.language, day=day, span=lasted)


def quantity_words(count: int, language: Language) -> str:
    """Return "1 Lizenz", "5 Lizenzen"."""
    return plural("case.licences", count, language, count=fmt.number(count, language))


def case_name(case: Case, language: Language) -> str:
    return text("case.name", language, number=case.number)
