"""Tenant: all data of one tenant, with its history."""

from functools import partial

import streamlit as st

from core.roles import Action
from ui.frame import visit
from ui.frame.block_errors import fenced
from ui.frame.freshness import freshness
from ui.frame.identity import require
from ui.frame.no_tenants import stop_without_tenants
from ui.frame.view import current_view
from ui.license_panel import license_panel
from ui.tables import license_rows
from ui.tables.license_table import OF_TENANT, section, show_licenses, table_of
from ui.tenant.cases_block import cases_block
from ui.tenant.contacts_table import contacts_block
from ui.tenant.first_reading_summary import first_reading_summary
from ui.tenant.history_chart import history_chart
from ui.tenant.leaving_block import leaving_block
from ui.tenant.subscriptions_table import subscriptions_block
from ui.tenant.tenant_header import choose_tenant, last_error, tenant_header
from ui.tenant.timeline import timeline
from ui.texts import text

require(Action.LOOK)
snapshot = visit.snapshot()
view = current_view()
stop_without_tenants(snapshot, text("nav.tenant"))

tenant = choose_tenant(snapshot)
if tenant is None:
    st.stop()
with fenced("block.tenant"):
    tenant_header(snapshot, tenant, view)
freshness(snapshot, only=[tenant.tenant_id] if tenant.enabled else [])
with fenced("block.tenant"):
    last_error(tenant, view)
    first_reading_summary(snapshot, tenant.tenant_id, view)

rows = snapshot.index.of_tenant(tenant.slug)
with fenced("tenant.licenses"):
    section(text("tenant.licenses"), len(rows), partial(table_of, snapshot, rows, OF_TENANT), f"lizenzen-{tenant.slug}")
    if len(rows):
        name = text("tenant.licenses_of", tenant=tenant.name)
        show_licenses(snapshot, rows, license_rows.OF_TENANT, f"licenses_{tenant.slug}", name)
    else:
        st.info(text("tenant.no_licenses" if tenant.enabled else "tenant.not_shown"), icon=":material/info:")

with fenced("nav.faelle"):
    cases_block(snapshot, tenant, view)

with fenced("timeline.title"):
    if len(rows):
        timeline(snapshot, tenant, rows, view)
license_panel(snapshot)

with fenced("history.title"):
    if len(rows):
        history_chart(snapshot, tenant, rows, view)

with fenced("subscriptions.title"):
    subscriptions_block(snapshot, tenant, view)

with fenced("contact.title"):
    contacts_block(tenant, view)

with fenced("leaving.ask"):
    leaving_block(tenant, view)
