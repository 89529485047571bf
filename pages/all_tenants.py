"""Alle Tenants: every licence of every tenant, to search, filter, sort, export and send as a link."""

import streamlit as st

from core.roles import Action
from ui.action_messages import show_success
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.skip_link import skip_link, table_begins
from ui.frame.view import current_view
from ui.license_panel import license_panel
from ui.tables import license_rows
from ui.tables.license_filters import license_filters, matching, sort_by
from ui.tables.license_table import count_and_downloads, show_licenses
from ui.texts import text
from ui.unreadable_tenant import unreadable_dialog

require(Action.LOOK)
snapshot = visit.snapshot()
stop_without_tenants(snapshot, text("nav.alle-tenants"))

skip_link(text("table.skip"))
st.title(text("nav.alle-tenants"), anchor=False)
freshness(snapshot)
show_success()

with fenced("tenant.licenses"):
    filters = license_filters(snapshot)
    rows = matching(snapshot.index, filters, current_view().language)
    count_and_downloads(snapshot, rows, filters)
    table_begins()
    name = text("nav.alle-tenants")
    event = show_licenses(snapshot, rows, license_rows.ALL, "licenses", name, sort=filters.sort)
    if event is not None and event.what == "sort":
        sort_by(event.column)
license_panel(snapshot)
unreadable_dialog(snapshot)
