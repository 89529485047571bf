"""The tenant list against the profiles: rows that vanished, tenants without a row, rows without a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.monitoring import add_to_list, end_monitoring
from core.name_key import name_key
from ui import format as fmt
from ui.data import Snapshot
from ui.page import View
from ui.rows import rows
from ui.safe import plain
from ui.switches import carry_out, may_switch
from ui.texts import text

MOST = 5  # vanished rows shown one by one; one click settles all of them


def vanished(snapshot: Snapshot, view: View) -> None:
    """Tenants whose row has vanished, until each is put back or no longer monitored."""
    missing = snapshot.tenants[snapshot.tenants["missing_since"].notna()]
    if missing.empty or not snapshot.sharepoint.configured:
        return
    count, since = len(missing), missing["missing_since"].min().to_pydatetime()
    when = fmt.clock(since, view.now, view.language, view.zone)
    key = "monitoring.vanished" if count > 1 else "monitoring.vanished_one"
    st.error(text(key, count=count, since=when), icon=":material/error:")
    for row in list(rows(missing))[:MOST]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"vanished-{row.slug}"):
            st.markdown(f"{plain(row.tenant)} · {_last_switches(row)}", width=320)
            _settle([row.tenant_id], [row.tenant], row.slug)
    if count > MOST:
        st.caption(text("monitoring.vanished_more", count=count - MOST))
    if count > 1:
        with st.container(horizontal=True, key="vanished_all"):
            _settle(missing["tenant_id"].tolist(), missing["tenant"].tolist(), "")


def _last_switches(row: Any) -> str:
    if not row.enabled:
        return text("switch.now.off")
    return text("tenant.monitored" if row.monitored else "tenant.not_monitored")


def _settle(tenant_ids: Sequence[str], names: Sequence[str], slug: str) -> None:
    """The two ways out, for those who may; for one tenant, or for all with `slug` ""."""
    if not may_switch():
        return
    many, which = ("", slug) if slug else ("_all", "all")
    _button(
        text(f"monitoring.put_back{many}", count=len(names)),
        f"put_back_{which}",
        add_to_list,
        tenant_ids,
        "playlist_add",
    )
    if st.button(text(f"monitoring.end{many}", count=len(names)), key=f"end_{which}"):
        st.dialog(text("monitoring.end_ask"))(_confirm_end)(tenant_ids, names)


def _confirm_end(tenant_ids: Sequence[str], names: Sequence[str]) -> None:
    st.markdown(text("switch.warning", tenants=", ".join(map(plain, names))))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(text("switch.cancel"), key="end_cancel"):
            st.rerun()
        args = (end_monitoring, tenant_ids)
        if st.button(text("monitoring.end"), key="end_now", type="primary", on_click=carry_out, args=args):
            st.rerun()


def lists_and_profiles(snapshot: Snapshot) -> None:
    """Profiles that never had a row in the list, and rows without a profile."""
    if not snapshot.sharepoint.configured or snapshot.sharepoint.read_at is None:
        return
    tenants = snapshot.tenants
    unlisted = tenants[~tenants["listed"].astype(bool) & tenants["missing_since"].isna()]
    strangers = rows_without_profile(snapshot)
    if unlisted.empty and not strangers:
        return
    st.subheader(text("monitoring.differences"))
    if len(unlisted):
        _offer_to_add(unlisted)
    if strangers:
        st.markdown(text("monitoring.strangers"))
        st.markdown("\n".join(f"- {plain(title)}" for title in strangers))


def rows_without_profile(snapshot: Snapshot) -> list[str]:
    """Titles of the list that no profile has; after a renaming the old title may stand here until it is corrected."""
    known = {name_key(name) for name in snapshot.tenants["tenant"]}
    return [row.title for row in snapshot.listed if name_key(row.title) not in known]


def _offer_to_add(tenants: pd.DataFrame) -> None:
    """Tenants with a profile that the SharePoint list does not know, each added with one click."""
    st.markdown(text("monitoring.not_listed"))
    for row in rows(tenants):
        with st.container(horizontal=True, vertical_alignment="center", key=f"unlisted-{row.slug}"):
            st.markdown(plain(row.tenant), width=320)
            if may_switch():
                _button(text("monitoring.add"), f"add_{row.slug}", add_to_list, [row.tenant_id])
    if len(tenants) > 1 and may_switch():
        ids = tenants["tenant_id"].tolist()
        _button(text("monitoring.add_all", count=len(tenants)), "add_all", add_to_list, ids)


def _button(label: str, key: str, action: Callable[..., Any], ids: Sequence[str], icon: str = "add") -> None:
    st.button(label, key=key, icon=f":material/{icon}:", on_click=carry_out, args=(action, ids))
