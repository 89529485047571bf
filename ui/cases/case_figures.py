"""What is known about a case: need, consent, order, delivery, and how its clocks stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from core.cache.case_rows import Case, CaseEvent
from core.cases.clocks import Clock
from core.cases.detail import CaseDetail
from ui import format as fmt
from ui.cases import case_words
from ui.escaping import plain
from ui.frame import navigation
from ui.frame.view import View
from ui.row_dialog import figures
from ui.snapshots import Snapshot
from ui.texts import text


def case_figures(detail: CaseDetail, view: View) -> None:
    """Show what is known about the case, without what there is nothing of."""
    case, lang = detail.case, view.language
    figures(
        {
            "case_need": need_words(case, view),
            "case_consent": _consent(detail.events, view),
            "case_order": _order(case, detail.events, view),
            "case_delivery": _delivery(case, lang),
            "first_reaction": clock_words(detail.clocks.first_reaction, view),
            "own_work": clock_words(detail.clocks.own_work, view),
            "wanted_at": _day(case.wanted_at, lang),
            "postponed_until": _day(case.postponed_until if case.state == "postponed" else None, lang),
            "case_note": case.note,
        }
    )


def related_cases(detail: CaseDetail, snapshot: Snapshot, view: View) -> None:
    """Show links to the case that this one follows, and to those that are bundled with it."""
    if not detail.follows and not detail.joined:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="case_related"):
        if detail.follows:
            label = text("case.follows", number=detail.follows)
            navigation.link(navigation.CASE, plain(label), nummer=detail.follows)
        for one in detail.joined:
            product = snapshot.product_name(one, view.language)
            label = text("case.joined", number=one.number, product=product)
            navigation.link(navigation.CASE, plain(label), nummer=one.number)


def need_words(case: Case, view: View) -> str:
    """Return "0 frei, 3 fehlen, 2 warten" as the newest reading knows it."""
    lang = view.language
    parts = [text("case.free", lang, count=fmt.number(case.free, lang))]
    if case.missing:
        parts.append(text("case.missing", lang, count=fmt.number(case.missing, lang)))
    parts.append(case_words.seats_words(case.under_way, case.waiting, lang))
    return ", ".join(part for part in parts if part)


def clock_words(clock: Clock, view: View) -> str:
    """Return how a clock stands: "bis heute 12:00", "ruht", "eingehalten", "verpasst"; "" if it has not begun."""
    if clock.state == "idle":
        return ""
    if clock.due_at is None or clock.state in ("met", "missed", "paused"):
        return text(f"case.clock.{clock.state}", view.language)
    due = fmt.due(clock.due_at, view.now, view.language, view.zone)
    return text(f"case.clock.{clock.state}_due", view.language, due=due)


def _newest(events: Sequence[CaseEvent], *kinds: str) -> CaseEvent | None:
    """Return the newest event of these kinds since the case was opened, or opened again."""
    for event in reversed(events):
        if event.kind in kinds:
            return event
        if event.kind == "reopened":
            return None
    return None


def _consent(events: Sequence[CaseEvent], view: View) -> str:
    event = _newest(events, "asked", "consent_given", "consent_refused")
    if event is None:
        return ""
    at = fmt.clock(event.at, view.now, view.language, view.zone)
    values = {
        "who": event.actor_name,
        "at": at,
        "licences": case_words.quantity_words(int(event.data.get("quantity") or 0), view.language),
    }
    return text(f"case.consent_line.{event.kind}", view.language, **values)


def _order(case: Case, events: Sequence[CaseEvent], view: View) -> str:
    event = _newest(events, "ordered")
    if event is None or not case.ordered:
        return ""
    at = fmt.clock(event.at, view.now, view.language, view.zone)
    licences = case_words.quantity_words(case.ordered, view.language)
    return text("case.order_line", view.language, licences=licences, at=at, who=event.actor_name)


def _delivery(case: Case, lang: str) -> str:
    if not case.ordered:
        return ""
    numbers = {"delivered": fmt.number(case.delivered, lang), "ordered": fmt.number(case.ordered, lang)}
    return text("case.delivery_line", lang, **numbers)


def _day(day: date | None, language: str) -> str:
    return fmt.day(day, language) if day else ""
