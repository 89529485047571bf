"""The open sessions, of everybody or one's own, and how they are ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from core.cache.open_sessions import OpenSession
from core.roles import Actor
from ui.accounts.browser_names import browser_words
from ui.accounts.session_form import TABLE, Work, begin, open_form
from ui.escaping import plain
from ui.frame.page import View
from ui.tables.license_columns import moment_column, words_column
from ui.tables.license_table import HEADER_PIXELS, ROW_PIXELS
from ui.tables.selection import bound_key, chosen_row, selectable
from ui.texts import text

MOST_ROWS = 10


def show_sessions(sessions: Sequence[OpenSession], user: Actor, view: View, *, own: bool = False) -> None:
    """The table, and the buttons for the session that is ticked; `own` leaves out whose they are."""
    name = text("sessions.own_title" if own else "sessions.title")
    st.subheader(name)
    st.caption(text("sessions.what"))
    if not sessions:
        st.info(text("sessions.none"), icon=":material/info:")
        return
    ids = [session.id for session in sessions]
    shown = st.dataframe(
        session_table(sessions, user, view.language, own=own),
        **selectable(TABLE, ids),
        alt=name,
        hide_index=True,
        column_config=_config(view),
        height=HEADER_PIXELS + ROW_PIXELS * min(len(sessions), MOST_ROWS),
        placeholder="",
    )
    row = chosen_row(TABLE, ids, shown)
    with st.container(horizontal=True, vertical_alignment="center", key="session_actions"):
        if row is not None:
            _button("sessions.end", "session_end", Work(sessions[row], alone=True))
        if row is not None or own:
            _button(
                "sessions.end_own" if own else "sessions.end_all",
                f"sessions_end_{'own' if own else 'all'}",
                Work(sessions[row or 0]),
            )
        else:
            st.caption(text("sessions.hint"), width="content")
    open_form(sessions, view)


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


def _button(label: str, key: str, work: Work) -> None:
    words = text(label, name=plain(work.session.shown)) if label == "sessions.end_all" else text(label)
    st.button(words, key=bound_key(key, *work.identity), icon=":material/logout:", on_click=begin, args=(work,))


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
