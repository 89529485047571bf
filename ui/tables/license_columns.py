"""The columns of the licence table: built as Arrow once per snapshot and language, and how each is displayed.

Arrow tables instead of frames, because Streamlit turns a frame into Arrow at every rerun: 0.6 against 8 ms
for 8,000 rows. Repeated words are dictionary-encoded, which makes the message four times smaller.
The state is a chip with a word and a sign (column type "multiselect"): coloured without a pandas Styler.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from core.cache.license_index import MARKS, QUIET_MARKS
from core.licenses.skus import product_language
from ui.frame.language import Language
from ui.snapshots import Snapshot
from ui.texts import text

SIGNS = {
    "shortage": "●", "over": "▲", "low": "◐", "grace": "◷", "suspended": "■", "gone": "○", "used_up": "–", "ok": "✓",
    "hidden": "◌", "quiet_over": "△", "quiet_low": "◔", "quiet_suspended": "□",
}  # fmt: skip
# White text on these has at least 5.6 : 1. Quiet states carry no colour at all, so that the loud ones are seen.
CHIP_COLOURS = {
    "shortage": "#B42318", "over": "#B42318", "low": "#B54708", "grace": "#6941C6", "suspended": "#6941C6",
}  # fmt: skip
QUIET = "#00000000"
BAR = "#667085"
CHIPS = (*MARKS, *QUIET_MARKS)


def chip(mark: str, language: Language) -> str:
    """Return the sign and the name of a mark; a quiet mark has the name of its state."""
    state = mark.removeprefix("quiet_")
    return f"{SIGNS[mark]} {text(f'state.{state}', language)}"


_tables: WeakKeyDictionary[Snapshot, dict[Language, pa.Table]] = WeakKeyDictionary()


def license_table(snapshot: Snapshot, language: Language, zone: str) -> pa.Table:
    """Return every licence, in the order of the snapshot; all sessions share one table per language."""
    table_by_language = _tables.setdefault(snapshot, {})
    if language not in table_by_language:
        table_by_language[language] = _build(snapshot, language, zone)
    return table_by_language[language]


def _build(snapshot: Snapshot, language: Language, zone: str) -> pa.Table:
    frame = snapshot.licenses
    product = frame[f"product_{product_language(language)}"]
    kinds = {kind: text(f"kind.{kind}", language) for kind in frame["kind"].unique()}
    return pa.table(
        {
            "state": _state_column(snapshot, language),
            "tenant": _text_column(frame["tenant"]),
            "product": _text_column(product),
            "sku_part_number": _text_column(frame["sku_part_number"]),
            "enabled": pa.array(frame["enabled"], pa.int64()),
            "consumed": pa.array(frame["consumed"], pa.int64()),
            "free": pa.array(frame["free"], pa.int64()),
            "utilisation": pa.array((frame["utilisation"] * 100).round().astype("Int64"), pa.int64()),
            "renews_at": pa.array(frame["renews_at"].dt.tz_convert(zone).dt.date, pa.date32(), from_pandas=True),
            "short_since": pa.array(frame["short_since"], pa.timestamp("us", "UTC"), from_pandas=True),
            "kind": _text_column(frame["kind"].map(kinds)),
            "rule": _rule_column(frame, language),
            "sku_id": _text_column(frame["sku_id"]),
        }
    )


def _text_column(column: pd.Series) -> pa.DictionaryArray:
    return pa.array(column.astype(object), pa.string()).dictionary_encode()


def _rule_column(frame: pd.DataFrame, language: Language) -> pa.DictionaryArray:
    """Return the rule that decided for each row: "Tenant: nur anzeigen (Testumgebung)", "" if none did."""
    words = np.full(len(frame), "", dtype=object)
    for place in np.flatnonzero(frame["rule"] != ""):
        row = frame.iloc[place]
        count = row["warn_level"] if row["rule"] == "warn" else row["threshold"]
        level = text(f"rule.level.{row['rule_level']}", language)
        what = text(f"rule.what.{row['rule']}", language, count=count)
        words[place] = f"{level}: {what} ({row['rule_reason']})"
    return pa.array(words, pa.string()).dictionary_encode()


def _state_column(snapshot: Snapshot, language: Language) -> pa.ListArray:
    """Return one chip per row, or two for a shortage that is also in grace or suspended."""
    index = snapshot.index
    has_chip = {mark: index.has(mark) for mark in CHIPS}
    has_chip["shortage"] = has_chip["shortage"] & ~has_chip["over"]
    for quiet, loud in QUIET_MARKS.items():
        has_chip[loud] = has_chip[loud] & ~has_chip[quiet]
    stacked = np.stack([has_chip[mark] for mark in CHIPS], axis=1)
    _, which = np.nonzero(stacked)
    offsets = np.concatenate([[0], np.cumsum(stacked.sum(axis=1))])
    words = pa.array([chip(mark, language) for mark in CHIPS], pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words.take(pa.array(which)))


def words_column(name: str, width: int) -> Any:
    """Return the display of a column of text under the title `column.<name>`."""
    return st.column_config.TextColumn(text(f"column.{name}"), width=width)


def moment_column(name: str, language: Language, zone: str, width: int = 140) -> Any:
    """Return the display of a column of times, to the minute in `zone`."""
    return st.column_config.DatetimeColumn(
        text(f"column.{name}", language), format=text("format.grid_moment", language), timezone=zone, width=width
    )


def column_config(language: Language, zone: str) -> dict[str, Any]:
    """Return how each column is displayed."""
    column = st.column_config
    chips = [chip(mark, language) for mark in CHIPS]

    def label(name: str) -> str:
        return text(f"column.{name}", language)

    return {
        "state": column.MultiselectColumn(
            label("state"), options=chips, color=[CHIP_COLOURS.get(mark, QUIET) for mark in CHIPS], width=130
        ),
        "tenant": column.TextColumn(label("tenant"), width=150),
        "product": column.TextColumn(label("product"), width=225),
        "sku_part_number": column.TextColumn(label("sku_part_number"), width=190),
        "enabled": column.NumberColumn(label("enabled"), format="localized", width=80),
        "consumed": column.NumberColumn(label("consumed"), format="localized", width=85),
        "free": column.NumberColumn(label("free"), format="localized", width=58),
        "utilisation": column.ProgressColumn(
            label("utilisation"), format="%d %%", min_value=0, max_value=100, color=BAR, width=105
        ),
        "renews_at": column.DateColumn(label("renews_at"), format=text("format.grid_day", language), width=98),
        "short_since": moment_column("short_since", language, zone, 135),
        "kind": column.TextColumn(label("kind"), width=120),
        "rule": column.TextColumn(label("rule"), width=230),
        "sku_id": column.TextColumn(label("sku_id"), width=120),
    }
