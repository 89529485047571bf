"""Which tenants the table of switches lists, and in which order: a choice, a search, a sort; the URL holds them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.attention.conditions import CERTIFICATE_DAYS
from core.bounds import LONGEST_SEARCH, search_words
from core.name_key import sort_key
from ui.frame import navigation, url
from ui.snapshots import Snapshot
from ui.switch_actions import switchable_tenants
from ui.tables.html_table import Direction
from ui.tables.sort_codes import REVERSED, is_descending, order_of, sort_directions
from ui.texts import text

_KEY, _SEARCH, _SORT = "monitoring_show", "monitoring_q", "_monitoring_sort"
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
# Column of the table -> column of the frame that it is sorted by; the frame comes sorted by name.
SORTS = {"tenant": "", "last_read": "last_read_at", "cert_days": "cert_days", "shortages": "shortages"}


def choose_tenants(snapshot: Snapshot) -> pd.DataFrame:
    """Show the choice and the search, kept in the URL as `?show=&q=&sort=`; return the chosen rows in their order."""
    tenants = switchable_tenants(snapshot)
    counts = {name: int(matching(tenants).sum()) for name, matching in SHOWS.items()}
    arrived = url.new_params(navigation.MONITORING, ("show", "q", "sort"))
    if arrived is not None:
        _fill(arrived)
    chosen = st.segmented_control(
        text("monitoring.show"),
        list(SHOWS),
        key=_KEY,
        required=True,
        format_func=lambda name: f"{text(f'monitoring.show.{name}')} {counts[name]}",
        label_visibility="collapsed",
    )
    search = st.text_input(
        text("monitoring.search"), key=_SEARCH, max_chars=LONGEST_SEARCH, type="search", live="400ms",
        placeholder=text("monitoring.search"), label_visibility="collapsed", autocomplete="off", width=215,
    )  # fmt: skip
    sort = _sort()
    params = {"show": chosen if chosen != "all" else "", "q": search, "sort": sort if sort != "tenant" else ""}
    url.keep_params(navigation.MONITORING, {name: [value] if value else [] for name, value in params.items()})
    return sorted_tenants(with_words(tenants[SHOWS[chosen or "all"](tenants)], search or ""), sort)


def _fill(params: url.Params) -> None:
    show, search, sort = ((params.get(name) or [""])[0] for name in ("show", "q", "sort"))
    st.session_state[_KEY] = show if show in SHOWS else "all"
    st.session_state[_SEARCH] = search[:LONGEST_SEARCH]
    st.session_state[_SORT] = sort if order_of(sort) in SORTS else "tenant"


def with_words(tenants: pd.DataFrame, search: str) -> pd.DataFrame:
    """Return the tenants whose name holds all words of the search."""
    words = search_words(sort_key(search[:LONGEST_SEARCH]))  # without regard to accents
    return tenants[[all(word in sort_key(name) for word in words) for name in tenants["tenant"]]]


def sorted_tenants(tenants: pd.DataFrame, sort: str) -> pd.DataFrame:
    """Return the tenants, which come sorted by name, in the order of `sort`; missing values are the last."""
    column, descending = SORTS[order_of(sort)], is_descending(sort)
    if not column:
        return tenants[::-1] if descending else tenants
    return tenants.sort_values(column, ascending=not descending, kind="stable")


def column_directions() -> dict[str, Direction]:
    """Return for each column that sorts how the rows are sorted by it now."""
    return sort_directions(_sort(), {column: column for column in SORTS})


def sort_by(column: str) -> None:
    """Sort by a column, or the other way round if it is sorted by it, in a new run."""
    if column in SORTS:
        st.session_state[_SORT] = REVERSED + column if _sort() == column else column
    st.rerun()


def _sort() -> str:
    return str(st.session_state.get(_SORT, "tenant"))
