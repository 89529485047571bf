"""Tables as files: CSV in the reader's language, or a workbook (XLSX) with real dates and without formulas."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

import pyarrow as pa
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from core.spreadsheets import ENCODING, write_row
from ui.frame.language import Language
from ui.texts import text

MIME = "text/csv; charset=utf-8"
WORKBOOK_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Rows of a worksheet and characters of a cell, from Microsoft's "Excel specifications and limits".
MOST_ROWS, LONGEST_TEXT = 1_048_576, 32_767
NARROWEST, WIDEST = 10, 40  # columns, in characters
# Rows go to a temporary file as they come; no text becomes a formula, a link or a number.
OPTIONS = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """The content of a file of either kind."""

    header: Sequence[str]
    rows: Iterable[Sequence[Any]]


def sheet_of(table: pa.Table, language: Language, labels: Mapping[str, str] | None = None) -> Sheet:
    """Return columns and rows of a shown table; `labels` replace the usual column titles."""
    names = table.column_names
    header = [(labels or {}).get(name) or text(f"column.{name}", language) for name in names]
    return Sheet(header, zip(*(table.column(name).to_pylist() for name in names), strict=True))


def to_csv(sheet: Sheet, language: Language, zone: tzinfo) -> bytes:
    """Return a CSV in UTF-8 with BOM and the separator of the language; numbers are plain, times ISO in `zone`."""
    file = io.StringIO(newline="")
    for row in (sheet.header, *sheet.rows):
        write_row(file, [cell(value, zone) for value in row], language)
    return file.getvalue().encode(ENCODING)


def to_workbook(sheet: Sheet, zone: tzinfo) -> bytes:
    """Return an XLSX file with numbers, times in `zone` and a frozen header.

    Rows beyond the limit of a worksheet go into the next one.
    """
    file, rows, number = io.BytesIO(), iter(sheet.rows), MOST_ROWS
    with Workbook(file, OPTIONS) as book:
        styles = {
            "header": book.add_format({"bold": True, "bottom": 1}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        page = _page(book, sheet.header, styles)
        number = 1
        for row in rows:
            if number == MOST_ROWS:
                page, number = _page(book, sheet.header, styles), 1
            for column, value in enumerate(row):
                _write(page, number, column, native(value, zone), styles)
            number += 1
    return file.getvalue()


def _page(book: Workbook, header: Sequence[str], styles: Mapping[str, Any]) -> Worksheet:
    page = book.add_worksheet()
    page.freeze_panes(1, 0)
    for column, name in enumerate(header):
        page.set_column(column, column, min(max(len(name) + 4, NARROWEST), WIDEST))
        page.write_string(0, column, _valid(name), styles["header"])
    return page


def _write(page: Worksheet, row: int, column: int, value: Any, styles: Mapping[str, Any]) -> None:
    if isinstance(value, str):
        page.write_string(row, column, _valid(value))
    elif isinstance(value, datetime):
        page.write_datetime(row, column, value, styles["moment"])
    elif isinstance(value, date):
        page.write_datetime(row, column, value)
    elif isinstance(value, bool):
        page.write_boolean(row, column, value)
    elif value is not None:
        page.write_number(row, column, value)


def _valid(words: str) -> str:
    """Return the text without characters that XML does not allow, cut to the limit of a cell."""
    words = words.translate({0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD})
    return words.encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def native(value: Any, zone: tzinfo) -> Any:
    """Return a value for a workbook: a time in `zone` without its zone, a list as one text, None if missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value


def cell(value: Any, zone: tzinfo) -> Any:
    """Return a value as text for a CSV."""
    value = native(value, zone)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value
