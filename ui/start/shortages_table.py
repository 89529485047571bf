"""The table of the current shortages, the worst first, with the state of their alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.attention.conditions import SHORTAGE_STATES
from core.licenses.skus import product_language
from ui import format as fmt
from ui.escaping import plain
from ui.frame.language import Language
from ui.snapshots import Snapshot
from ui.tables.license_columns import CHIP_COLOURS, QUIET, chip, moment_column
from ui.tables.license_table import HEADER_PIXELS, ROW_PIXELS
from ui.tables.selection import chosen_row, selectable
from ui.texts import text

ALARMS = {
    "told": QUIET, "pending": QUIET, "waiting": CHIP_COLOURS["low"], "unanswered": CHIP_COLOURS["shortage"],
    "not_monitored": QUIET, "no_sharepoint": QUIET,
}  # fmt: skip
MOST_ROWS = 12


def current_shortages(snapshot: Snapshot) -> pd.DataFrame:
    """Return the shortages: first the over-assigned by missing seats, then the others, the longest first."""
    shortages = snapshot.licenses[snapshot.index.has("shortage")]
    missing = shortages["free"].where(shortages["state"] == "over", 0)
    keys = ["missing", "short_since", "tenant", "sku_part_number"]
    return shortages.assign(missing=missing).sort_values(keys, na_position="last").drop(columns="missing")


def no_shortages_words(snapshot: Snapshot) -> str:
    """Return the sentence in place of the table; it counts the licences that would be shortages without a rule."""
    paid = snapshot.licenses["kind"].to_numpy(dtype=object) == "paid"
    exempt = int((snapshot.index.has("used_up") & paid).sum())
    return text("start.no_shortages_by_rule", count=exempt) if exempt else text("start.no_shortages")


def shortage_table(shortages: pd.DataFrame, now: datetime, language: Language, zone: tzinfo) -> pa.Table:
    product = shortages[f"product_{product_language(language)}"]
    since = [None if pd.isna(value) else value.to_pydatetime() for value in shortages["short_since"]]
    states = [state if state in SHORTAGE_STATES else "shortage" for state in shortages["state"]]
    return pa.table(
        {
            "tenant": pa.array(shortages["tenant"].tolist(), pa.string()),
            "product": pa.array(product.tolist(), pa.string()),
            "sku_part_number": pa.array(shortages["sku_part_number"].tolist(), pa.string()),
            "state": pa.array([[chip(state, language)] for state in states], pa.list_(pa.string())),
            "free": pa.array(shortages["free"].tolist(), pa.int64()),
            "since": pa.array([fmt.since(value, now, language) if value else "" for value in since], pa.string()),
            "alarm": pa.array(
                [
                    [_alarm_words(*row, now, language, zone)]
                    for row in zip(shortages["alarm"], shortages["alarm_at"], strict=True)
                ],
                pa.list_(pa.string()),
            ),
            "short_since": pa.array(since, pa.timestamp("us", "UTC")),
        }
    )


def _alarm_words(alarm: str, at: Any, now: datetime, language: Language, zone: tzinfo) -> str:
    """Return the state of an alarm: "gemeldet 12:10", "wartet auf Flow", "⚠ Flow antwortet nicht"."""
    words = text(f"alarm.{alarm}", language)
    return words if alarm != "told" or pd.isna(at) else f"{words} {fmt.clock(at.to_pydatetime(), now, language, zone)}"


def show_shortages(table: pa.Table, ids: Sequence[str], language: Language, zone: tzinfo, name: str) -> int | None:
    """Show the table under the accessible `name`; return the chosen row, None for none. `ids` has one id per row."""
    shown = st.dataframe(
        table,
        **selectable("shortages", ids),
        alt=plain(name),
        hide_index=True,
        column_order=("tenant", "product", "free", "since", "alarm", "state", "sku_part_number", "short_since"),
        column_config=_column_config(table, language, zone),
        height=HEADER_PIXELS + ROW_PIXELS * min(table.num_rows, MOST_ROWS),
    )
    return chosen_row("shortages", ids, shown)


def _column_config(table: pa.Table, language: Language, zone: tzinfo) -> dict[str, Any]:
    """Return how each column is displayed; the alarms with a time are taken from the table."""
    column = st.column_config

    def label(key: str) -> str:
        return text(f"column.{key}", language)

    alarms = [text(f"alarm.{alarm}", language) for alarm in ALARMS]
    told_at = sorted({words for row in table.column("alarm").to_pylist() for words in row} - set(alarms))
    marks = ("shortage", *SHORTAGE_STATES)
    return {
        "tenant": column.TextColumn(label("tenant"), width=165),
        "product": column.TextColumn(label("product"), width=270),
        "state": column.MultiselectColumn(
            label("state"), options=[chip(mark, language) for mark in marks],
            color=[CHIP_COLOURS[mark] for mark in marks], width=135,
        ),
        "free": column.NumberColumn(label("free"), format="localized", width=60),
        "since": column.TextColumn(label("since"), width=75),
        "alarm": column.MultiselectColumn(
            label("alarm"), options=[*alarms, *told_at], color=[*ALARMS.values(), *([QUIET] * len(told_at))], width=190
        ),
        "sku_part_number": column.TextColumn(label("sku_part_number"), width=160),
        "short_since": moment_column("short_since", language, str(zone)),
    }  # fmt: skip
