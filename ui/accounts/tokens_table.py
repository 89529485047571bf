"""The tokens of programs: their table, the form for a new token, and the question before one is revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import streamlit as st

from core import runtime
from core.access import api_tokens
from core.access.api_tokens import LONGEST_NAME, Token
from core.roles import ROLES, Actor
from ui.action_messages import errors_shown, keep_secret, keep_success
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.tables.license_columns import moment_column, words_column
from ui.tables.selection import HEADER_PIXELS, ROW_PIXELS, bound_key, chosen_row, selectable, untick
from ui.texts import text

MOST_ROWS = 12
LONGEST_DAYS = 365
USUAL_DAYS = 90
DATE_FORMAT = "DD.MM.YYYY"
NEW = "new"
TABLE = "tokens"
_OPEN_FORM = "_token_open"  # the open form: NEW, or the id of the token to revoke


def show_tokens(tokens: Sequence[Token], user: Actor, view: View) -> None:
    """Show the table, its buttons and the open form."""
    if visit.entered():
        st.session_state.pop(_OPEN_FORM, None)
    chosen = _table(tokens, view) if tokens else None
    if not tokens:
        st.info(text("tokens.none"), icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="center", key="token_actions"):
        st.button(text("tokens.add"), key="token_add", icon=":material/add:", on_click=_open_form, args=(NEW,))
        if chosen is not None and chosen.revoked_at is None:
            st.button(
                text("tokens.revoke"),
                key=bound_key("token_revoke", chosen.token_id),
                on_click=_open_form,
                args=(chosen.token_id,),
            )
        elif tokens:
            st.caption(text("tokens.hint"), width="content")
    form = st.session_state.get(_OPEN_FORM)
    if form == NEW:
        _new_token_form(view)
    elif token := next((token for token in tokens if token.token_id == form), None):
        _revoke_form(token)


def token_table(tokens: Sequence[Token], now: datetime, language: str) -> pa.Table:
    """Return one row per token, expired and revoked ones included."""
    moment = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "token": [token.name for token in tokens],
            "role": [token.role for token in tokens],
            "token_state": [text(f"tokens.state.{token.state(now)}", language) for token in tokens],
            "created_by": [token.creator for token in tokens],
            "created_on": pa.array([token.created_at for token in tokens], moment),
            "expires": pa.array([token.expires_at for token in tokens], moment),
            "last_used": pa.array([token.last_used_at for token in tokens], moment),
        }
    )


def _table(tokens: Sequence[Token], view: View) -> Token | None:
    ids = [token.token_id for token in tokens]
    shown = st.dataframe(
        token_table(tokens, view.now, view.language),
        **selectable(TABLE, ids),
        alt=text("tokens.table"),
        hide_index=True,
        column_config=_config(view),
        height=HEADER_PIXELS + ROW_PIXELS * min(len(tokens), MOST_ROWS),
        placeholder="",
    )
    row = chosen_row(TABLE, ids, shown)
    return None if row is None else tokens[row]


def _new_token_form(view: View) -> None:
    today = view.now.astimezone(view.zone).date()
    with st.container(border=True, key="token_form"):
        st.subheader(text("tokens.add"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                text("tokens.name"), key="token_name", max_chars=LONGEST_NAME, autocomplete="off",
                placeholder=text("tokens.name_hint"), width=300,
            )  # fmt: skip
            role = st.selectbox(
                text("tokens.role"), ROLES, key="token_role", format_func=lambda role: text(f"role.{role}"), width=300
            )
            until = st.date_input(
                text("tokens.until"), today + timedelta(days=USUAL_DAYS), key="token_until", format=DATE_FORMAT,
                min_value=today, max_value=today + timedelta(days=LONGEST_DAYS), width=300,
            )  # fmt: skip
        with st.container(horizontal=True):
            pressed = st.button(text("tokens.create"), key="token_now", type="primary")
            st.button(text("accounts.cancel"), key="token_cancel", on_click=_close)
        if pressed:
            with errors_shown():
                # No day chosen: yesterday, which core refuses with a message.
                _make(name, role, until or today - timedelta(days=1), view)


def _make(name: str, role: str, until: date, view: View) -> None:
    ends = datetime.combine(until + timedelta(days=1), time(), view.zone)
    token, secret = api_tokens.make(runtime.current().engine, current_user(), name, role, ends, datetime.now(UTC))
    words = (text("tokens.created", name=plain(token.name)), text("secret.once"), text("tokens.secret"))
    keep_secret(" ".join(words), secret)
    _close()
    st.rerun()


def _revoke_form(token: Token) -> None:
    with st.container(border=True, key="token_form"):
        st.subheader(text("tokens.revoke_title", name=plain(token.name)))
        st.markdown(text("tokens.revoke_what"))
        with st.container(horizontal=True):
            pressed = st.button(
                text("tokens.revoke"), key=bound_key("token_revoke_now", token.token_id), type="primary"
            )
            st.button(text("accounts.cancel"), key="token_cancel", on_click=_close)
        if pressed:
            with errors_shown():
                api_tokens.revoke(runtime.current().engine, current_user(), token.token_id, datetime.now(UTC))
                keep_success(text("tokens.revoked", name=plain(token.name)))
                _close()
                st.rerun()


def _open_form(form: str) -> None:
    st.session_state[_OPEN_FORM] = form


def _close() -> None:
    st.session_state.pop(_OPEN_FORM, None)
    untick(TABLE)


def _config(view: View) -> dict[str, Any]:
    language, zone = view.language, str(view.zone)
    return {
        "token": words_column("token", 210),
        "role": words_column("role", 85),
        "token_state": words_column("token_state", 105),
        "created_by": words_column("created_by", 150),
        "created_on": moment_column("created_on", language, zone),
        "expires": moment_column("expires", language, zone),
        "last_used": moment_column("last_used", language, zone),
    }
