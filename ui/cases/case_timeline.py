"""The timeline of a case: what happened, who did it and when, the newest first; and the field for a comment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from html import escape
from typing import Any

import streamlit as st

from core import runtime
from core.cache.case_rows import CaseEvent
from core.cases import changes
from core.cases.changes import LONGEST_TEXT
from core.cases.detail import CaseDetail
from core.cases.product_events import PRODUCT
from core.cases.spans import in_order
from core.roles import Action
from ui import format as fmt
from ui.cases.case_change import do_now
from ui.cases.case_words import priority_word, quantity_words
from ui.control_keys import bound_key
from ui.frame.identity import current_user
from ui.frame.language import Language
from ui.frame.view import View
from ui.texts import text

FIRST = 20
SHOWN = "_case_events"
LONG_TEXTS = ("text", "note", "reason", "comment")  # of the data of an event, in people's own words


def case_timeline(detail: CaseDetail, view: View) -> None:
    """Show the newest events, a button for the older ones, and above them the field for a comment."""
    st.header(text("case.timeline"), anchor=False)
    if current_user().may(Action.CASES):
        _comment_form(detail)
    case_id = detail.case.case_id
    count = len(detail.events) if st.session_state.get(SHOWN) == case_id else FIRST
    lines = event_lines(detail.events, view)[::-1]
    st.html(f'<ol class="case-timeline">{"".join(lines[:count])}</ol>')
    if count < len(lines):
        key = bound_key("case_events_all", case_id)
        st.button(text("case.timeline_all", count=len(lines)), key=key, on_click=_show_all, args=(case_id,))


def _show_all(case_id: str) -> None:
    st.session_state[SHOWN] = case_id


def _comment_form(detail: CaseDetail) -> None:
    """Show the field; it is empty again after one's own comment, and keeps its words whatever else happens."""
    case_id, name = detail.case.case_id, current_user().name
    mine = sum(event.kind == "commented" and event.actor == name for event in detail.events)
    field = bound_key("case_words", case_id, mine)
    with st.container(horizontal=True, vertical_alignment="bottom", key="case_comment_form"):
        st.text_area(text("case.comment"), key=field, max_chars=LONGEST_TEXT, height=68)
        key = bound_key("case_comment_now", case_id, mine)
        st.button(text("case.do.comment"), key=key, on_click=_comment, args=(case_id, field))


def _comment(case_id: str, field: str) -> None:
    engine, user = runtime.current().engine, current_user()
    words = str(st.session_state.get(field) or "")
    do_now("comment", lambda: changes.comment(engine, user, case_id, words, datetime.now(UTC)))


def event_lines(events: Sequence[CaseEvent], view: View) -> list[str]:
    """Return an HTML list item for each event, in their order."""
    lines, before = [], ""
    for event, case in in_order(events):
        lines.append(_line(event, before, view))
        before = case.state
    return lines


def _line(event: CaseEvent, before: str, view: View) -> str:
    short = fmt.clock(event.at, view.now, view.language, view.zone)
    moment = fmt.moment(event.at, view.language, view.zone)
    who = "Lizenztool" if event.actor == PRODUCT.name else event.actor_name or event.actor
    hidden = ("reason",) if event.data.get("why") else ()  # which then is a word of the product
    said = [str(event.data[name]) for name in LONG_TEXTS if event.data.get(name) and name not in hidden]
    quoted = "".join(f"<blockquote>{escape(words)}</blockquote>" for words in said)
    return (
        f'<li><time datetime="{event.at.isoformat()}" title="{escape(moment)}">{escape(short)}</time> '
        f"<b>{escape(who)}</b> {escape(event_sentence(event, before, view.language))}{quoted}</li>"
    )


def event_sentence(event: CaseEvent, before: str, language: Language) -> str:
    """Return what happened, as it goes on after the name of who did it; `before` is the state until then."""
    return text(f"case.event.{_name(event, before)}", language, **_values(event.data, language))


def _name(event: CaseEvent, before: str) -> str:
    """Return the end of the key of the sentence."""
    data, kind = event.data, event.kind
    names = {
        "opened": f"opened.{data.get('cause', 'shortage')}",
        "told": str(data.get("what") or "told"),
        "given": "given" if data.get("owner") else "given_back",
        "consent_given": _approval_name(data),
        "returned": f"returned.{data.get('why') or before}",
        "reminded": _reminder_name(data),
        "delivered": "delivered_more" if data.get("surplus") else "delivered",
        "recovered": "gone" if data.get("outcome") == "gone" else "recovered",
        "bundled": "bundled" if data.get("bundle_id") else "unbundled",
        "priority_changed": "priority_by_rule" if data.get("by_rule") else "priority_changed",
        "ordered": "ordered_until" if data.get("expected_at") else "ordered",
        "order_confirmed": "confirmed_until" if data.get("expected_at") else "confirmed",
    }
    return names.get(kind, kind)


def _approval_name(data: Any) -> str:
    """Return the end of the key for a consent: of the customer, or that none was needed, by whose decision."""
    if data.get("needed") is not False:
        return "consent_given"
    return "approved_by_level" if data.get("why") == "level" else "approved"


def _reminder_name(data: Any) -> str:
    """Return the end of the key for a reminder: of the customer, or that a delivery is late."""
    about = "late" if data.get("what") == "late" else data.get("purpose")
    return f"reminded_{about}" if about else "reminded"


def _values(data: Any, language: Language) -> dict[str, str]:
    """Return the values that the sentences name."""
    numbers = {
        name: fmt.number(int(data.get(name) or 0), language) for name in ("enabled", "free", "missing", "waiting")
    }
    delivered = fmt.number(int(data.get("delivered") or 0), language)
    return numbers | {
        "licences": quantity_words(int(data.get("quantity") or 0), language),
        "delivered": delivered,
        "surplus": fmt.number(int(data.get("surplus") or 0), language),
        "name": str(data.get("owner_name") or data.get("owner") or ""),
        "contact": str(data.get("contact") or ""),
        "level": str(data.get("level") or ""),
        "numbers": ", ".join(map(str, data.get("numbers") or [])),
        "priority": priority_word(str(data.get("priority") or "low"), language),
        "stars": str(data.get("stars") or ""),
        "day": _day(data.get("until") or data.get("expected_at") or data.get("wanted_at"), language),
    }


def _day(value: Any, language: Language) -> str:
    """Return the day of an ISO text; "" if it is none."""
    try:
        return fmt.day(date.fromisoformat(str(value)[:10]), language)
    except ValueError:
        return ""
