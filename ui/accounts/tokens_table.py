"""The tokens of programs: their table, and the dialog to make one, to look at one or to revoke it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import streamlit as st

from core import runtime
from core.access import api_tokens
from core.access.api_tokens import LONGEST_NAME, Token
from core.roles import ROLES
from ui import format as fmt
from ui.action_messages import errors_shown, keep_secret
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.format import DATE_FORMAT
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import confirm_buttons, dialog_subject, figures, finish_dialog, open_dialog, show_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

LONGEST_DAYS = 365
USUAL_DAYS = 90
KINDS: dict[str, Kind] = {
    "token": "open", "role": "text", "token_state": "text", "created_by": "text", "created_on": "time",
    "expires": "time", "last_used": "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenToken:
    """The form that the reader has opened: for a new token (None), or about one, to revoke it if `revokes`."""

    token: Token | None = None
    revokes: bool = False


def show_tokens(tokens: Sequence[Token], view: View) -> None:
    """Show the table, the button for a new token, and the open form."""
    if tokens:
        _table(tokens, view)
    else:
        st.info(text("tokens.none"), icon=":material/info:")
    with st.container(key="token_actions"):
        st.button(text("tokens.add"), key="token_add", icon=":material/add:", on_click=open_dialog, args=(OpenToken(),))
    form = dialog_subject(OpenToken)
    if form is not None:
        title = form.token.name if form.token else text("tokens.add")
        show_dialog(title, "nav.programme", partial(_dialog, view))


def _table(tokens: Sequence[Token], view: View) -> None:
    columns = titled_columns(KINDS)
    clicked = show_whole_table("tokens", text("tokens.table"), columns, [_row(token, view) for token in tokens])
    token = next((token for token in tokens if token.token_id == clicked), None)
    if token is not None:
        open_dialog(OpenToken(token))


def _row(token: Token, view: View) -> Row:
    values = token_values(token, view)
    name = {"text": token.name, "label": f"{token.name}, {values['token_state']}, {values['created_on']}"}
    return Row(token.token_id, [name, *(values[column] for column in list(KINDS)[1:])])


def token_values(token: Token, view: View) -> dict[str, str]:
    """Return the texts about a token by column."""
    lang, zone = view.language, view.zone
    return {
        "role": token.role,
        "token_state": text(f"tokens.state.{token.state(view.now)}", lang),
        "created_by": token.creator,
        "created_on": fmt.moment(token.created_at, lang, zone),
        "expires": fmt.moment(last_minute(token), lang, zone),
        "last_used": fmt.moment(token.last_used_at, lang, zone) if token.last_used_at else "",
    }


def last_minute(token: Token) -> datetime:
    """Return the last minute in which the token is valid: 30.11. 23:59 and not 1.12. 00:00 for one until 30.11."""
    return token.expires_at - timedelta(minutes=1)


def _dialog(view: View) -> None:
    form = dialog_subject(OpenToken)
    if form is None:
        return
    if form.token is None:
        _new_token_form(view)
    elif form.revokes:
        _revoke_form(form.token)
    else:
        _show(form.token, view)


def _show(token: Token, view: View) -> None:
    figures(token_values(token, view))
    if token.revoked_at is None:
        key, form = bound_key("token_revoke", token.token_id), OpenToken(token, revokes=True)
        st.button(text("tokens.revoke"), key=key, on_click=open_dialog, args=(form,))


def _new_token_form(view: View) -> None:
    today = view.today
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
    if confirm_buttons(text("tokens.create"), "token_now", "token_cancel"):
        with errors_shown():
            # No day chosen: yesterday, which core refuses with a message.
            _make(name, role, until or today - timedelta(days=1), view)


def _make(name: str, role: str, until: date, view: View) -> None:
    ends = datetime.combine(until + timedelta(days=1), time(), view.zone)
    token, secret = api_tokens.make(runtime.current().engine, current_user(), name, role, ends, datetime.now(UTC))
    words = (text("tokens.created", name=plain(token.name)), text("secret.once"), text("tokens.secret"))
    keep_secret(" ".join(words), secret)
    finish_dialog()


def _revoke_form(token: Token) -> None:
    st.subheader(text("tokens.revoke_title", name=plain(token.name)), anchor=False)
    st.markdown(text("tokens.revoke_what"))
    if confirm_buttons(text("tokens.revoke"), bound_key("token_revoke_now", token.token_id), "token_cancel"):
        with errors_shown():
            api_tokens.revoke(runtime.current().engine, current_user(), token.token_id, datetime.now(UTC))
            finish_dialog(text("tokens.revoked", name=plain(token.name)))
