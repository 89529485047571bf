"""The choice which tenants the table of switches lists: all, unreadable ones, those with an old certificate, ..."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.attention.conditions import CERTIFICATE_DAYS
from ui.frame import navigation, url
from ui.snapshots import Snapshot
from ui.tables.switches_table import switchable_tenants
from ui.texts import text

_KEY = "monitoring_show"
SHOWS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "all": lambda tenants: pd.Series(True, index=tenants.index),
    "unreadable": lambda tenants: (
        tenants["enabled"].astype(bool) & (tenants["problem"].notna() | tenants["last_read_at"].isna())
    ),
    "certificates": lambda tenants: (
        tenants["enabled"].astype(bool) & (tenants["cert_days"].astype("float") < CERTIFICATE_DAYS)
    ),
    "flow": lambda tenants: (tenants["waiting"] + tenants["unanswered"]) > 0,
    "off": lambda tenants: ~(tenants["enabled"].astype(bool) & tenants["monitored"].astype(bool)),
}


def choose_tenants(snapshot: Snapshot) -> pd.DataFrame:
    """Show the choice which tenants the table lists, kept in the URL as `?show=`; return their rows."""
    tenants = switchable_tenants(snapshot)
    counts = {name: int(matching(tenants).sum()) for name, matching in SHOWS.items()}
    arrived = url.new_params(navigation.MONITORING, ("show",))
    if arrived is not None:
        asked = (arrived.get("show") or ["all"])[0]
        st.session_state[_KEY] = asked if asked in SHOWS else "all"
    chosen = st.segmented_control(
        text("monitoring.show"),
        list(SHOWS),
        key=_KEY,
        required=True,
        format_func=lambda name: f"{text(f'monitoring.show.{name}')} {counts[name]}",
        label_visibility="collapsed",
    )
    url.keep_params(navigation.MONITORING, {"show": [chosen] if chosen and chosen != "all" else []})
    return tenants[SHOWS[chosen or "all"](tenants)]
