"""The products of all tenants: added up from the licences, told in sentences, searched, sorted and downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cache.product_frame import PRODUCT_COLUMNS
from core.licenses.units import License
from tests.page_world import World, filled_world, license_
from ui import snapshots
from ui.products.product_filters import ProductFilters, matching_products
from ui.products.products_table import product_sentences, products_export
from ui.snapshots import Snapshot
from ui.tables.license_filters import Filters, matching


def snapshot_of(folder: Path, *tenants: list[License]) -> Snapshot:
    """Return the snapshot of as many tenants with these licences."""
    world = World.at(folder)
    for number, licenses in enumerate(tenants):
        world.read(world.tenant(f"Tenant {number}"), *licenses)
    return snapshots.newest(world.runtime)


def parts(snapshot: Snapshot, **filters: Any) -> list[str]:
    index = snapshot.products
    positions = matching_products(index, ProductFilters(**filters), "de")
    return [record["sku_part_number"] for record in index.records(positions)]


def test_a_product_is_added_up_over_its_tenants(tmp_path: Path) -> None:
    snapshot = snapshot_of(
        tmp_path,
        [license_("SPB", 10, 10)],
        [license_("SPB", 5, 7)],
        [license_("SPB", 30, 16)],
        [license_("SPB", 40, 39)],
    )

    (row,) = snapshot.products.records(matching_products(snapshot.products, ProductFilters(), "de"))

    wanted = {"shortages": 2, "low": 1, "tenants": 4, "enabled": 85, "consumed": 72, "free_seats": 15, "kind": "paid"}
    assert {name: row[name] for name in wanted} == wanted
    assert round(row["utilisation"], 3) == 0.847
    assert product_sentences(snapshot, "de") == [
        "**Microsoft 365 Business Premium**: 2 Engpässe, 15 frei in anderen Tenants"
    ]


@pytest.mark.parametrize(
    ("other", "free", "sentence"),
    [
        pytest.param(license_("SPB", 9, 0), 9, "1 shortage, 9 free in other tenants", id="free"),
        pytest.param(license_("SPB", 9, 9), 0, "2 shortages, none free in other tenants", id="none"),
        pytest.param(
            license_("SPB", 9, 5, capability_status="Suspended"), 0, "1 shortage, none free in other tenants",
            id="suspended-seats-cannot-be-given",
        ),
        pytest.param(license_("SPB", 0, 0, warning=9), 0, "1 shortage, none free in other tenants", id="in-grace"),
    ],
)  # fmt: skip
def test_only_seats_that_can_be_given_are_free(tmp_path: Path, other: License, free: int, sentence: str) -> None:
    snapshot = snapshot_of(tmp_path, [license_("SPB", 3, 3)], [other])

    assert [
        record["free_seats"]
        for record in snapshot.products.records(matching_products(snapshot.products, ProductFilters(), "en"))
    ] == [free]
    assert product_sentences(snapshot, "en") == [f"**Microsoft 365 Business Premium**: {sentence}"]


def test_the_worst_product_comes_first_and_free_ones_after_those_that_are_paid(tmp_path: Path) -> None:
    few = [license_("FLOW_FREE", 10_000, 9_999), license_("VISIOCLIENT", 10, 2), license_("POWER_BI_PRO", 40, 39)]
    snapshot = snapshot_of(tmp_path, [*few, license_("SPB", 3, 3)])

    assert parts(snapshot) == ["SPB", "POWER_BI_PRO", "VISIOCLIENT", "FLOW_FREE"]
    assert parts(snapshot, sort="enabled") == ["FLOW_FREE", "POWER_BI_PRO", "VISIOCLIENT", "SPB"]
    assert parts(snapshot, sort="-enabled") == ["SPB", "VISIOCLIENT", "POWER_BI_PRO", "FLOW_FREE"]
    assert parts(snapshot, kinds=("free",)) == ["FLOW_FREE"]
    assert parts(snapshot, search="power bi") == ["POWER_BI_PRO"]


def test_what_is_gone_counts_for_no_product(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    tenant = world.tenant("Schule Höri")
    world.read(tenant, license_("SPB", 5, 5), license_("VISIOCLIENT", 5, 5))
    world.read(tenant, license_("SPB", 5, 5))

    assert parts(snapshots.newest(world.runtime)) == ["SPB"]


def test_without_a_licence_there_are_no_products(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, [])

    assert parts(snapshot) == []
    assert product_sentences(snapshot, "de") == []


def test_every_licence_that_is_shown_is_in_its_product(tmp_path: Path) -> None:
    snapshot = snapshots.newest(filled_world(tmp_path).runtime)
    records = snapshot.products.records(matching_products(snapshot.products, ProductFilters(), "de"))

    assert sum(record["shortages"] for record in records) == snapshot.index.count("shortage")
    assert sum(record["low"] for record in records) == snapshot.index.count("low")
    assert set(records[0]) == {*PRODUCT_COLUMNS, "severity"}


def test_a_search_for_a_whole_part_number_finds_that_product_alone(tmp_path: Path) -> None:
    licenses = [license_("MCOEV", 5, 5), license_("MCOEV_FACULTY", 5, 5)]
    snapshot = snapshot_of(tmp_path, licenses)
    found: Callable[[str], int] = lambda search: len(matching(snapshot.index, Filters(search=search), "de"))  # noqa: E731

    assert [found("mcoev"), found("MCOEV_FACULTY"), found("mcoe"), found("")] == [1, 1, 2, 2]


def test_the_file_has_numbers_and_the_ids_of_the_products(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, [license_("SPB", 10, 10)], [license_("SPB", 30, 16)])

    table = products_export(snapshot, matching_products(snapshot.products, ProductFilters(), "de"), "de")

    (row,) = table.to_pylist()
    assert row == {
        "product": "Microsoft 365 Business Premium", "shortages": 1, "low": 0, "tenants": 2, "enabled": 40,
        "consumed": 26, "free_seats": 14, "utilisation": 65, "sku_part_number": "SPB", "kind": "bezahlt",
        "sku_id": row["sku_id"],
    }  # fmt: skip
