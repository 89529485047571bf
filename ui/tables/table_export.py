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
class TableExport:
    """The content of a CSV file or workbook."""

    header: Sequence[str]
    rows: Iterable[Sequence[Any]]


def export_of(table: pa.Table, language: Language) -> TableExport:
    """Return the titles of the columns and the rows of a shown table."""
    names = table.column_names
    header = [text(f"column.{name}", language) for name in names]
    return TableExport(header, zip(*(table.column(name).to_pylist() for name in names), strict=True))


def to_csv(export: TableExport, language: Language, zone: tzinfo) -> bytes:
    """Return a CSV in UTF-8 with BOM and the separator of the language; numbers are plain, times ISO in `zone`."""
    file = io.StringIO(newline="")
    for row in (export.header, *export.rows):
        write_row(file, [csv_value(value, zone) for value in row], language)
    return file.getvalue().encode(ENCODING)


def to_workbook(export: TableExport, zone: tzinfo) -> bytes:
    """Return an XLSX file with numbers, times in `zone` and a frozen header.

    Rows beyond the limit of a worksheet go into the next one.
    """
    file, rows, number = io.BytesIO(), iter(export.rows), MOST_ROWS
    with Workbook(file, OPTIONS) as book:
        styles = {
            "header": book.add_format({"bold": True, "bottom": 1}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        worksheet = _add_worksheet(book, export.header, styles)
        number = 1
        for row in rows:
            if number == MOST_ROWS:
                worksheet, number = _add_worksheet(book, export.header, styles), 1
            for column, value in enumerate(row):
                _write_cell(worksheet, number, column, workbook_value(value, zone), styles)
            number += 1
    return file.getvalue()


def _add_worksheet(book: Workbook, header: Sequence[str], styles: Mapping[str, Any]) -> Worksheet:
    worksheet = book.add_worksheet()
    worksheet.freeze_panes(1, 0)
    for column, name in enumerate(header):
        worksheet.set_column(column, column, min(max(len(name) + 4, NARROWEST), WIDEST))
        worksheet.write_string(0, column, _valid_text(name), styles["header"])
    return worksheet


def _write_cell(worksheet: Worksheet, row: int, column: int, value: Any, styles: Mapping[str, Any]) -> None:
    if isinstance(value, str):
        worksheet.write_string(row, column, _valid_text(value))
    elif isinstance(value, datetime):
        worksheet.write_datetime(row, column, value, styles["moment"])
    elif isinstance(value, date):
        worksheet.write_datetime(row, column, value)
    elif isinstance(value, bool):
        worksheet.write_boolean(row, column, value)
    elif value is not None:
        worksheet.write_number(row, column, value)


def _valid_text(words: str) -> str:
    """Return the text without characters that XML does not allow, cut to the limit of a cell."""
    words = words.translate({0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD})
    return words.encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def workbook_value(value: Any, zone: tzinfo) -> Any:
    """Return a value for a workbook: a time in `zone` without its zone, a list as one text, None if missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value


def csv_value(value: Any, zone: tzinfo) -> Any:
    """Return a value as text for a CSV."""
    value = workbook_value(value, zone)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value
