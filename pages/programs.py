"""Programme: tokens with which programs read the HTTP API."""

import streamlit as st

from core import runtime
from core.access import api_tokens
from core.roles import Action
from ui.accounts.tokens_table import show_tokens
from ui.action_messages import errors_shown, show_secret, show_success
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.texts import text

user = require(Action.TOKENS)
view = current_view()

st.title(text("nav.programme"), anchor=False)
st.caption(text("tokens.intro"))
show_success()
show_secret()
with fenced("nav.programme"), errors_shown():
    show_tokens(api_tokens.list_tokens(runtime.current().engine, user), view)
