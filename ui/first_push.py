"""What the next refresh will tell the support team, said before it does; and the way to have it told to nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.next_push import MANY, take_over
from core.problems import Problem, ProblemError
from ui import visit
from ui.data import Snapshot
from ui.identity import current_user
from ui.problems import problem_box
from ui.switches import may_switch
from ui.texts import text

_TAKEN, _FAILED = "_first_push_taken", "_first_push_failed"


def to_tell(snapshot: Snapshot) -> int:
    """Return how many known shortages the next refresh tells of."""
    if not snapshot.sharepoint.configured or snapshot.sharepoint.read_at is None:
        return 0
    return int((snapshot.licenses["alarm"] == "pending").sum())


def first_push(snapshot: Snapshot) -> None:
    """Announce a push that tells many at once; whoever may switches it to silence here."""
    if _FAILED in st.session_state:
        problem: Problem = st.session_state.pop(_FAILED)
        problem_box(problem)
    if _TAKEN in st.session_state:
        taken = st.session_state.pop(_TAKEN)
        st.success(
            text("first_push.taken" if taken != 1 else "first_push.taken_one", count=taken), icon=":material/check:"
        )
    count = to_tell(snapshot)
    if count < MANY:
        return
    with st.container(border=True, key="first-push"):
        st.markdown(text("first_push.what", count=count))
        if may_switch() and st.button(text("first_push.take_over"), key="take_over"):
            st.dialog(text("first_push.ask", count=count))(_confirm)()


def _confirm() -> None:
    st.markdown(text("first_push.follows"))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="take_over_cancel"):
            st.rerun()
        if st.button(text("first_push.take_over"), key="take_over_now", type="primary", on_click=_carry_out):
            st.rerun()


def _carry_out() -> None:
    opened = runtime.current()
    try:
        st.session_state[_TAKEN] = take_over(opened.engine, opened.settings, current_user(), datetime.now(UTC))
    except ProblemError as error:
        st.session_state[_FAILED] = error.problem
    visit.take_newest()
