"""The table of open sessions, all or those of one account; a click on a browser opens its session."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.cache.open_sessions import OpenSession
from ui.accounts.session_form import OpenForm, end_button, session_values, show_open_form
from ui.frame.view import View
from ui.row_dialog import open_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {
    "name": "text", "browser": "open", "address": "text", "session_since": "time", "last_seen": "time", "which": "text",
}  # fmt: skip


def show_sessions(sessions: Sequence[OpenSession], view: View, *, own: bool = False) -> None:
    """Show the sessions and the open form.

    `own`: the sessions are the reader's, so the table needs no column for the account, and a button ends them all.
    """
    title = text("sessions.own_title" if own else "sessions.title")
    st.header(title, anchor=False)
    st.caption(text("sessions.what"))
    if not sessions:
        st.info(text("sessions.none"), icon=":material/info:")
    else:
        names = [name for name in KINDS if not (own and name == "name")]
        columns = titled_columns({name: KINDS[name] for name in names})
        clicked = show_whole_table("sessions", title, columns, session_rows(sessions, names, view))
        session = next((session for session in sessions if session.id == clicked), None)
        if session is not None:
            open_dialog(OpenForm(session, "alone" if own else "show"))
        if own:
            with st.container(key="own_session_actions"):
                end_button("sessions.end_own", "sessions_end_own", OpenForm(sessions[0], "all"))
    show_open_form(view, own=own)


def session_rows(sessions: Sequence[OpenSession], names: Sequence[str], view: View) -> list[Row]:
    """Return one row per session with these columns; the reader's present session is marked."""
    rows = []
    for session in sessions:
        values = session_values(session, view)
        since = f"{values['session_since']}:{session.created_at:%S}"
        label = ", ".join(filter(None, (values["browser"], session.shown, since, values["which"])))
        cells = values | {"browser": {"text": values["browser"], "label": label}}
        rows.append(Row(session.id, [cells[name] for name in names]))
    return rows
