"""A warning before a refresh that would send many messages at once, and the button that sends none of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.problems import Problem, ProblemError
from core.refresh.list_refill import STOPS
from core.refresh.next_push import ANNOUNCED_FROM, ShortageId, take_over
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.switch_actions import may_switch
from ui.tables.frame_rows import moment, rows
from ui.texts import plural, text

MOST = 10  # shortages named in the question
_TAKEN, _FAILED = "_first_push_taken", "_first_push_failed"


def pending_messages(snapshot: Snapshot) -> int:
    """Return how many messages the next refresh would send; 0 if it writes nothing, or the lists were never read."""
    status = snapshot.sharepoint
    stopped = any(problem.code in STOPS for problem in status.problems)
    if stopped or not status.configured or status.read_at is None:
        return 0
    return int((snapshot.licenses["alarm"] == "pending").sum())


def first_push_warning(snapshot: Snapshot) -> None:
    """Show the warning if the next refresh would send ANNOUNCED_FROM messages or more, and the button to take over."""
    if _FAILED in st.session_state:
        problem: Problem = st.session_state.pop(_FAILED)
        problem_box(problem)
    if _TAKEN in st.session_state:
        taken = st.session_state.pop(_TAKEN)
        st.success(plural("first_push.taken", taken), icon=":material/check:")
    if pending_messages(snapshot) < ANNOUNCED_FROM:
        return
    pending = list(rows(snapshot.licenses[snapshot.licenses["alarm"] == "pending"]))
    count, seen = len(pending), [(row.tenant_id, row.sku_id, moment(row.short_since)) for row in pending]
    names = [f"{row.tenant}: {row.sku_part_number}" for row in pending]
    with st.container(border=True, key="first-push"):
        st.markdown(text("first_push.what", count=count))
        if may_switch() and st.button(text("first_push.take_over"), key=bound_key("take_over", *seen)):
            st.dialog(text("first_push.ask", count=count))(_confirm)(seen, names)


def _confirm(seen: Sequence[ShortageId], names: Sequence[str]) -> None:
    """Ask before the shortages `seen` are taken over; those that begin meanwhile are not."""
    more = [text("first_push.more", count=len(names) - MOST)] if len(names) > MOST else []
    st.markdown("\n".join(f"- {words}" for words in [*map(plain, names[:MOST]), *more]))
    st.markdown(text("first_push.follows"))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="take_over_cancel"):
            st.rerun()
        key = bound_key("take_over_now", *seen)
        if st.button(text("first_push.take_over"), key=key, type="primary", on_click=_take_over, args=(seen,)):
            st.rerun()


def _take_over(seen: Sequence[ShortageId]) -> None:
    running = runtime.current()
    try:
        now = datetime.now(UTC)
        st.session_state[_TAKEN] = take_over(running.engine, running.settings, current_user(), now, seen=set(seen))
    except ProblemError as error:
        st.session_state[_FAILED] = error.problem
    visit.take_newest()
