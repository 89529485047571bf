"""The table of the current shortages, the worst first, with the state of their alarms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.cache.frame_index import Positions
from ui.cases.case_change import show_problem
from ui.frame.skip_link import table_begins
from ui.snapshots import Snapshot
from ui.tables import license_table
from ui.tables.license_rows import SHORTAGES
from ui.texts import text

MOST_ROWS = 10


def current_shortages(snapshot: Snapshot) -> Positions:
    """Return the rows of the shortages: the over-assigned by missing seats, then the others, the longest first."""
    shortages = snapshot.licenses[snapshot.index.has("shortage")]
    missing = shortages["free"].where(shortages["state"] == "over", 0)
    ordered = shortages.assign(missing=missing).sort_values(
        ["missing", "short_since"], kind="stable", na_position="last"
    )
    return ordered.index.to_numpy()


def no_shortages_words(snapshot: Snapshot) -> str:
    """Return the sentence in place of the table; it counts the licences that would be shortages without a rule."""
    paid = snapshot.licenses["kind"].to_numpy(dtype=object) == "paid"
    exempt = int((snapshot.index.has("used_up") & paid).sum())
    return text("start.no_shortages_by_rule", count=exempt) if exempt else text("start.no_shortages")


def show_shortages(snapshot: Snapshot, beside: Callable[[], None]) -> None:
    """Show the heading, what stands `beside` it, and the table; a click on a name opens the licence."""
    shortages = current_shortages(snapshot)
    table = partial(license_table.table_of, snapshot, shortages)
    license_table.section(text("start.shortages"), len(shortages), table, "engpaesse", beside)
    if not len(shortages):
        st.caption(no_shortages_words(snapshot))
        return
    show_problem()
    table_begins()
    name = text("start.shortages")
    license_table.show_licenses(snapshot, shortages, SHORTAGES, "shortages", name, most=MOST_ROWS)
