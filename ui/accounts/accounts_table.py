"""The accounts: the table, and which of them is to be changed in what way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from core.cache.account_rows import Account
from core.cache.open_sessions import OpenSession
from core.roles import Actor
from ui.accounts.account_form import TABLE, Work, begin, open_form
from ui.frame.page import View
from ui.tables.license_columns import moment_column, words_column
from ui.tables.license_table import HEADER_PIXELS, ROW_PIXELS
from ui.tables.selection import bound_key, chosen_row, selectable
from ui.texts import text

MOST_ROWS = 12


def show_accounts(accounts: Sequence[Account], sessions: Sequence[OpenSession], user: Actor, view: View) -> None:
    """The table with its buttons, and the form when one is open."""
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
    with st.container(horizontal=True, vertical_alignment="center", key="account_actions"):
        st.button(
            text("accounts.add"), key="account_add", icon=":material/person_add:", on_click=begin, args=(Work("add"),)
        )
        if account is None:
            st.caption(text("accounts.hint"), width="content")
        else:
            for kind in works_for(account, user):
                work = Work(kind, account.name, account.created_at)
                key = bound_key(f"account_{kind}", *work.identity)
                st.button(text(f"accounts.{kind}"), key=key, on_click=begin, args=(work,))
    if account is not None and account.name == user.name:
        st.caption(text("accounts.own"))
    open_form(accounts, user)


def works_for(account: Account, user: Actor) -> list[str]:
    """What can be changed about an account. Whoever set their own password here would never see the new one."""
    local, own = account.provider == "local", account.name == user.name
    works = ["change_role"] if local else []
    works += ["new_password"] if local and not own else []
    works += ["factor"] if account.totp_confirmed_at and not own else []
    return [*works, "enable" if account.disabled else "disable"]


def account_table(accounts: Sequence[Account], sessions: Sequence[OpenSession], language: str) -> pa.Table:
    """One row per account."""
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
