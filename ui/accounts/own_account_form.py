"""The forms in which people change their own password and second factor."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.access import second_factor
from core.access.own_password import change_password
from core.access.passwords import LONGEST
from core.access.second_factor import Setup
from ui import format as fmt
from ui.action_messages import errors_shown, keep_secret, keep_success
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.texts import text

_SETUP = "_factor_setup"
FIELD_PIXELS, QR_PIXELS = 320, 220


def password_form() -> None:
    """Show the form for a new password. A change ends the session, so the sign-in page follows."""
    st.header(text("own.password"), anchor=False)
    with st.form("own_password", border=False, enter_to_submit=True, width=FIELD_PIXELS):
        current = _secret_field("password_current", "current-password")
        new = _secret_field("password_new", "new-password")
        st.caption(text("own.password_rules"))
        again = _secret_field("password_again", "new-password")
        st.caption(text("own.password_ends"))
        pressed = st.form_submit_button(text("own.password_change"), key="own_password_now")
    if not pressed:
        return
    if not (current and new and again):
        st.error(text("own.password_missing"))
    elif new != again:
        st.error(text("own.password_differs"))
    else:
        with errors_shown():
            change_password(runtime.current().engine, current_user(), current, new, datetime.now(UTC))


def factor_form(view: View) -> None:
    """Show whether the second factor is on, and the forms to set it up or to remove it."""
    if visit.entered():
        st.session_state.pop(_SETUP, None)
    st.header(text("own.factor"), anchor=False)
    engine, name = runtime.current().engine, current_user().name
    state = second_factor.state(engine, name)
    if state.since is not None:
        since = fmt.day(state.since.astimezone(view.zone), view.language)
        st.markdown(text("own.factor_on", since=since, codes=state.codes_left))
        _remove_form()
        return
    setup: Setup | None = st.session_state.get(_SETUP)
    if setup is not None:
        _confirm_form(setup)
        return
    st.markdown(text("own.factor_off"))
    with st.form("own_factor", border=False, width=FIELD_PIXELS):
        password = _secret_field("factor_password", "current-password")
        pressed = st.form_submit_button(text("own.factor_begin"), key="factor_begin", icon=":material/phonelink_lock:")
    if pressed:
        with errors_shown():
            st.session_state[_SETUP] = second_factor.begin(engine, current_user(), password, datetime.now(UTC))
            st.rerun()


def _confirm_form(setup: Setup) -> None:
    with st.container(border=True, key="factor_setup"):
        st.markdown(text("own.factor_scan"))
        _show_code_to_scan(setup)
        st.code(setup.secret, language=None)
        st.markdown(text("own.factor_code_step"))
        code = _code_form("factor_confirm", "own.factor_confirm")
        st.button(text("accounts.cancel"), key="factor_cancel", on_click=_cancel_setup)
    if code:
        with errors_shown():
            codes = second_factor.confirm(runtime.current().engine, current_user(), code, datetime.now(UTC))
            _cancel_setup()
            keep_secret(text("own.factor_done"), "\n".join(codes))
            st.rerun()


def _show_code_to_scan(setup: Setup) -> None:
    """Show the code as a picture in the page; st.image would need a library for pictures, and a file to fetch.

    Without a description for screen readers: the secret to type stands below it.
    """
    content = base64.b64encode(setup.svg.encode()).decode()
    st.html(f'<img src="data:image/svg+xml;base64,{content}" width="{QR_PIXELS}" alt="">')


def _remove_form() -> None:
    st.caption(text("own.factor_remove_what"))
    if code := _code_form("factor_remove", "own.factor_remove"):
        with errors_shown():
            user = current_user()
            second_factor.remove(runtime.current().engine, user, user.name, datetime.now(UTC), code=code)
            keep_success(text("own.factor_removed"))
            st.rerun()


def _code_form(key: str, label: str) -> str:
    """Show a field for a code with its button; return the code in the run after a click, else ""."""
    with st.form(key, border=False, width=FIELD_PIXELS):
        code = st.text_input(text("own.factor_code"), key=f"{key}_code", autocomplete="one-time-code", max_chars=60)
        pressed = st.form_submit_button(text(label), key=f"{key}_now")
    return (code or "").strip() if pressed else ""


def _cancel_setup() -> None:
    st.session_state.pop(_SETUP, None)


def _secret_field(name: str, autocomplete: str) -> str:
    return (
        st.text_input(
            text(f"own.{name}"), type="password", key=f"own_{name}", autocomplete=autocomplete, max_chars=LONGEST
        )
        or ""
    )
