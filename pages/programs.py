"""Programme: tokens with which programs read the HTTP API."""

import streamlit as st

from core import runtime
from core.access import api_tokens
from core.roles import Action
from ui.action_messages import show_secret, tell_done, told
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.page import look
from ui.texts import text
from ui.accounts.tokens_table import show_tokens

user = require(Action.TOKENS)
view = look()

st.title(text("nav.programme"))
st.caption(text("tokens.intro"))
tell_done()
show_secret()
with fenced("nav.programme"), told():
    show_tokens(api_tokens.list_tokens(runtime.current().engine, user), user, view)
