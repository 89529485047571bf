"""Parse Microsoft's CSV of product names."""

import csv
from collections.abc import Iterator
from typing import Any

from core.bounds import LONGEST_NAME, bounded_text
from core.licenses.skus import ImportedName, SkuError, sku_key
from core.name_key import guid_key
from core.problems import Problem, ProblemError
from core.spreadsheets import csv_reader

CSV_COLUMNS = ("Product_Display_Name", "String_Id", "GUID")
LIST_PAGE = "https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference"


class ProductNamesError(ProblemError, SkuError):
    """The list of product names could not be read, or is not Microsoft's list."""


def parse_product_names(raw: bytes) -> tuple[list[ImportedName], list[Problem]]:
    """Return the names in Microsoft's CSV, one per SKU id, and a problem for each skipped line.

    The file (LIST_PAGE) has one row per SKU and service plan and is edited by hand. Defects of its versions from 2022
    to 2026: with BOM or in cp1252, doubled rows, blanks and NBSP around GUIDs, "(" in front of them, GUIDs
    broken by a spreadsheet, several names for one GUID (the last wins). A German Excel saves it with semicolons.
    Raises ProductNamesError if columns are missing or no row is usable, and no other error, for any bytes.
    """
    reader = csv_reader(_decode(raw))
    names: dict[str, ImportedName] = {}
    skipped: list[Problem] = []
    columns: list[int] | None = None
    for cells in _rows(reader, skipped):
        if columns is None:
            columns = _columns(cells)
            continue
        name_or_fault = _imported_name(cells, columns)
        if isinstance(name_or_fault, ImportedName):
            names[name_or_fault.sku_id] = name_or_fault
        else:
            skipped.append(_skipped(reader, *name_or_fault))
    if columns is None:
        raise ProductNamesError(Problem("names.empty", {"page": LIST_PAGE}))
    if not names:
        raise ProductNamesError(Problem("names.none", {"page": LIST_PAGE}))
    return list(names.values()), skipped


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _rows(reader: Any, skipped: list[Problem]) -> Iterator[list[str]]:
    """Yield the rows that are not blank."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            skipped.append(_skipped(reader, "no_csv", str(error)))
        else:
            if any(cell.strip() for cell in cells):
                yield cells


def _columns(heading: list[str]) -> list[int]:
    places = {sku_key(cell): place for place, cell in enumerate(heading)}
    missing = [column for column in CSV_COLUMNS if sku_key(column) not in places]
    if missing:
        named = {"missing": ", ".join(missing), "columns": ", ".join(CSV_COLUMNS), "page": LIST_PAGE}
        raise ProductNamesError(Problem("names.columns", named))
    return [places[sku_key(column)] for column in CSV_COLUMNS]


def _skipped(reader: Any, fault: str, value: str) -> Problem:
    return Problem(f"names.line.{fault}", {"line": str(reader.line_num), "value": value})


def _imported_name(cells: list[str], columns: list[int]) -> ImportedName | tuple[str, str]:
    """Return the product of a row, or the fault for which it is skipped, with the value that has it."""
    if len(cells) <= max(columns):
        return "columns", str(len(cells))
    name, sku_part_number, guid = (cells[place].strip() for place in columns)
    sku_id = guid_key(guid)
    if not sku_id:
        return "no_guid", repr(guid[:60])
    if not name:
        return "no_name", sku_id
    shown = bounded_text(" ".join(name.split()), LONGEST_NAME)
    return ImportedName(sku_id, bounded_text(sku_part_number, LONGEST_NAME), shown)
