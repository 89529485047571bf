"""The button that lets lists be written again: those that were emptied, or that another installation writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.problems import Problem, ProblemError
from core.refresh.list_owner import CODES
from core.refresh.list_refill import EMPTIED, allow_refill
from core.refresh.list_take_over import take_over_lists
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.switch_actions import may_switch
from ui.texts import text

_DONE, _FAILED = "_stopped_lists_done", "_stopped_lists_failed"


def stopped_lists(snapshot: Snapshot) -> None:
    """Show the result of the last click, and for an admin the button for what has stopped the lists."""
    if _FAILED in st.session_state:
        problem: Problem = st.session_state.pop(_FAILED)
        problem_box(problem)
    if _DONE in st.session_state:
        st.success(text(st.session_state.pop(_DONE)), icon=":material/check:")
        return
    for problem in snapshot.sharepoint.problems:
        if problem.code == EMPTIED:
            _offer("refill", problem, _refill)
        elif problem.code in CODES.values():
            _offer("take_over", problem, _take_over)


def _offer(name: str, problem: Problem, act: Callable[[], None]) -> None:
    """Show the button `name`, which asks before `act`."""
    if not may_switch():
        return
    if st.button(text(f"lists.{name}"), key=bound_key(f"lists_{name}", problem.to_json())):
        st.dialog(text(f"lists.{name}_ask"))(_confirm)(name, problem, act)


def _confirm(name: str, problem: Problem, act: Callable[[], None]) -> None:
    st.markdown(plain(text(f"lists.{name}_follows", **problem.params)))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key=f"lists_{name}_cancel"):
            st.rerun()
        key = bound_key(f"lists_{name}_now", problem.to_json())
        if st.button(text(f"lists.{name}"), key=key, type="primary", on_click=_carry_out, args=(name, act)):
            st.rerun()


def _carry_out(name: str, act: Callable[[], None]) -> None:
    """Carry out `act`, and request the refresh that writes the lists."""
    refresher = runtime.current().refresher
    try:
        act()
        if refresher is not None:
            refresher.request(current_user())
        st.session_state[_DONE] = f"lists.{name}_done"
    except ProblemError as error:
        st.session_state[_FAILED] = error.problem
    visit.take_newest()


def _refill() -> None:
    allow_refill(runtime.current().engine, current_user(), datetime.now(UTC))


def _take_over() -> None:
    if (services := runtime.current().services) is not None:
        take_over_lists(services, current_user())
