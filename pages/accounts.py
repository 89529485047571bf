"""Konten: the accounts with their roles, and the open sessions."""

import streamlit as st

from core import runtime
from core.access import accounts
from core.access.sessions import open_sessions
from core.roles import Action
from ui.accounts.accounts_table import show_accounts
from ui.accounts.sessions_table import show_sessions
from ui.action_messages import errors_shown, show_secret, show_success
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.texts import text

user = require(Action.ACCOUNTS)
view = current_view()
engine = runtime.current().engine

st.title(text("nav.konten"), anchor=False)
st.caption(text("accounts.intro"))
show_success()
show_secret()
with fenced("nav.konten"), errors_shown():
    sessions = open_sessions(engine, user, view.now)
    show_accounts(accounts.list_accounts(engine, user), sessions, view)
    show_sessions(sessions, view)
