"""CSV for Excel: BOM, the separator of the reader's language, and no cell that could run as a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

import pyarrow as pa

from core.spreadsheets import harmless
from ui.language import Language
from ui.texts import text

SEPARATOR = {"de": ";", "en": ","}
MIME = "text/csv; charset=utf-8"


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], language: Language, zone: tzinfo) -> bytes:
    """Header and rows as UTF-8 with BOM. Numbers stay plain, times become ISO in `zone`."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=SEPARATOR[language], lineterminator="\r\n")
    writer.writerow([cell(name, zone) for name in header])
    writer.writerows([cell(value, zone) for value in row] for row in rows)
    return sheet.getvalue().encode("utf-8-sig")


def table_csv(table: pa.Table, language: Language, zone: tzinfo, labels: Mapping[str, str] | None = None) -> bytes:
    """The columns and rows of a shown table; `labels` replace the usual column titles."""
    names = table.column_names
    header = [(labels or {}).get(name) or text(f"column.{name}", language) for name in names]
    columns = [table.column(name).to_pylist() for name in names]
    return to_csv(header, zip(*columns, strict=True), language, zone)


def cell(value: Any, zone: tzinfo) -> Any:
    """One value as it may stand in a cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return cell(", ".join(map(str, value)), zone)
    if isinstance(value, str):
        return harmless(value)
    return value
