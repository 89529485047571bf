"""Differences between the tenant list in SharePoint and the profiles: vanished rows, tenants without a row, rows
without a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core.name_key import name_key
from core.refresh.tenant_switches import add_to_list, end_monitoring
from ui import format as fmt
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.switch_actions import carry_out, may_switch
from ui.tables.frame_rows import rows
from ui.texts import plural, text

MOST = 5  # vanished rows with buttons of their own; the last buttons are for all


@dataclass(frozen=True, slots=True)
class RowAction:
    """An action on rows of the tenant list: its name in the keys of texts, the function of core, its icon."""

    name: str
    apply: Callable[..., Any]
    symbol: str = ""

    @property
    def icon(self) -> str | None:
        return f":material/{self.symbol}:" if self.symbol else None


def vanished_rows(snapshot: Snapshot, view: View) -> None:
    """Show the tenants whose row has vanished, with the buttons to put it back or to end their monitoring."""
    missing = snapshot.tenants[snapshot.tenants["missing_since"].notna()]
    if missing.empty or not snapshot.sharepoint.configured:
        return
    count, since = len(missing), missing["missing_since"].min().to_pydatetime()
    when = fmt.clock(since, view.now, view.language, view.zone)
    st.error(plural("monitoring.vanished", count, since=when), icon=":material/error:")
    for row in list(rows(missing))[:MOST]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"vanished-{row.slug}"):
            st.markdown(f"{plain(row.tenant)} · {_last_switches(row)}", width=320)
            _vanished_actions([row.tenant_id], [row.tenant], row.slug)
    if count > MOST:
        st.caption(text("monitoring.vanished_more", count=count - MOST))
    if count > 1:
        with st.container(horizontal=True, key="vanished_all"):
            _vanished_actions(missing["tenant_id"].tolist(), missing["tenant"].tolist(), "")


def _last_switches(row: Any) -> str:
    if not row.enabled:
        return text("switch.now.off")
    return text("tenant.monitored" if row.monitored else "tenant.not_monitored")


def _vanished_actions(tenant_ids: Sequence[str], names: Sequence[str], slug: str) -> None:
    """Show the two actions on a vanished row: for one tenant, or for all if `slug` is ""."""
    many, which = ("", slug) if slug else ("_all", "all")
    for action in (RowAction("put_back", add_to_list, "playlist_add"), RowAction("end", end_monitoring)):
        _action_button(action, text(f"monitoring.{action.name}{many}", count=len(names)), which, tenant_ids, names)


def _action_button(action: RowAction, label: str, which: str, tenant_ids: Sequence[str], names: Sequence[str]) -> None:
    """Show the button of an action to roles that may switch; a click asks first and names the tenants."""
    if may_switch() and st.button(label, key=bound_key(f"{action.name}_{which}", *tenant_ids), icon=action.icon):
        st.dialog(text(f"monitoring.{action.name}_ask"))(_confirm)(action, tenant_ids, names)


def _confirm(action: RowAction, tenant_ids: Sequence[str], names: Sequence[str]) -> None:
    listed = ", ".join(map(plain, names))
    st.markdown(text("switch.warning", tenants=listed) if action.apply is end_monitoring else f"**{listed}**")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="end_cancel"):
            st.rerun()
        key, args = bound_key(f"{action.name}_now", *tenant_ids), (action.apply, tenant_ids)
        if st.button(text(f"monitoring.{action.name}"), key=key, type="primary", on_click=carry_out, args=args):
            st.rerun()


def unmatched_rows(snapshot: Snapshot) -> None:
    """Show the tenants that never had a row in the list, and the rows without a profile."""
    if not snapshot.sharepoint.configured or snapshot.sharepoint.read_at is None:
        return
    tenants = snapshot.tenants
    unlisted = tenants[~tenants["listed"].astype(bool) & tenants["missing_since"].isna()]
    strangers = rows_without_profile(snapshot)
    if unlisted.empty and not strangers:
        return
    st.header(text("monitoring.differences"), anchor=False)
    if len(unlisted):
        _unlisted_tenants(unlisted)
    if strangers:
        st.markdown(text("monitoring.strangers"))
        st.markdown("\n".join(f"- {plain(title)}" for title in strangers))


def rows_without_profile(snapshot: Snapshot) -> list[str]:
    """Return the titles in the list that no profile has, such as the old name of a renamed tenant."""
    profile_keys = {name_key(name) for name in snapshot.tenants["tenant"]}
    return [row.title for row in snapshot.listed if name_key(row.title) not in profile_keys]


def _unlisted_tenants(tenants: pd.DataFrame) -> None:
    """Show the tenants that are not in the list, each with a button to add it."""
    st.markdown(text("monitoring.not_listed"))
    add = RowAction("add", add_to_list, "add")
    for row in rows(tenants):
        with st.container(horizontal=True, vertical_alignment="center", key=f"unlisted-{row.slug}"):
            st.markdown(plain(row.tenant), width=320)
            _action_button(add, text("monitoring.add"), row.slug, [row.tenant_id], [row.tenant])
    if len(tenants) > 1:
        ids, names = tenants["tenant_id"].tolist(), tenants["tenant"].tolist()
        _action_button(add, text("monitoring.add_all", count=len(tenants)), "all", ids, names)
