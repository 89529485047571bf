"""Monitoring: which tenants are read and watched, and whether a message would reach somebody."""

import streamlit as st

from core.roles import Action
from ui import list_rows, monitoring, visit
from ui.fence import fenced
from ui.first_push import first_push
from ui.freshness import freshness
from ui.identity import require
from ui.page import look, stop_without_tenants
from ui.switches import edit_switches, switch_frame, tell_results
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = look()
stop_without_tenants(snapshot, text("nav.monitoring"))

st.title(text("nav.monitoring"))
freshness(snapshot)
with fenced("nav.monitoring"):
    monitoring.contact(snapshot, view)

with fenced("block.switches"):
    tell_results(snapshot)
    list_rows.vanished(snapshot, view)
    first_push(snapshot)
    edit_switches(switch_frame(monitoring.choose_tenants(snapshot), view), view)

with fenced("monitoring.differences"):
    list_rows.lists_and_profiles(snapshot)
with fenced("parameters.title"):
    monitoring.parameters(snapshot)
with fenced("profiles.broken"):
    monitoring.broken_profiles(snapshot)
