"""What each table holds of a tenant: every table and column is decided about, and its rows are found and removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from core.cache.mentions import TenantKeys
from core.cache.schema import metadata
from core.cache.tenant_data import (
    Mentioning,
    Through,
    anonymise_rows,
    count_rows,
    delete_rows,
    find_keys,
    rows_of,
)
from core.tenants.data import OTHER_TABLES, TENANT_TABLES, TenantTable
from core.texts import text
from tests.served import ROOT

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ID, OTHER_ID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
KEYS = TenantKeys(ID, "bau", "Bau AG", ("Bau AG",), {OTHER_ID, "bau-ag-chur", "Bau AG Chur"})
LINES = {line.name: line for line in TENANT_TABLES}
DECIDED = {line.name: line.columns for line in TENANT_TABLES} | dict(OTHER_TABLES)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: str(table.name))
def test_somebody_has_decided_about_every_table_and_column(table: Any) -> None:
    assert table.name in DECIDED, f"core/tenants/data.py: does {table.name} hold something of a tenant?"
    assert set(DECIDED[table.name].split()) == set(table.columns.keys()), "core/tenants/data.py: which columns?"


def test_every_line_is_about_a_table_that_exists_once() -> None:
    assert len(LINES) + len(OTHER_TABLES) == len(TENANT_TABLES) + len(OTHER_TABLES) == len(metadata.tables)
    assert set(DECIDED) == set(metadata.tables)


@pytest.mark.parametrize("line", TENANT_TABLES, ids=lambda line: str(line.name))
def test_a_line_fits_its_table(line: Any) -> None:
    columns = set(line.columns.split())
    assert set(line.hidden.split()) <= columns
    if isinstance(line.finder, Through):  # children go before their parents, which are what they are found by
        names = [one.name for one in TENANT_TABLES]
        assert names.index(line.finder.parent) < names.index(line.name)
    elif isinstance(line.finder, Mentioning):
        assert set(line.finder.columns) <= columns
    else:
        assert line.finder.column in columns
    assert line.at_leaving != "anonymised" or isinstance(line.finder, Mentioning)


@pytest.mark.parametrize(
    ("value", "mentioned", "without"),
    [
        ("Bau AG: nicht lesbar", True, "–: nicht lesbar"),
        ("BAU  AG", True, "–"),
        ("Bau AG Chur: nicht lesbar", False, "Bau AG Chur: nicht lesbar"),
        ("Bau AG Chur, Bau AG", True, "Bau AG Chur, –"),
        ("Umbau AG", False, "Umbau AG"),
        ("config-bau-profile.json", True, "config-–-profile.json"),
        ("config-bau-ag-chur-profile.json", False, "config-bau-ag-chur-profile.json"),
        (f"{OTHER_ID} {ID.upper()}", True, f"{OTHER_ID} –"),
        ([ID, OTHER_ID], True, [OTHER_ID]),
        ({"failed": [{"tenant": "bau ag"}, {"tenant": "Bau AG Chur"}]}, True, {"failed": [{"tenant": "Bau AG Chur"}]}),
        (
            {"tenants": 1, "bau": "Bau AG", "ok": [3, None, True]},
            True,
            {"tenants": 1, "bau": "–", "ok": [3, None, True]},
        ),
        ({"code": "bau", "level": "Bau AG"}, False, {"code": "bau", "level": "Bau AG"}),  # words of the product
        ({"tenant": ["bau", "bau-ag-chur"]}, True, {"tenant": ["bau-ag-chur"]}),
        ('{"p": "B\\u0061u AG"}', True, '{"p": "\\u2013"}'),  # a problem as it is stored
        ("[Bau AG]", True, "[–]"),
        ("", False, ""),
        (None, False, None),
    ],
)
def test_mentions_are_found_and_removed(value: Any, mentioned: bool, without: Any) -> None:
    assert KEYS.is_in(value) == mentioned
    assert KEYS.removed_from(value) == without
    assert not KEYS.is_in(KEYS.removed_from(value))


def add_tenant(database: Engine, tenant_id: str, slug: str, name: str, *former: str) -> None:
    add(database, "tenants", tenant_id=tenant_id, slug=slug, name=name, former_names=list(former))


def add(database: Engine, table: str, **values: Any) -> None:
    with database.begin() as connection:
        connection.execute(insert(metadata.tables[table]).values(**values))


def contents(database: Engine, table: str) -> list[Mapping[str, Any]]:
    with database.begin() as connection:
        return [dict(row) for row in connection.execute(select(metadata.tables[table])).mappings()]


@pytest.mark.parametrize("wanted", [ID, ID.upper(), "bau", "bau  ag"])
def test_a_tenant_is_found_by_id_short_name_and_name(database: Engine, wanted: str) -> None:
    add_tenant(database, ID, "bau", "Bau AG", "Alt AG", "Bau AG Chur")
    add_tenant(database, OTHER_ID, "chur", "Bau AG Chur")

    keys = find_keys(database, wanted)

    assert keys is not None
    assert (keys.tenant_id, keys.slug) == (ID, "bau")
    assert keys.names == ("Bau AG", "Alt AG")  # the third name belongs to another tenant now
    assert find_keys(database, "Alt AG") is None


def test_rows_are_found_counted_and_deleted_by_what_identifies_them(database: Engine) -> None:
    for number, (tenant_id, slug, name) in enumerate([(ID, "bau", "Bau AG"), (OTHER_ID, "chur", "Bau AG Chur")], 1):
        add_tenant(database, tenant_id, slug, name)
        add(database, "license_numbers", license_number=number, tenant_id=tenant_id, sku_id="s", last_day=NOW.date())
        units = dict.fromkeys(("enabled", "consumed", "warning", "suspended"), 1)
        add(database, "history", license_number=number, day=NOW.date(), **units)
        add(database, "profile_faults", file=f"config-{slug}-profile.json", slug=slug, problems=[])
        item = {"kind": "license", "item_id": str(number), "etag": "", "fields": {"tenant": name, "name": "E3"}}
        add(database, "list_items", **item)
    found = ("history", "profile_faults", "list_items")

    with database.begin() as connection:
        keys = KEYS
        for name in found:
            assert len(list(rows_of(connection, name, LINES[name].finder, keys))) == 1
            assert count_rows(connection, name, LINES[name].finder, keys) == 1
            assert delete_rows(connection, name, LINES[name].finder, keys) == 1
            assert count_rows(connection, name, LINES[name].finder, keys) == 0

    assert [row["license_number"] for row in contents(database, "history")] == [2]
    assert [row["slug"] for row in contents(database, "profile_faults")] == ["chur"]
    assert [row["fields"]["tenant"] for row in contents(database, "list_items")] == ["Bau AG Chur"]


def test_records_about_several_tenants_forget_one_of_them(database: Engine) -> None:
    run = {"source": "page", "state": "done", "requested_at": NOW}
    summary = {"tenants": 2, "failed": [{"tenant": "Bau AG", "code": "x", "message": "Bau AG: weg"}]}
    add(database, "runs", run_id="1", scope=["Bau AG"], summary=summary, **run)
    add(database, "runs", run_id="2", scope=["Bau AG Chur"], summary={"tenants": 1, "failed": []}, **run)

    with database.begin() as connection:
        finder = LINES["runs"].finder
        assert isinstance(finder, Mentioning)
        assert anonymise_rows(connection, "runs", finder, KEYS) == 1

    assert {row["run_id"]: (row["scope"], row["summary"]) for row in contents(database, "runs")} == {
        "1": (["–"], {"tenants": 2, "failed": []}),  # an empty scope would mean all tenants
        "2": (["Bau AG Chur"], {"tenants": 1, "failed": []}),
    }


DOCUMENT = ROOT / "docs" / "datenschutz.md"


def documented(line: TenantTable) -> str:
    kept = text(f"data.kept.{line.kept}", "de")
    kept = f"`{kept}`" if kept.startswith("LIZENZTOOL_") else kept
    words = (
        f"`{line.name}`",
        text(f"data.table.{line.name}", "de"),
        kept,
        text(f"data.at_leaving.{line.at_leaving}", "de"),
    )
    return f"| {' | '.join(words)} |"


def test_the_document_tells_each_table_as_it_is() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    start = lines.index("| Tabelle | Wozu | Wie lange | Beim Ausscheiden |") + 2
    end = lines.index("", start)

    assert lines[start:end] == [documented(line) for line in TENANT_TABLES]
