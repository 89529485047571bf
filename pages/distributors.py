"""Händler: where licences are ordered, with templates, articles and the customers' numbers."""

import streamlit as st

from core.roles import Action
from ui.action_messages import errors_shown, show_success
from ui.distributors.distributor_form import edit_distributors
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.texts import text

require(Action.DISTRIBUTORS)
st.title(text("nav.haendler"), anchor=False)
show_success()

with errors_shown(), fenced("nav.haendler"):
    edit_distributors()
