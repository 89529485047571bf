"""Read the CSV of an import: its lines as requests, and every fault of every line. Pure functions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.name_key import clean_name, name_key
from core.onboarding.request import Request
from core.problems import Problem, ProblemError
from core.spreadsheets import csv_reader
from core.text_files import decoded, shown

MOST_LINES = 5_000
# Field -> its names in the header, compared as letters alone.
COLUMNS = {
    "name": ("name", "tenantname", "kunde", "customer"),
    "tenant": ("tenant", "tenantid", "domain", "tenantidordomain", "tenantidoderdomäne", "domäne", "verzeichnisid"),
    "client_id": ("clientid", "client", "anwendungsid", "appid"),
    "level": ("level", "stufe"),
    "contact": ("contact", "kontakt"),
}
FIELD_BY_TITLE = {title: field for field, titles in COLUMNS.items() for title in titles}
NEEDED = ("name", "tenant")


class CsvUnusable(ProblemError):
    """The file as a whole cannot be read; nothing was imported."""


@dataclass(frozen=True, slots=True)
class CsvLine:
    """A line of the file with its number, and what it asks for."""

    number: int
    request: Request


@dataclass(frozen=True, slots=True)
class CsvContent:
    """The lines, and the faults by the number of their line."""

    lines: Sequence[CsvLine]
    faults: Mapping[int, Sequence[Problem]]


def read_csv(raw: bytes) -> CsvContent:
    """Return the lines of a file, separated by semicolon, comma or tab, with or without a byte order mark.

    Raises CsvUnusable if there is no header that names the columns `name` and `tenant`.
    """
    try:
        text = decoded(raw)[0].removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise CsvUnusable(Problem("onboarding.csv_encoding", {"line": str(_line_at(error))})) from None
    rows = csv_reader(text)
    try:
        return _content(_numbered(rows))
    except csv.Error as error:
        raise CsvUnusable(Problem("onboarding.csv_quotes", {"line": str(rows.line_num)}, str(error))) from None


def _line_at(error: UnicodeDecodeError) -> int:
    return error.object.count(b"\n", 0, error.start) + 1


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, each with the number of its last line."""
    for row in rows:
        if any(cell.strip() for cell in row):
            yield rows.line_num, row  # type: ignore[attr-defined]


def _content(rows: Iterator[tuple[int, list[str]]]) -> CsvContent:
    fields = _fields(next(rows, (0, []))[1])
    lines: list[CsvLine] = []
    faults: dict[int, list[Problem]] = {}
    for number, row in rows:
        if len(lines) >= MOST_LINES:
            raise CsvUnusable(Problem("onboarding.csv_long", {"most": str(MOST_LINES)}))
        values = {field: clean_name(cell) for field, cell in zip(fields, row, strict=False) if field}
        name, tenant, client_id, level, contact = (values.get(field, "") for field in COLUMNS)
        lines.append(CsvLine(number, Request(name, tenant, client_id, level, contact)))
        if len(row) > len(fields) and any(cell.strip() for cell in row[len(fields) :]):
            params = {"line": str(number), "cells": str(len(row)), "columns": str(len(fields))}
            faults.setdefault(number, []).append(Problem("onboarding.csv_cells", params))
    for number, problem in _twice(lines):
        faults.setdefault(number, []).append(problem)
    return CsvContent(lines, faults)


def _fields(header: Sequence[str]) -> list[str]:
    """Return the field of each column, "" for a column that is not read. Raises CsvUnusable."""
    fields = [FIELD_BY_TITLE.get("".join(filter(str.isalnum, name_key(title))), "") for title in header]
    missing = [name for name in NEEDED if name not in fields]
    twice = sorted({name for name in fields if name and fields.count(name) > 1})
    if missing or twice:
        code = "onboarding.csv_header" if missing else "onboarding.csv_column_twice"
        values = {"columns": ", ".join(missing or twice), "header": shown(", ".join(header)) or "–"}
        raise CsvUnusable(Problem(code, values))
    return fields


def _twice(lines: Sequence[CsvLine]) -> Iterator[tuple[int, Problem]]:
    """Yield a problem for each line whose name or tenant an earlier line has."""
    first: dict[tuple[str, str], int] = {}
    for line in lines:
        for what, key in (("name", name_key(line.request.name)), ("tenant", line.request.wanted)):
            earlier = first.setdefault((what, key), line.number)
            if key and earlier != line.number:
                values = {"name": shown(line.request.name), "line": str(earlier)}
                yield line.number, Problem(f"onboarding.csv_{what}_twice", values)
