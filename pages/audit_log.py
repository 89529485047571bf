"""Protokoll: the audit log of all changes, with person, time and origin."""

import streamlit as st

from core.roles import Action
from ui.action_messages import errors_shown
from ui.audit.audit_check import verify_block
from ui.audit.audit_table import show_audit
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.view import current_view
from ui.texts import text

user = require(Action.AUDIT)
snapshot = visit.snapshot()
view = current_view()

st.title(text("nav.protokoll"), anchor=False)
st.caption(text("audit.intro"))
with fenced("audit.verify"):
    verify_block(view)
with fenced("nav.protokoll"), errors_shown():
    show_audit(snapshot, user, view)
