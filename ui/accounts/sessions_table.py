"""The table of open sessions, all or those of one account, with the buttons that end them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from core.cache.open_sessions import OpenSession
from core.roles import Actor
from ui.accounts.browser_names import browser_words
from ui.accounts.session_form import TABLE, OpenForm, open_form, show_open_form
from ui.escaping import plain
from ui.frame.view import View
from ui.tables.license_columns import moment_column, words_column
from ui.tables.selection import HEADER_PIXELS, ROW_PIXELS, bound_key, chosen_row, selectable
from ui.texts import text

MOST_ROWS = 10


def show_sessions(sessions: Sequence[OpenSession], user: Actor, view: View, *, own: bool = False) -> None:
    """Show the sessions with the buttons that end them, and the open form.

    `own`: the sessions are the reader's, so the table needs no column for the account.
    """
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
    _end_buttons(sessions, row, own=own)
    show_open_form(sessions, view)


def _end_buttons(sessions: Sequence[OpenSession], row: int | None, *, own: bool) -> None:
    """Show the buttons that end the session in the chosen `row`, and all sessions of its account."""
    with st.container(horizontal=True, vertical_alignment="center", key="session_actions"):
        if row is not None:
            _end_button("sessions.end", "session_end", OpenForm(sessions[row], alone=True))
        if own:
            _end_button("sessions.end_own", "sessions_end_own", OpenForm(sessions[row or 0]))
        elif row is not None:
            _end_button("sessions.end_all", "sessions_end_all", OpenForm(sessions[row]))
        else:
            st.caption(text("sessions.hint"), width="content")


def session_table(sessions: Sequence[OpenSession], user: Actor, language: str, *, own: bool = False) -> pa.Table:
    """Return one row per session; the reader's present session is marked."""
    time = pa.timestamp("us", "UTC")
    columns: dict[str, Any] = {} if own else {"name": [session.shown for session in sessions]}
    columns |= {
        "session_since": pa.array([session.created_at for session in sessions], time),
        "last_seen": pa.array([session.last_seen_at for session in sessions], time),
        "address": [session.address for session in sessions],
        "browser": [browser_words(session.user_agent) or text("browser.unknown", language) for session in sessions],
        "which": [text("sessions.this", language) if session.id == user.session else "" for session in sessions],
    }
    return pa.table(columns)


def _end_button(label: str, key: str, form: OpenForm) -> None:
    words = text(label, name=plain(form.session.shown)) if label == "sessions.end_all" else text(label)
    st.button(words, key=bound_key(key, *form.identity), icon=":material/logout:", on_click=open_form, args=(form,))


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
