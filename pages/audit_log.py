"""Protokoll: who changed what, when and from where."""

import streamlit as st

from core.roles import Action
from ui.frame import visit
from ui.action_messages import told
from ui.audit.audit_check import check
from ui.audit.audit_table import show_audit
from ui.frame.block_errors import fenced
from ui.frame.identity import require
from ui.frame.page import look
from ui.texts import text

user = require(Action.AUDIT)
snapshot = visit.snapshot()
view = look()

st.title(text("nav.protokoll"))
st.caption(text("audit.intro"))
with fenced("audit.verify"):
    check(view)
with fenced("nav.protokoll"), told():
    show_audit(snapshot, user, view)
