"""Protokoll: who changed what, when and from where."""

import streamlit as st

from core.roles import Action
from ui import visit
from ui.answers import told
from ui.audit_check import check
from ui.audit_table import show_audit
from ui.fence import fenced
from ui.identity import require
from ui.page import look
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
