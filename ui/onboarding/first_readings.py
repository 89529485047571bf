"""The summaries of first readings that nobody has acknowledged yet, with one button for all of them."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.cache.onboarding_rows import unseen_summaries
from core.onboarding.first_read_step import acknowledge_summary
from core.refresh.first_readings import said_of
from ui.action_messages import errors_shown, keep_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.problems import sentence
from ui.texts import text

MOST_LINES = 20


def show_summaries() -> None:
    """Show what the first readings have found, the newest last, and the button that acknowledges what is shown."""
    engine = runtime.current().engine
    unseen = unseen_summaries(engine)
    if not unseen:
        return
    shown = unseen[:MOST_LINES]
    st.header(text("onboarding.summaries_title"), anchor=False)
    with st.container(gap=None, key="first_readings"):
        for one in shown:
            st.markdown(plain(sentence(said_of(one, one.summary or {}))))
    key = bound_key("first_readings_seen", *(one.onboarding_id for one in shown))
    if st.button(text("onboarding.summaries_seen", count=len(shown)), key=key):
        with errors_shown():
            for one in shown:
                acknowledge_summary(engine, one, current_user(), datetime.now(UTC))
            keep_success(text("onboarding.summaries_done"))
            visit.take_newest()
            st.rerun()
