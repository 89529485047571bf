"""The tenants that are being added, with their age, and which one the reader has opened."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.cache.onboarding_rows import FIRST_READ, Onboarding, all_onboardings, find_onboarding
from ui import format as fmt
from ui.frame import visit
from ui.frame.view import View
from ui.problems import reason
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

CHOSEN = "aufnahme"  # parameter of the address
KINDS: dict[str, Kind] = {"tenant": "open", "onboarding_step": "text", "onboarding_since": "text", "reason": "text"}


def chosen_onboarding() -> Onboarding | None:
    """Return the onboarding that the address names, also one that is over; None for none."""
    wanted = st.query_params.get(CHOSEN, "")
    return find_onboarding(runtime.current().engine, wanted) if wanted else None


def choose(onboarding_id: str) -> None:
    """Open this onboarding, "" for none, in the next run."""
    if onboarding_id:
        st.query_params[CHOSEN] = onboarding_id
    else:
        st.query_params.pop(CHOSEN, None)
    visit.take_newest()


def show_open(shown: Onboarding | None, view: View) -> None:
    """Show the open onboardings besides `shown`; a click on a name opens it."""
    others = [
        one
        for one in all_onboardings(runtime.current().engine)
        if shown is None or one.onboarding_id != shown.onboarding_id
    ]
    if not others:
        return
    st.header(text("onboarding.open_title"), anchor=False)
    rows = [_row(one, view) for one in others]
    clicked = show_whole_table("onboardings", text("onboarding.open_title"), titled_columns(KINDS), rows)
    if clicked is not None:
        choose(clicked)
        st.rerun()


def _row(one: Onboarding, view: View) -> Row:
    step = one.next_step or FIRST_READ
    row = one.step(step)
    state = f"{text(f'onboarding.step.{step}')}, {text(f'onboarding.step_state.{row.state}')}"
    why = reason(row.problem, one.name) if row.problem else ""
    return Row(one.onboarding_id, [one.name, state, fmt.clock(one.created_at, view.now, view.language, view.zone), why])
