"""The licence table as a file: all its columns as Arrow, built once per snapshot and language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pyarrow as pa

from core.cache.license_index import MARKS, QUIET_MARKS
from core.licenses.skus import product_language
from ui.frame.language import Language
from ui.snapshots import Snapshot
from ui.texts import text

CHIPS = (*MARKS, *QUIET_MARKS)


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
    alarms = {alarm: text(f"alarm.{alarm}", language) if alarm else "" for alarm in frame["alarm"].unique()}
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
            "alarm": _text_column(frame["alarm"].map(alarms)),
            "alarm_at": pa.array(frame["alarm_at"], pa.timestamp("us", "UTC"), from_pandas=True),
            "kind": _text_column(frame["kind"].map(kinds)),
            "rule": _rule_column(frame, language),
            "sku_id": _text_column(frame["sku_id"]),
        }
    )


def _text_column(column: pd.Series) -> pa.DictionaryArray:
    return pa.array(column.astype(object), pa.string()).dictionary_encode()


def _rule_column(frame: pd.DataFrame, language: Language) -> pa.DictionaryArray:
    """Return for each row the words of `rule_words`."""
    words = np.full(len(frame), "", dtype=object)
    for place in np.flatnonzero(frame["rule"] != ""):
        words[place] = rule_words(dict(frame.iloc[place]), language)
    return pa.array(words, pa.string()).dictionary_encode()


def state_words(mark: str, language: Language) -> str:
    """Return the word of a mark; a quiet mark has that of its state."""
    return text(f"state.{mark.removeprefix('quiet_')}", language)


def rule_words(license_: Mapping[str, Any], language: Language) -> str:
    """Return the rule that decided about a licence: "Tenant: nur anzeigen (Testumgebung)", "" if none did."""
    if not license_["rule"]:
        return ""
    count = license_["warn_level"] if license_["rule"] == "warn" else license_["threshold"]
    level = text(f"rule.level.{license_['rule_level']}", language)
    what = text(f"rule.what.{license_['rule']}", language, count=count)
    return f"{level}: {what} ({license_['rule_reason']})"


def _state_column(snapshot: Snapshot, language: Language) -> pa.ListArray:
    """Return the state of each row, or two for a shortage that is also in grace or suspended."""
    stacked = np.stack([snapshot.index.shown_marks[mark] for mark in CHIPS], axis=1)
    _, which = np.nonzero(stacked)
    offsets = np.concatenate([[0], np.cumsum(stacked.sum(axis=1))])
    words = pa.array([state_words(mark, language) for mark in CHIPS], pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words.take(pa.array(which)))
