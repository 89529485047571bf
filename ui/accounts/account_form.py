"""The form below the table of accounts: add an account, or change its role, password, access or second factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.access import accounts as access
from core.access import second_factor
from core.access.passwords import LONGEST, random_password
from core.cache.account_rows import Account
from core.roles import ROLES, Actor
from ui.action_messages import errors_shown, keep_secret, keep_success
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.tables.selection import bound_key, untick
from ui.texts import text

TABLE = "accounts"
_OPEN_FORM = "_account_open"


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: `kind` is the key of its button, `name` the account ("" for a new one).

    A deleted name may be used for another account later, so `since` (when the account was made) is compared, too.
    """

    kind: str
    name: str = ""
    since: datetime | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        return self.kind, self.name, self.since


def open_form(form: OpenForm) -> None:
    """Open this form on the next run."""
    st.session_state[_OPEN_FORM] = form


def show_open_form(accounts: Sequence[Account], user: Actor) -> None:
    """Show the open form, if there is one; close it on a new visit and if its account is gone."""
    if visit.entered():
        st.session_state.pop(_OPEN_FORM, None)
    form: OpenForm | None = st.session_state.get(_OPEN_FORM)
    if form is None:
        return
    account = next(
        (account for account in accounts if (account.name, account.created_at) == (form.name, form.since)), None
    )
    with st.container(border=True, key="account_form"):
        if account is not None:
            _FORMS[form.kind](account, user)
        elif form.kind == "add":
            _add()
        else:  # another administrator has changed or deleted the account meanwhile
            st.info(text("accounts.gone", name=plain(form.name)), icon=":material/info:")
            _close()


def _add() -> None:
    st.subheader(text("accounts.add"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(text("accounts.name"), key="account_name", max_chars=100, autocomplete="off", width=300)
        role = st.selectbox(
            text("accounts.role"), ROLES, index=1, key="account_role", format_func=_role_words, width=300
        )
    generated = st.checkbox(text("accounts.generate"), value=True, key="account_generate")
    typed = ""
    if not generated:
        typed = st.text_input(
            text("accounts.password"), type="password", key="account_password", autocomplete="new-password",
            max_chars=LONGEST, help=text("own.password_rules"), width=300,
        )  # fmt: skip

    def add() -> None:
        password = random_password() if generated else typed
        access.add(runtime.current().engine, current_user(), name, password, role)
        words = text("accounts.added", name=plain(name))
        _finish(words, password if generated else "")

    _confirm_buttons("accounts.add_now", add)


def _change_role(account: Account, user: Actor) -> None:
    st.subheader(text("accounts.role_title", name=plain(account.shown)))
    st.markdown(text("accounts.role_what"))
    if account.name == user.name:
        st.warning(text("accounts.role_own"))
    role = st.selectbox(
        text("accounts.role"), ROLES, index=ROLES.index(account.role) if account.role in ROLES else 0,
        key=bound_key("account_new_role", account.name, account.created_at), format_func=_role_words, width=300,
    )  # fmt: skip

    def change() -> None:
        access.set_role(runtime.current().engine, current_user(), account.name, role)
        _finish(text("accounts.role_changed", name=plain(account.shown), role=role))

    _confirm_buttons("accounts.change_role", change)


def _new_password(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.password_title", name=plain(account.shown)))
    st.markdown(text("accounts.password_what"))

    def renew() -> None:
        password = random_password()
        access.passwd(runtime.current().engine, current_user(), account.name, password)
        _finish(text("accounts.password_set", name=plain(account.shown)), password)

    _confirm_buttons("accounts.password_now", renew)


def _disable(account: Account, user: Actor) -> None:
    st.subheader(text("accounts.disable_title", name=plain(account.shown)))
    st.markdown(text("accounts.disable_what"))
    if account.name == user.name:
        st.warning(text("accounts.role_own"))

    def disable() -> None:
        access.disable(runtime.current().engine, current_user(), account.name)
        _finish(text("accounts.disabled_now", name=plain(account.shown)))

    _confirm_buttons("accounts.disable", disable)


def _enable(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.enable_title", name=plain(account.shown)))
    st.markdown(text("accounts.enable_what", role=account.role))

    def enable() -> None:
        access.enable(runtime.current().engine, current_user(), account.name)
        _finish(text("accounts.enabled_now", name=plain(account.shown)))

    _confirm_buttons("accounts.enable", enable)


def _remove_factor(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.factor_title", name=plain(account.shown)))
    st.markdown(text("accounts.factor_what"))

    def remove() -> None:
        second_factor.remove(runtime.current().engine, current_user(), account.name, datetime.now(UTC))
        _finish(text("accounts.factor_removed", name=plain(account.shown)))

    _confirm_buttons("accounts.factor_now", remove)


_FORMS: dict[str, Callable[[Account, Actor], None]] = {
    "change_role": _change_role,
    "new_password": _new_password,
    "disable": _disable,
    "enable": _enable,
    "factor": _remove_factor,
}


def _confirm_buttons(label: str, action: Callable[[], None]) -> None:
    """Show the buttons to confirm and to cancel; call `action` after the first."""
    with st.container(horizontal=True):
        form: OpenForm = st.session_state[_OPEN_FORM]
        pressed = st.button(text(label), key=bound_key("account_now", *form.identity), type="primary")
        st.button(text("accounts.cancel"), key="account_cancel", on_click=_close)
    if pressed:
        with errors_shown():
            action()


def _finish(words: str, password: str = "") -> None:
    """Close the form and show a success message, with the new password if there is one."""
    if password:
        keep_secret(f"{words} {text('secret.once')}", password)
    else:
        keep_success(words)
    _close()
    st.rerun()


def _close() -> None:
    st.session_state.pop(_OPEN_FORM, None)
    untick(TABLE)


def _role_words(role: str) -> str:
    return text(f"role.{role}")
