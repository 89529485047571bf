"""Monitoring: the switches of all tenants, and the settings that messages depend on."""

import streamlit as st

from core.roles import Action
from ui.frame import navigation, url, visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.monitoring import list_differences, sharepoint_and_profiles
from ui.monitoring.first_push import first_push_warning
from ui.monitoring.stopped_lists import stopped_lists
from ui.monitoring.switches_table import show_switches, switch_all
from ui.monitoring.tenant_filter import choose_tenants
from ui.switch_actions import show_results
from ui.texts import text
from ui.unreadable_tenant import unreadable_dialog
from ui.views.view_menu import view_menu

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.monitoring"))

st.title(text("nav.monitoring"), anchor=False)
freshness(snapshot)
with fenced("nav.monitoring"):
    sharepoint_and_profiles.lists_status(snapshot, view)
    stopped_lists(snapshot)

with fenced("block.switches"):
    show_results(snapshot)
    list_differences.vanished_rows(snapshot, view)
    first_push_warning(snapshot)
    with st.container(horizontal=True, vertical_alignment="center", key="tenant_filter"):
        tenants = choose_tenants(snapshot)
        switch_all(tenants)
        view_menu(navigation.MONITORING, url.kept_params(navigation.MONITORING), if_any=True)
    show_switches(tenants, view)

with fenced("monitoring.differences"):
    list_differences.unmatched_rows(snapshot)
with fenced("parameters.title"):
    sharepoint_and_profiles.parameters(snapshot)
with fenced("profiles.broken"):
    sharepoint_and_profiles.broken_profiles(snapshot)
unreadable_dialog(snapshot)
