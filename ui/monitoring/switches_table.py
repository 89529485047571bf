"""The table of all tenants with their switches Aktiv and Überwachung, and the buttons for all rows of the table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.problems import Problem
from ui import format as fmt
from ui.frame import navigation
from ui.frame.view import View
from ui.monitoring.tenant_filter import column_directions, sort_by
from ui.problems import reason
from ui.row_dialog import open_dialog
from ui.switch_actions import SWITCH_ALL, SWITCHES, ask, may_switch, round_number, switch_button, switch_now, switching
from ui.tables.frame_rows import rows
from ui.tables.html_table import Event, Kind, Row, show_first_rows, titled_columns
from ui.texts import text
from ui.unreadable_tenant import UnreadableTenant

MOST_ROWS = 100  # at first
KINDS: dict[str, Kind] = {
    "tenant": "open", "enabled": "switch", "monitored": "switch", "condition": "chip", "last_read": "time",
    "cert_days": "number", "shortages": "number", "flow": "chip",
}  # fmt: skip
TITLES = {"enabled": "enabled_switch"}
TONES = {"failing": "bad", "unread": "warn", "waiting": "warn", "unanswered": "bad"}


def show_switches(tenants: pd.DataFrame, view: View) -> None:
    """Show the table of these tenants; a switch acts at once, and what ends messages asks first."""
    if tenants.empty:
        st.info(text("monitoring.none_shown"), icon=":material/info:")
        return
    event = show_first_rows(
        "switches",
        text("monitoring.table"),
        titled_columns(KINDS, view.language, titles=TITLES, sorts=column_directions()),
        lambda count: switch_rows(tenants.head(count), view),
        total=len(tenants),
        most=MOST_ROWS,
        edition=round_number(),
    )
    if event is not None:
        _act(event, tenants)


def _act(event: Event, tenants: pd.DataFrame) -> None:
    if event.what == "sort":
        sort_by(event.column)
    elif event.what == "open" and event.column == "condition":
        open_dialog(UnreadableTenant(tenants.loc[tenants["tenant_id"] == event.row, "slug"].iloc[0]))
    elif event.what == "open":
        navigation.open_tenant(tenants.loc[tenants["tenant_id"] == event.row, "slug"].iloc[0])
    elif may_switch():
        _set(tenants[tenants["tenant_id"] == event.row], event.column, event.on)


def _set(tenant: pd.DataFrame, switch: str, on: bool) -> None:
    wanted = switching(tenant, switch, on=on)
    if wanted.changes and wanted.asks:
        ask(wanted)
    elif wanted.changes:
        switch_now(wanted)
        st.rerun()


def switch_all(tenants: pd.DataFrame) -> None:
    """Show the buttons that set a switch of all tenants of the table, to roles that may switch."""
    if tenants.empty or not may_switch():
        return
    with st.popover(text("switch.all", count=len(tenants)), key=f"{SWITCH_ALL}_{round_number()}"):
        for switch in reversed(SWITCHES):
            for on in (True, False):
                wanted = switching(tenants, switch, on=on)
                if wanted.changes:
                    label = text(f"switch.do.{wanted.key}")
                    switch_button(
                        f"{label} ({len(wanted.changes)})", wanted, f"switch_all_{wanted.key}", type="tertiary"
                    )


def switch_rows(tenants: pd.DataFrame, view: View) -> list[Row]:
    """Return the rows of the table; a row's id is that of the tenant."""
    return [Row(row.tenant_id, [_cell(name, row, view) for name in KINDS]) for row in rows(tenants)]


def _cell(name: str, row: Any, view: View) -> Any:
    lang = view.language
    if name in SWITCHES:
        title = text(f"column.{TITLES.get(name, name)}", lang)
        named = text("switch.of", lang, switch=title, tenant=row.tenant)
        on, disabled = bool(getattr(row, name)), not may_switch()
        return {"text": named, "on": on, "disabled": disabled, "title": text(f"switch.{name}.help", lang)}
    if name == "condition":
        return _condition_chip(row, lang)
    if name == "flow":
        return _flow_chip(row, lang)
    if name == "last_read":
        return _last_read(row, view)
    value = getattr(row, name)
    if name == "tenant":
        return value
    return "" if pd.isna(value) else fmt.number(int(value), lang)


def _last_read(row: Any, view: View) -> Any:
    if pd.isna(row.last_read_at):
        return ""
    at = row.last_read_at.to_pydatetime()
    return {"text": fmt.clock(at, view.now, view.language, view.zone), "title": fmt.ago(at, view.now, view.language)}


def condition_of(row: Any) -> str:
    """Return "off", "failing", "unread" or "read"."""
    if not row.enabled:
        return "off"
    if isinstance(row.problem, str):
        return "failing"
    return "unread" if pd.isna(row.last_read_at) else "read"


def _condition_chip(row: Any, lang: str) -> Any:
    condition = condition_of(row)
    why = reason(Problem.from_json(row.problem), row.tenant, lang) if condition == "failing" else ""
    chip = {"text": text(f"condition.{condition}", lang), "tone": TONES.get(condition, "quiet")}
    if condition == "failing":
        chip["label"] = f"{chip['text']}: {row.tenant}"
    return {"chips": [chip], "title": why}


def _flow_chip(row: Any, lang: str) -> Any:
    """Return if messages about this tenant still wait for the flow, as a chip."""
    for name in ("unanswered", "waiting"):
        if getattr(row, name):
            return {"chips": [{"text": text(f"flow.{name}", lang), "tone": TONES[name]}]}
    return ""
