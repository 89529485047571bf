"""The dialog about a tenant that cannot be read: why, since when, and what one can do now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from ui import format as fmt
from ui.frame import navigation, visit
from ui.frame.freshness import refresh_button
from ui.frame.view import current_view
from ui.row_dialog import dialog_subject, show_dialog
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows
from ui.tenant.tenant_header import Tenant, last_error, tenant_of
from ui.texts import text


@dataclass(frozen=True, slots=True)
class UnreadableTenant:
    """The subject of the dialog: the short name of the tenant."""

    slug: str


def unreadable_dialog(snapshot: Snapshot) -> None:
    """Show the dialog if it is open."""
    subject = dialog_subject(UnreadableTenant)
    tenant = None if subject is None else find_tenant(snapshot, subject.slug)
    if tenant is not None:
        show_dialog(tenant.name, "unreadable.title", partial(_content, tenant.slug))


def find_tenant(snapshot: Snapshot, slug: str) -> Tenant | None:
    """Return the tenant with this short name; None if there is none."""
    return next(map(tenant_of, rows(snapshot.tenants[snapshot.tenants["slug"] == slug])), None)


def _content(slug: str) -> None:
    tenant, view = find_tenant(visit.snapshot(), slug), current_view()
    if tenant is None:
        return
    if tenant.problem is not None:
        last_error(tenant, view)
    elif tenant.last_read_at is not None:
        time = fmt.clock(tenant.last_read_at, view.now, view.language, view.zone)
        st.success(text("unreadable.read", time=time), icon=":material/check:")
    with st.container(horizontal=True, vertical_alignment="center", key="unreadable_actions"):
        if tenant.problem is not None and tenant.enabled:
            refresh_button([tenant.tenant_id], label="unreadable.again", place="unreadable")
        navigation.link(navigation.TENANT, text("panel.tenant"), tenant=tenant.slug)
