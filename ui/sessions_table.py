"""The open sessions, of everybody or one's own, and how they are ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import streamlit as st

from core import runtime
from core.cache.open_sessions import OpenSession
from core.roles import Actor
from core.sessions import end_for
from ui.answers import done, told
from ui.browser import browser_words
from ui.columns import moment_column, words_column
from ui.identity import current_user
from ui.license_table import HEADER_PIXELS, ROW_PIXELS
from ui.page import View
from ui.safe import plain
from ui.texts import text

MOST_ROWS = 10
_ROUND = "_sessions_round"


def show_sessions(sessions: Sequence[OpenSession], user: Actor, view: View, *, own: bool = False) -> None:
    """The table, and the buttons for the session that is ticked; `own` leaves out whose they are."""
    name = text("sessions.own_title" if own else "sessions.title")
    st.subheader(name)
    st.caption(text("sessions.what"))
    if not sessions:
        st.info(text("sessions.none"), icon=":material/info:")
        return
    chosen = st.dataframe(
        session_table(sessions, user, view.language, own=own),
        key=f"sessions_{st.session_state.get(_ROUND, 0)}",
        alt=name,
        hide_index=True,
        column_config=_config(view),
        height=HEADER_PIXELS + ROW_PIXELS * min(len(sessions), MOST_ROWS),
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
    )["selection"]["rows"]
    with st.container(horizontal=True, vertical_alignment="center", key="session_actions"):
        if chosen and chosen[0] < len(sessions):
            _buttons(sessions[chosen[0]], own=own)
        elif own:
            _button("sessions.end_own", "sessions_end_own", sessions[0])
        else:
            st.caption(text("sessions.hint"), width="content")


def session_table(sessions: Sequence[OpenSession], user: Actor, language: str, *, own: bool = False) -> pa.Table:
    """One row per session, the asking one marked."""
    time = pa.timestamp("us", "UTC")
    columns: dict[str, Any] = {} if own else {"name": [one.shown for one in sessions]}
    columns |= {
        "session_since": pa.array([one.created_at for one in sessions], time),
        "last_seen": pa.array([one.last_seen_at for one in sessions], time),
        "address": [one.address for one in sessions],
        "browser": [browser_words(one.user_agent) or text("browser.unknown", language) for one in sessions],
        "which": [text("sessions.this", language) if one.id == user.session else "" for one in sessions],
    }
    return pa.table(columns)


def _buttons(session: OpenSession, *, own: bool) -> None:
    _button("sessions.end", "session_end", session, only=session.id)
    _button("sessions.end_own" if own else "sessions.end_all", "sessions_end_all", session)


def _button(label: str, key: str, session: OpenSession, *, only: str = "") -> None:
    words = text(label, name=plain(session.shown)) if label == "sessions.end_all" else text(label)
    if st.button(words, key=key, icon=":material/logout:"):
        with told():
            _end(session, only)


def _end(session: OpenSession, only: str) -> None:
    count = end_for(
        runtime.current().engine, current_user(), datetime.now(UTC), account=session.account, session=only
    )  # fmt: skip
    name = plain(session.shown)
    if count == 0:
        done(text("sessions.gone"))
    else:
        done(text("sessions.ended_one", name=name) if count == 1 else text("sessions.ended", count=count, name=name))
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.rerun()


def _config(view: View) -> dict[str, Any]:
    language, zone = view.language, str(view.zone)
    return {
        "name": words_column("name", 180),
        "session_since": moment_column("session_since", language, zone),
        "last_seen": moment_column("last_seen", language, zone),
        "address": words_column("address", 150),
        "browser": words_column("browser", 180),
        "which": words_column("which", 90),
    }
