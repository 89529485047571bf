"""The table of all accounts, with the buttons that open a form for the chosen one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from core.cache.account_rows import Account
from core.cache.open_sessions import OpenSession
from core.roles import Actor
from ui.accounts.account_form import TABLE, OpenForm, open_form, show_open_form
from ui.frame.view import View
from ui.tables.license_columns import moment_column, words_column
from ui.tables.selection import HEADER_PIXELS, ROW_PIXELS, bound_key, chosen_row, selectable
from ui.texts import text

MOST_ROWS = 12


def show_accounts(accounts: Sequence[Account], sessions: Sequence[OpenSession], user: Actor, view: View) -> None:
    """Show the table, the buttons for the chosen account, and the open form."""
    ids = [f"{account.name} {account.created_at}" for account in accounts]
    shown = st.dataframe(
        account_table(accounts, sessions, view.language),
        **selectable(TABLE, ids),
        alt=text("accounts.table"),
        hide_index=True,
        column_config=_config(view),
        height=HEADER_PIXELS + ROW_PIXELS * min(max(len(accounts), 1), MOST_ROWS),
        placeholder="",
    )
    row = chosen_row(TABLE, ids, shown)
    account = None if row is None else accounts[row]
    _buttons(account, user)
    if account is not None and account.name == user.name:
        st.caption(text("accounts.own"))
    show_open_form(accounts, user)


def _buttons(account: Account | None, user: Actor) -> None:
    """Show the button for a new account, and those for the chosen `account`."""
    with st.container(horizontal=True, vertical_alignment="center", key="account_actions"):
        st.button(
            text("accounts.add"),
            key="account_add",
            icon=":material/person_add:",
            on_click=open_form,
            args=(OpenForm("add"),),
        )
        if account is None:
            st.caption(text("accounts.hint"), width="content")
        else:
            for kind in forms_for(account, user):
                form = OpenForm(kind, account.name, account.created_at)
                key = bound_key(f"account_{kind}", *form.identity)
                st.button(text(f"accounts.{kind}"), key=key, on_click=open_form, args=(form,))


def forms_for(account: Account, user: Actor) -> list[str]:
    """Return the kinds of form that `user` may open for an account.

    Nobody gets a new password for their own account here: it ends all sessions, so the password would never be seen.
    """
    local, own = account.provider == "local", account.name == user.name
    forms = ["change_role"] if local else []
    forms += ["new_password"] if local and not own else []
    forms += ["factor"] if account.totp_confirmed_at and not own else []
    return [*forms, "enable" if account.disabled else "disable"]


def account_table(accounts: Sequence[Account], sessions: Sequence[OpenSession], language: str) -> pa.Table:
    """Return one row per account, with the number of its open sessions."""
    opened = Counter(session.account for session in sessions)

    def words(key: str) -> str:
        return text(key, language)

    return pa.table(
        {
            "name": [account.shown for account in accounts],
            # The name of a Microsoft account is two long ids and helps nobody.
            "account": [account.name if account.provider == "local" else "" for account in accounts],
            "provider": [words(f"provider.{account.provider}") for account in accounts],
            "role": [account.role for account in accounts],
            "access": [words("accounts.disabled" if account.disabled else "accounts.active") for account in accounts],
            "second_factor": [words("audit.yes" if account.totp_confirmed_at else "audit.no") for account in accounts],
            "last_sign_in": pa.array([account.last_sign_in_at for account in accounts], pa.timestamp("us", "UTC")),
            "sessions": [opened[account.name] for account in accounts],
        }
    )


def _config(view: View) -> dict[str, Any]:
    return {
        "name": words_column("name", 160),
        "account": words_column("account", 140),
        "provider": words_column("provider", 110),
        "role": words_column("role", 80),
        "access": words_column("access", 95),
        "second_factor": words_column("second_factor", 115),
        "last_sign_in": moment_column("last_sign_in", view.language, str(view.zone)),
        "sessions": st.column_config.NumberColumn(text("column.sessions"), format="localized", width=85),
    }
