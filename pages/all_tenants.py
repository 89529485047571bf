"""Alle Tenants: every licence of every tenant, to search, filter, sort, export and send as a link."""

import streamlit as st

from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.navigation import open_tenant
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.tables.license_filters import license_filters, matching
from ui.tables.license_table import count_and_downloads, show_licenses, table_of
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
stop_without_tenants(snapshot, text("nav.alle-tenants"))

st.title(text("nav.alle-tenants"))
freshness(snapshot)

with fenced("tenant.licenses"):
    filters = license_filters(snapshot)
    rows = matching(snapshot.index, filters, current_view().language)
    shown = table_of(snapshot, rows)
    count_and_downloads(snapshot, shown, filters)
    row = show_licenses(shown, snapshot.index.ids_of(rows), "licenses", text("nav.alle-tenants"))
    if row is not None:
        open_tenant(snapshot.index.slug(rows[row]))
