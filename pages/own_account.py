"""Mein Konto: one's own password, second factor and sessions."""

import streamlit as st

from core import runtime
from core.access.sessions import open_sessions
from core.roles import PASSWORD_DUE, Action
from ui.accounts.own_account_form import factor_form, password_form
from ui.accounts.sessions_table import show_sessions
from ui.action_messages import errors_shown, show_secret, show_success
from ui.escaping import plain
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.texts import text
from ui.views.start_choice import start_choice

user = require(Action.OWN_ACCOUNT)
view = current_view()
engine = runtime.current().engine

password_due = user.role == PASSWORD_DUE  # then this is the only page, and it shows the form only
st.title(text("nav.mein-konto"), anchor=False)
if password_due:
    st.info(text("own.password_due", name=plain(user.shown)), icon=":material/key:")
else:
    st.caption(text("own.who", name=plain(user.shown), role=user.role))
show_success()
show_secret()
with fenced("nav.mein-konto"), errors_shown():
    if password_due:
        password_form()
        st.stop()
    if not user.name.startswith("entra:"):
        password_form()
        factor_form(view)
    else:
        st.info(text("own.entra"), icon=":material/info:")
    start_choice(user)
    show_sessions(open_sessions(engine, user, view.now, account=user.name), view, own=True)
