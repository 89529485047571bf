"""The dialog of accounts: add one, look at one, or change its role, password, access or second factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from core import runtime
from core.access import accounts as access
from core.access import second_factor
from core.access.passwords import LONGEST, random_password
from core.cache.account_rows import Account
from core.roles import ROLES, Actor
from ui import format as fmt
from ui.action_messages import errors_shown, keep_secret
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import (
    close_dialog,
    confirm_buttons,
    dialog_subject,
    figures,
    finish_dialog,
    open_dialog,
    show_dialog,
)
from ui.texts import text


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The form that the reader has opened: `kind` is "add", "show" or a change, `name` the account ("" for a new one).

    A deleted name may be used for another account later, so `since` (when the account was made) is compared, too.
    """

    kind: str
    name: str = ""
    since: datetime | None = None
    shown: str = ""  # the name for people

    @classmethod
    def about(cls, account: Account, kind: str = "show") -> OpenForm:
        return cls(kind, account.name, account.created_at, account.shown)

    @property
    def identity(self) -> tuple[object, ...]:
        return self.kind, self.name, self.since


def show_open_form(view: View) -> None:
    """Show the open form in a dialog, if there is one."""
    form = dialog_subject(OpenForm)
    if form is not None:
        title = text("accounts.add") if form.kind == "add" else form.shown
        show_dialog(title, "nav.konten", partial(_dialog, view))


def _dialog(view: View) -> None:
    form, user = dialog_subject(OpenForm), current_user()
    if form is None:
        return
    if form.kind == "add":
        _add()
        return
    accounts = access.list_accounts(runtime.current().engine, user)
    account = next((one for one in accounts if (one.name, one.created_at) == (form.name, form.since)), None)
    if account is None:  # another administrator has changed or deleted it meanwhile
        st.info(text("accounts.gone", name=plain(form.name)), icon=":material/info:")
        close_dialog()
    elif form.kind == "show":
        _show(account, user, view)
    else:
        _FORMS[form.kind](account, user)


def _show(account: Account, user: Actor, view: View) -> None:
    """Show what is known about the account, with a button for each form."""
    figures(account_values(account, view))
    if account.name == user.name:
        st.caption(text("accounts.own"))
    with st.container(horizontal=True, key="account_forms"):
        for kind in forms_for(account, user):
            form = OpenForm.about(account, kind)
            key = bound_key(f"account_{kind}", *form.identity)
            st.button(text(f"accounts.{kind}"), key=key, on_click=open_dialog, args=(form,))


def forms_for(account: Account, user: Actor) -> list[str]:
    """Return the kinds of form that `user` may open for an account.

    Nobody gets a new password for their own account here: it ends all sessions, so the password would never be seen.
    """
    local, own = account.provider == "local", account.name == user.name
    forms = ["change_role"] if local else []
    forms += ["new_password"] if local and not own else []
    forms += ["factor"] if account.totp_confirmed_at and not own else []
    return [*forms, "enable" if account.disabled else "disable"]


def account_values(account: Account, view: View) -> dict[str, str]:
    """Return the texts about an account by column."""
    lang, signed_in = view.language, account.last_sign_in_at
    return {
        # The name of a Microsoft account is two long ids and helps nobody.
        "account": account.name if account.provider == "local" else "",
        "provider": text(f"provider.{account.provider}", lang),
        "role": account.role,
        "access": text("accounts.disabled" if account.disabled else "accounts.active", lang),
        "second_factor": text("audit.yes" if account.totp_confirmed_at else "audit.no", lang),
        "last_sign_in": fmt.moment(signed_in, lang, view.zone) if signed_in else "",
    }


def _add() -> None:
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

    _confirm("accounts.add_now", add)


def _change_role(account: Account, user: Actor) -> None:
    st.subheader(text("accounts.role_title", name=plain(account.shown)), anchor=False)
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

    _confirm("accounts.change_role", change)


def _new_password(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.password_title", name=plain(account.shown)), anchor=False)
    st.markdown(text("accounts.password_what"))

    def renew() -> None:
        password = random_password()
        access.passwd(runtime.current().engine, current_user(), account.name, password)
        _finish(text("accounts.password_set", name=plain(account.shown)), password)

    _confirm("accounts.password_now", renew)


def _disable(account: Account, user: Actor) -> None:
    st.subheader(text("accounts.disable_title", name=plain(account.shown)), anchor=False)
    st.markdown(text("accounts.disable_what"))
    if account.name == user.name:
        st.warning(text("accounts.role_own"))

    def disable() -> None:
        access.disable(runtime.current().engine, current_user(), account.name)
        _finish(text("accounts.disabled_now", name=plain(account.shown)))

    _confirm("accounts.disable", disable)


def _enable(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.enable_title", name=plain(account.shown)), anchor=False)
    st.markdown(text("accounts.enable_what", role=account.role))

    def enable() -> None:
        access.enable(runtime.current().engine, current_user(), account.name)
        _finish(text("accounts.enabled_now", name=plain(account.shown)))

    _confirm("accounts.enable", enable)


def _remove_factor(account: Account, _user: Actor) -> None:
    st.subheader(text("accounts.factor_title", name=plain(account.shown)), anchor=False)
    st.markdown(text("accounts.factor_what"))

    def remove() -> None:
        second_factor.remove(runtime.current().engine, current_user(), account.name, datetime.now(UTC))
        _finish(text("accounts.factor_removed", name=plain(account.shown)))

    _confirm("accounts.factor_now", remove)


_FORMS: dict[str, Callable[[Account, Actor], None]] = {
    "change_role": _change_role,
    "new_password": _new_password,
    "disable": _disable,
    "enable": _enable,
    "factor": _remove_factor,
}


def _confirm(label: str, action: Callable[[], None]) -> None:
    """Show the buttons to confirm and to cancel; call `action` after the first."""
    form = dialog_subject(OpenForm)
    identity = form.identity if form else ()
    if confirm_buttons(text(label), bound_key("account_now", *identity), "account_cancel"):
        with errors_shown():
            action()


def _finish(words: str, password: str = "") -> None:
    """Close the form and show a success message, with the new password if there is one."""
    if password:
        keep_secret(f"{words} {text('secret.once')}", password)
    finish_dialog("" if password else words)


def _role_words(role: str) -> str:
    return text(f"role.{role}")
