"""The board: a column for each state in which there are cases, those due first on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from core.cache.case_lists import CaseFilter
from core.cases.transitions import OPEN, STATES
from ui import format as fmt
from ui.cases.case_words import state_of_case
from ui.cases.cases_table import show_cases
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import text

CARDS = 8
ON_CARD = ("case", "tenant", "quantity", "priority", "owner", "next_step")


def case_board(wanted: CaseFilter, counts: Mapping[str, int], snapshot: Snapshot, view: View, account: str) -> None:
    """Show the cards by state, of which there are `counts`; each column has a button for more."""
    shown = [state for state in (STATES if wanted.states else OPEN) if counts.get(state)]
    if not shown:
        st.info(text("cases.none"), icon=":material/info:")
        return
    for column, state in zip(st.columns(len(shown), gap="small"), shown, strict=True):
        with column:
            words = state_of_case(state, view.language)
            st.header(f"{words} :gray[{fmt.number(counts[state], view.language)}]", anchor=False)
            show_cases(
                f"board_{state}", words, replace(wanted, states=[state], is_open=None), snapshot, view, account,
                columns=ON_CARD, most=CARDS,
            )  # fmt: skip
