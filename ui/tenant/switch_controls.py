"""The switches of one tenant as two controls of their own: the cells of the table cannot be set by keyboard."""

from __future__ import annotations

import streamlit as st

from core.tenants.tenant_switches import SwitchChange, Switches
from ui.data import Snapshot
from ui.tables.frame_rows import rows
from ui.tables.switches_table import ask_before, editable, may_switch, round_number
from ui.texts import text


def tenant_switches(snapshot: Snapshot, tenant_id: str) -> SwitchChange | None:
    """Show the two to whoever may set them, if SharePoint has a row for the tenant; what is no longer as it was."""
    frame = editable(snapshot)
    row = next(rows(frame[frame["tenant_id"] == tenant_id]), None)
    if row is None or not may_switch():
        return None
    seen = (bool(row.enabled), bool(row.monitored))
    enabled = _toggle("enabled", "column.enabled_switch", seen[0], f"{tenant_id}_{seen}")
    monitored = _toggle("monitored", "column.monitored", seen[1], f"{tenant_id}_{seen}")
    wanted: Switches = (enabled, monitored)
    return SwitchChange(tenant_id, seen, wanted) if wanted != seen else None


def ask_about(change: SwitchChange | None, name: str) -> None:
    """Discard or save, as below the table."""
    if change is not None:
        ask_before([change], {change.tenant_id: name})


def _toggle(name: str, label: str, value: bool, where: str) -> bool:
    # Another value in the database, or a discarded change, makes another control.
    key = f"tenant_{name}_{round_number()}_{where}"
    return st.toggle(text(label), value=value, key=key, help=text(f"switch.{name}.help"))
