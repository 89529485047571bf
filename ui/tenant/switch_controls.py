"""The switches of one tenant as two buttons that say what they do."""

from __future__ import annotations

from ui.snapshots import Snapshot
from ui.switch_actions import SWITCHES, may_switch, switch_button, switchable_tenants, switching
from ui.texts import text


def tenant_switches(snapshot: Snapshot, tenant_id: str) -> None:
    """Show the buttons to roles that may switch, if SharePoint has a row for the tenant."""
    tenants = switchable_tenants(snapshot)
    tenant = tenants[tenants["tenant_id"] == tenant_id]
    if tenant.empty or not may_switch():
        return
    for switch in reversed(SWITCHES):
        wanted = switching(tenant, switch, on=not bool(tenant[switch].iloc[0]))
        label = text(f"switch.do.{wanted.key}")
        switch_button(label, wanted, f"tenant_{switch}", help=text(f"switch.{switch}.help"))
