"""A visit: the time in which a session shows one page, with the same figures all the while.

A visit begins when the page changes or is reloaded; only then are newer figures loaded.
"""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.cache.database import DatabaseError
from ui import snapshots
from ui.problems import problem_box
from ui.texts import text

PIN, PAGE, ENTERED = "_pin", "_page", "_entered"


def begin(page: str) -> None:
    """Begin a visit if the page has changed. Called once per run, before the page."""
    entered = st.session_state.get(PAGE) != page
    st.session_state[ENTERED] = entered
    st.session_state[PAGE] = page
    if entered:
        take_newest()


def entered() -> bool:
    """Return True if this run is the first of the visit."""
    return bool(st.session_state.get(ENTERED, True))


def take_newest() -> None:
    """Use the newest figures from the next run on."""
    st.session_state.pop(PIN, None)


def snapshot() -> snapshots.Snapshot:
    """Return the figures of this visit; if the database fails, the last ones that were read.

    If there are none, show a message and stop the page.
    """
    running = runtime.current()
    figures = snapshots.pinned(running, st.session_state.get(PIN))
    if figures is None:
        try:
            figures = snapshots.newest(running)
        except DatabaseError as error:
            figures = snapshots.last(running)
            if figures is None:
                st.title(text("database.failed"), anchor=False)
            problem_box(error.problem)
            if figures is None:
                st.stop()
        st.session_state[PIN] = snapshots.key_of(figures)
    return figures
