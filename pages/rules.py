"""Regeln: the rules for alarms, and the exceptions from them, each with its reason."""

import streamlit as st

from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.rules.rule_form import edit_rules
from ui.rules.rules_table import silent_kinds
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.regeln"))

st.title(text("nav.regeln"), anchor=False)
freshness(snapshot)
st.markdown(text("rule.intro"))
st.caption(text("rule.order"))

with fenced("rule.table"):
    st.header(text("rule.table"), anchor=False)
    edit_rules(snapshot, view)

with fenced("rule.silent_kinds"):
    silent_kinds(snapshot, view)
