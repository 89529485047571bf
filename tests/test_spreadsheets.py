"""Files for spreadsheets: whoever opens one, and however it is split, nothing in it calculates."""

from __future__ import annotations

import csv
import io
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import chain, combinations
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from openpyxl import load_workbook

from core.audit import Search, find
from core.roles import Actor, NotAllowed
from core.spreadsheets import harmless, separator
from tests.actors import ADMIN
from tests.page_world import World
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    hardened,
    no_runtime_left,
    open_page,
    small,
)
from ui.tables import license_table
from ui.tables import table_export as files
from ui.tables.table_export import TableExport, export_of, to_csv, to_workbook

ZURICH = ZoneInfo("Europe/Zurich")
ATTACK = "Max ;=1+cmd|' /C calc'!A0"
UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # of Unicode: controls, format signs, blanks
SPLITS = [*";,\t|", "\n"]
# As an attacker builds names: words, separators, signs, quotes, blanks and what nobody sees.
CALL = "cmd|' /C calc'!A0"
PIECES = ["Max", "5", "1.5", *SPLITS, *"=+-@＝＋－＠﹦−", '"', '""', "'", " ", "\xa0", "\u200b", "\ufeff", "\r", CALL]
NAMES = some.lists(some.sampled_from(PIECES), max_size=8).map("".join) | some.text(max_size=20)
ROWS = some.lists(some.tuples(NAMES, some.integers(-9, 9), NAMES), max_size=4)


def begins_a_formula(cell: str) -> bool:
    """As the most careless spreadsheet would see it: blanks, quotes and the invisible do not count."""
    seen = unicodedata.normalize("NFKC", cell).replace("−", "-")
    seen = "".join(sign for sign in seen if unicodedata.category(sign) not in UNSEEN).strip(' "')
    if not seen.startswith(("=", "+", "-", "@")):
        return False
    try:
        float(seen.replace(",", "."))
    except ValueError:
        return True
    return seen.startswith("+")


def split(content: bytes) -> list[str]:
    """Every cell as the readers of the world see it: at each separator, with and without a sense for quotes."""
    text = content.decode("utf-8-sig")
    cells = [
        cell for sign in ";,\t|" for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign) for cell in row
    ]
    for signs in chain.from_iterable(combinations(";,\t|", count) for count in (1, 2, 3, 4)):
        lines = text.translate(dict.fromkeys(map(ord, signs), "\n"))
        cells += lines.splitlines()
    return cells


@given(ROWS)
@example([(ATTACK, 1, "x"), ("x", 1, f'"{ATTACK}"'), ("-5,+cmd|' /C calc'!A0", 2, "=1;=2,=3")])
def test_whatever_the_names_and_whoever_splits_them_nothing_calculates(rows: list[tuple[str, int, str]]) -> None:
    for language in ("de", "en"):
        content = to_csv(TableExport(["a", "b", "c"], rows), language, ZURICH)

        assert [cell for cell in split(content) if begins_a_formula(cell)] == []


@given(ROWS)
def test_a_csv_reads_back_and_a_person_finds_the_name(rows: list[tuple[str, int, str]]) -> None:
    for language in ("de", "en"):
        content = to_csv(TableExport(["a", "b", "c"], rows), language, ZURICH)
        found = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator(language))

        assert list(found) == [["a", "b", "c"], *[[harmless(a), str(b), harmless(c)] for a, b, c in rows]]
    for name in (name for row in rows for name in (row[0], row[2])):
        assert harmless(name).replace("'", "") == name.replace("'", "")
        assert harmless(harmless(name)).replace("'", "") == name.replace("'", "")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd", "'=cmd"),
        (" =cmd", " '=cmd"),
        ("\tcmd", "'\tcmd"),
        ("＝cmd", "'＝cmd"),
        ("\ufeff\xa0@cmd", "\ufeff\xa0'@cmd"),
        (ATTACK, "Max ;'=1+cmd|' /C calc'!A0"),
        ('Max,"=1"', 'Max,"\'=1"'),
        ("Max|\u200b+1", "Max|\u200b'+1"),
        ("Max\n-1+1", "Max\n'-1+1"),
        ("Max =1", "Max '=1"),
        ("-5 +cmd", "'-5 '+cmd"),
        ("-5,+cmd", "'-5,'+cmd"),
        ("+41 44 555 12 12", "'+41 44 555 12 12"),
    ],
)
def test_an_apostrophe_stands_before_whatever_could_calculate(text: str, safe: str) -> None:
    assert harmless(text) == safe
    assert harmless(safe).lstrip("'") == safe.lstrip("'")


@pytest.mark.parametrize(
    "text",
    [
        "-5", "-1.5", "12", "-1,5", "anna+test@contoso.example", "2026-11-21 14:05", "Plan - Schulen",
        "A3 (Plan 1) + Intune",
        "Schule; Höri, Bau AG", '{"threshold": -1, "warn": 2}',
        "Schwelle: 2 → -1", "a=b", "'=1", "Exchange-Online", "",
    ],
)  # fmt: skip
def test_what_people_read_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("hostile", [" ", ";", "=", "-1 ", " -", ';"', "-1}", " -1", "\u200b", "'="])
def test_time_grows_with_the_text_and_no_faster(hostile: str) -> None:
    def least_time(size: int) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            harmless(hostile * size + "x")
            times.append(time.process_time() - start)
        return min(times)

    once, fourfold = least_time(10_000), least_time(40_000)

    assert fourfold < 10 * once + 0.01  # in proportion to the square it were 16 times


def test_every_form_of_a_sign_is_known() -> None:
    alike = {chr(code) for code in range(0x110000) if unicodedata.normalize("NFKC", chr(code)) in {*"=+-@−"}}

    assert all(harmless(f"{sign}1+cmd") == f"'{sign}1+cmd" for sign in alike)


def test_the_file_is_one_that_excel_reads_in_the_language() -> None:
    """No `sep=`: with it Excel forgets the BOM."""
    export = TableExport(["Grösse", "b"], [("ü", 1)])

    assert to_csv(export, "de", ZURICH) == "\ufeffGrösse;b\r\nü;1\r\n".encode()
    assert to_csv(export, "en", ZURICH) == "\ufeffGrösse,b\r\nü,1\r\n".encode()


def test_every_sign_that_nobody_sees_is_known() -> None:
    unseen = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in UNSEEN}

    assert [sign for sign in unseen if harmless(f"Max;{sign}=1") != f"Max;{sign}'=1"] == []


# Workbooks


@given(ROWS)
@example([(ATTACK, 1, "=1"), ("https://evil.example", -2, "x" * 40_000)])
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(rows: list[tuple[str, int, str]]) -> None:
    content = to_workbook(TableExport(["=a", "b", "c"], rows), ZURICH)

    page = load_workbook(io.BytesIO(content)).active
    cells = [cell for row in page.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert not [cell for cell in cells if cell.hyperlink]
    assert [row[1].value for row in page.iter_rows(min_row=2)] == [row[1] for row in rows]


def test_a_workbook_holds_the_same_as_the_csv_with_real_numbers_and_times() -> None:
    moment = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
    table = pa.table(
        {
            "tenant": ["=1+1", "Höri", None],
            "free": pa.array([-5, None, 7], pa.int64()),
            "utilisation": [0.5, float("nan"), 1.0],
            "short_since": pa.array([moment, None, None], pa.timestamp("us", "UTC")),
            "renews_at": pa.array([date(2026, 1, 2), None, None], pa.date32()),
            "state": pa.array([["a", "b"], [], ["c"]], pa.list_(pa.string())),
        }
    )

    page = load_workbook(io.BytesIO(to_workbook(export_of(table, "de"), ZURICH))).active
    header, first, second, third = page.iter_rows(values_only=True)

    assert list(header) == list(export_of(table, "de").header)
    assert first == ("=1+1", -5, 0.5, datetime(2026, 11, 21, 14, 5), datetime(2026, 1, 2), "a, b")  # noqa: DTZ001 - a worksheet has no zones
    assert second[:5] == ("Höri", None, None, None, None)
    assert third == (None, 7, 1, None, None, "c")
    assert page.freeze_panes == "A2"
    assert page["D2"].number_format == "yyyy-mm-dd hh:mm"
    assert page.column_dimensions["A"].width >= 10


def test_what_no_worksheet_holds_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)

    book = load_workbook(io.BytesIO(to_workbook(TableExport(["a"], [(number,) for number in range(5)]), ZURICH)))

    assert [[row[0] for row in page.iter_rows(values_only=True)] for page in book] == [
        ["a", 0, 1],
        ["a", 2, 3],
        ["a", 4],
    ]


def test_both_files_are_offered_and_each_is_recorded(
    small: World,  # noqa: F811
    open_page: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, Callable[[], TableExport]] = {}
    monkeypatch.setattr(license_table, "downloads", lambda _label, _file, key, export: made.setdefault(key, export))
    open_page(small, LICENSES)

    assert {"lizenzen-ansicht", "lizenzen"} <= set(made)
    assert len(list(made["lizenzen"]().rows)) == 3
    assert find(small.engine, ADMIN, Search(), limit=1)[0][0].target == "lizenzen"


def test_whoever_may_not_export_gets_neither(small: World, open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    made: dict[str, Callable[[], TableExport]] = {}
    monkeypatch.setattr(license_table, "downloads", lambda _label, _file, key, export: made.setdefault(key, export))
    monkeypatch.setattr(license_table, "current_user", lambda: Actor("x", "nobody", "page"))
    open_page(small, LICENSES)

    with pytest.raises(NotAllowed):
        made["lizenzen"]()
