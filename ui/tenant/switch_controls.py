"""The switches of one tenant as two controls, because the cells of the table cannot be set by keyboard."""

from __future__ import annotations

import streamlit as st

from core.tenants.tenant_switches import SwitchChange, Switches
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows
from ui.tables.switches_table import may_switch, round_number, switchable_tenants, unsaved_changes
from ui.texts import text


def tenant_switches(snapshot: Snapshot, tenant_id: str) -> SwitchChange | None:
    """Show the switches to roles that may set them, if SharePoint has a row for the tenant; return a change or None."""
    frame = switchable_tenants(snapshot)
    row = next(rows(frame[frame["tenant_id"] == tenant_id]), None)
    if row is None or not may_switch():
        return None
    seen = (bool(row.enabled), bool(row.monitored))
    enabled = _toggle("enabled", "column.enabled_switch", seen[0], f"{tenant_id}_{seen}")
    monitored = _toggle("monitored", "column.monitored", seen[1], f"{tenant_id}_{seen}")
    wanted: Switches = (enabled, monitored)
    return SwitchChange(tenant_id, seen, wanted) if wanted != seen else None


def unsaved_change(change: SwitchChange | None, name: str) -> None:
    """Show the same buttons as below the table of switches, if there is a change."""
    if change is not None:
        unsaved_changes([change], {change.tenant_id: name})


def _toggle(name: str, label: str, value: bool, where: str) -> bool:
    # A new key, and so a new control, if the value in the database changes or a change is discarded.
    key = f"tenant_{name}_{round_number()}_{where}"
    return st.toggle(text(label), value=value, key=key, help=text(f"switch.{name}.help"))
