"""The table of all accounts; a click on a name opens the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.cache.account_rows import Account
from core.cache.open_sessions import OpenSession
from core.name_key import sort_key
from ui import format as fmt
from ui.accounts.account_form import OpenForm, account_values, show_open_form
from ui.frame.view import View
from ui.row_dialog import open_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {
    "name": "open", "account": "text", "provider": "text", "role": "text", "access": "text", "second_factor": "text",
    "last_sign_in": "time", "sessions": "number",
}  # fmt: skip


def show_accounts(accounts: Sequence[Account], sessions: Sequence[OpenSession], view: View) -> None:
    """Show the table, the button for a new account, and the open form."""
    columns = titled_columns(KINDS)
    rows = account_rows(accounts, sessions, view)
    clicked = show_whole_table("accounts", text("accounts.table"), columns, rows)
    account = next((account for account in accounts if _row_id(account) == clicked), None)
    if account is not None:
        open_dialog(OpenForm.about(account))
    with st.container(key="account_actions"):
        st.button(
            text("accounts.add"),
            key="account_add",
            icon=":material/person_add:",
            on_click=open_dialog,
            args=(OpenForm("add"),),
        )
    show_open_form(view)


def account_rows(accounts: Sequence[Account], sessions: Sequence[OpenSession], view: View) -> list[Row]:
    """Return one row per account by name, with the number of its open sessions."""
    opened = Counter(session.account for session in sessions)
    rows = []
    for account in sorted(accounts, key=lambda account: sort_key(account.shown)):
        values = account_values(account, view)
        apart = values["account"] or values["provider"]  # people may have the same name
        name = {"text": account.shown, "label": "" if apart == account.shown else f"{account.shown}, {apart}"}
        count = fmt.number(opened[account.name], view.language)
        rows.append(Row(_row_id(account), [name, *(values[column] for column in list(KINDS)[1:-1]), count]))
    return rows


def _row_id(account: Account) -> str:
    """Return the id of a row; a deleted name may be used for another account later."""
    return f"{account.name} {account.created_at}"
