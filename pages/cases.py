"""Fälle: the shortage cases, of one's own or all, as a table or as a board by state."""

import streamlit as st

from core.roles import Action
from ui.cases.case_change import show_outcome
from ui.cases.case_list import case_list
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.skip_link import skip_link
from ui.frame.view import current_view
from ui.texts import text

user = require(Action.LOOK)
snapshot = visit.snapshot()
stop_without_tenants(snapshot, text("nav.faelle"))

skip_link(text("table.skip"))
st.title(text("nav.faelle"), anchor=False)
freshness(snapshot)
show_outcome()

with fenced("nav.faelle"):
    case_list(snapshot, user, current_view())
