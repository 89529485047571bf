"""One licence, one item, one alarm: whatever licences and tenants are called, and whatever they were called before."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.cache.catalogue import load_catalogue
from core.cache.frames import licenses_frame
from core.cache.lists_read import sharepoint_status
from simulator import Microsoft365
from tests.office import Office, open_office

TEAMS_ONE, TEAMS_TWO = "1a2b3c4d-1111-4111-8111-111111111111", "9f8e7d6c-2222-4222-8222-222222222222"
QUIET = ("created", "updated", "merged", "triggers_set", "resets", "failed")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


def writes(summary: dict[str, Any]) -> dict[str, int]:
    """What a refresh wrote, without the zeros."""
    return {name: summary["sharepoint"][name] for name in QUIET if summary["sharepoint"][name]}


def alarm_states(office: Office) -> dict[str, str]:
    """SKU id -> how far its alarm is, as the pages show it."""
    catalogue, _ = load_catalogue(office.engine)
    frame = licenses_frame(
        office.engine, catalogue, now=office.now(), flow_timeout=timedelta(hours=1), zone=office.settings.zone
    )
    return dict(zip(frame["sku_id"], frame["alarm"], strict=True))


# Texts that encode an identity


@pytest.mark.parametrize(
    "part_number",
    [
        "Microsoft_365_E3_(no_Teams)",
        "ODD(",
        ")ODD",
        "((",
        "CONTOSO_(500_seats_min)_HUB",
        "TRAILING ",
        " ",
        "",
        "NO\u00a0BREAK",
        "BU\u0308RO_PAKET",
        "\u200e\u200b",
        "X" * 254,
        "\U0001f4e6" * 130,
        "[1a2b3c4d] (SPB)",
        "O'Brien & <Co>",
    ],
)
def test_a_product_is_listed_once_and_told_once_whatever_it_is_called(office: Office, part_number: str) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    tenant.set_sku("odd", part_number=part_number, sku_id=TEAMS_ONE, enabled=10, consumed=10)

    for _ in range(3):
        summary = office.settle()

    assert writes(summary) == {}
    assert len(office.rows()) == len(office.messages) == 1
    assert alarm_states(office) == {TEAMS_ONE: "told"}


def test_a_list_that_does_not_give_back_new_items_is_not_filled(office: Office) -> None:
    """A flow of somebody else takes every new item away."""
    for n in range(3):
        office.m365.add_tenant(f"Schule {n}", skus={"SPB": (10, 10), "SPE_E3": (5, 4)})
    office.sharepoint.licenses.swallows = True

    summary = office.refresh()

    assert summary["sharepoint"]["created"] <= 6
    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.not_found_again"
    assert (
        "(SPB)" in summary["sharepoint"]["problem"]["message"]
        or "(SPE_E3)" in summary["sharepoint"]["problem"]["message"]
    )
    assert next(problem.code for problem in sharepoint_status(office.engine).problems) == "sharepoint.not_found_again"

    office.sharepoint.licenses.swallows = False
    office.settle()

    assert len(office.rows()) == 6
    assert len(office.messages) == 3
    assert sharepoint_status(office.engine).problems == []


# Tenant id + SKU id


def two_of_a_kind(office: Office, **second: Any) -> Any:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    tenant.set_sku("one", part_number="TEAMS_PREMIUM", sku_id=TEAMS_ONE, enabled=10, consumed=10)
    tenant.set_sku("two", part_number="TEAMS_PREMIUM", sku_id=TEAMS_TWO, **{"enabled": 30, "consumed": 10} | second)
    return tenant


def test_two_sku_ids_with_one_part_number_have_an_item_and_an_alarm_each(office: Office) -> None:
    tenant = two_of_a_kind(office)
    office.settle()

    assert sorted((row["Frei"], row["technician_informed"]) for row in office.rows()) == [(0, True), (20, False)]
    assert len(office.messages) == 1
    assert "[1a2b3c4d]" in office.messages[0]

    tenant.set_sku("two", consumed=30)
    summary = office.settle()

    assert writes(summary) == {}
    assert len(office.messages) == 2
    assert "[9f8e7d6c]" in office.messages[1]
    assert alarm_states(office) == {TEAMS_ONE: "told", TEAMS_TWO: "told"}


def test_a_second_sku_id_for_a_part_number_takes_nothing_from_the_first(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    tenant.set_sku("one", part_number="TEAMS_PREMIUM", sku_id=TEAMS_ONE, enabled=10, consumed=10)
    office.settle()

    tenant.set_sku("two", part_number="teams_premium", sku_id=TEAMS_TWO, enabled=5, consumed=5)
    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    assert len(office.rows()) == len(office.messages) == 2


def test_a_new_part_number_for_a_sku_id_is_the_same_licence(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    tenant.set_sku("one", part_number="OLD_NAME", sku_id=TEAMS_ONE, enabled=10, consumed=10)
    office.settle()

    tenant.set_sku("one", part_number="NEW_NAME")
    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    (row,) = office.rows()
    assert row["Lizenzname"].endswith("(NEW_NAME)")
    assert len(office.messages) == 1


def test_two_licences_that_swap_their_part_numbers_keep_their_items(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    tenant.set_sku("one", part_number="A", sku_id=TEAMS_ONE, enabled=10, consumed=10)
    tenant.set_sku("two", part_number="B", sku_id=TEAMS_TWO, enabled=9, consumed=1)
    office.settle()

    tenant.set_sku("one", part_number="B")
    tenant.set_sku("two", part_number="A", consumed=9)
    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    assert len(office.rows()) == len(office.messages) == 2


def test_another_list_is_filled_after_its_own_numbers(office: Office) -> None:
    """Somebody makes a new list: item 1 there is another licence than item 1 was."""
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10), "SPE_E3": (5, 4)})
    office.settle()
    office.sharepoint.replace_licenses()
    office.sharepoint.licenses.add({"Title": "SPE_E3", office.sharepoint.column("tenant"): "Schule Höri"})

    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    assert sorted((row["Lizenzname"][-8:], row["technician_informed"]) for row in office.rows()) == [
        ("(SPE_E3)", False), ("um (SPB)", True),
    ]  # fmt: skip
    assert len(office.messages) == 1


# Names of tenants


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(unicodedata.normalize("NFD", "Schule Höri"), id="decomposed"),
        pytest.param("Schule\u00a0Höri", id="no-break-space"),
        pytest.param("\ufeffSchule  Höri\u200b", id="hidden-signs"),
        pytest.param("SCHULE HÖRI", id="capitals"),
    ],
)
def test_a_tenant_is_monitored_however_its_name_is_spelled_in_the_list(office: Office, listed: str) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)}, listed=False)
    office.sharepoint.tenants.add({"Title": listed, "enabled": True, "monitoring": True})

    summary = office.settle()

    assert writes(summary) == {}
    assert len(office.messages) == 1
    assert len(office.sharepoint.tenants.items) == 1


def test_a_tenant_that_takes_the_former_name_of_another_is_told_once_and_nothing_is_written_for_ever(
    office: Office,
) -> None:
    alpha = office.m365.add_tenant("Alpha", skus={"SPB": (10, 8)})
    beta = office.m365.add_tenant("Beta", skus={"SPB": (10, 10), "SPE_E3": (5, 5)})
    office.settle()
    assert len(office.messages) == 2

    beta.rename("Gamma")
    alpha.rename("Beta")
    alpha.set_sku("SPB", consumed=10)
    office.settle()
    summary = office.settle()

    assert writes(summary) == {}
    assert office.messages[2:] == ["Beta: Microsoft 365 Business Premium (SPB)"]
    assert sorted(row["tenant"] for row in office.rows()) == ["Beta", "Gamma", "Gamma"]
    assert sorted(item.fields["Title"] for item in office.sharepoint.tenants.items) == ["Beta", "Gamma"]


def test_a_new_tenant_with_the_former_name_of_another_has_the_row_and_items_of_its_own(office: Office) -> None:
    beta = office.m365.add_tenant("Beta", skus={"SPB": (10, 10)})
    office.settle()

    beta.rename("Gamma")
    office.m365.add_tenant("Beta", skus={"SPB": (5, 5)}, listed=False)
    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    assert office.messages == ["Beta: Microsoft 365 Business Premium (SPB)"] * 2
    assert [row["technician_informed"] for row in office.rows("Beta") if row["Verfügbar"] == 5] == [True]


@pytest.mark.parametrize("with_switches", [True, False])
def test_rows_that_people_put_in_another_order_say_what_stands_in_them(office: Office, with_switches: bool) -> None:
    """The list sorted in a spreadsheet and pasted again; or two titles entered the other way round."""
    for name, monitoring in (("Alpha", True), ("Beta", False)):
        office.m365.add_tenant(name, skus={"SPB": (10, 8)}, monitoring=monitoring)
    office.settle()
    rows = office.sharepoint.tenants.items
    pasted = [{name: row.fields[name] for name in ("Title", "monitoring")} for row in rows]
    for row, values in zip(rows, reversed(pasted), strict=True):
        office.sharepoint.tenants.update(row.id, values if with_switches else {"Title": values["Title"]})

    for tenant in office.m365.tenants:
        tenant.set_sku("SPB", consumed=10)
    for _ in range(2):
        office.settle()

    told = "Alpha" if with_switches else "Beta"
    assert office.messages == [f"{told}: Microsoft 365 Business Premium (SPB)"]
    assert [row.fields["Title"] for row in office.sharepoint.tenants.items] == ["Beta", "Alpha"]


def test_what_a_tenant_that_left_was_told_of_does_not_count_for_the_one_that_bears_its_name_now(office: Office) -> None:
    """A customer moves to a new tenant: another tenant id, the same name, in the same list."""
    left = office.m365.add_tenant("Beta", skus={"SPB": (10, 10), "SPE_E3": (5, 5)})
    office.settle()
    assert len(office.messages) == 2

    office.m365.remove_tenant(left)
    office.m365.add_tenant("Beta", skus={"SPB": (3, 3), "SPE_E3": (3, 2)}, listed=False)
    for _ in range(2):
        summary = office.settle()

    assert writes(summary) == {}
    assert office.messages[2:] == ["Beta: Microsoft 365 Business Premium (SPB)"]
    assert sorted((row["Frei"], row["technician_informed"]) for row in office.rows("Beta")) == [(0, True), (1, False)]


# What an earlier version has left


def test_a_list_of_the_earlier_version_is_taken_over_without_a_message(tmp_path: Path) -> None:
    """One item for two SKU ids, told; the cache is empty."""
    with Microsoft365(tmp_path / "m365") as m365:
        office = Office(tmp_path, m365)
        two_of_a_kind(office, consumed=30)
        columns = {name: office.sharepoint.column(name) for name in ("Verfügbar", "Gebraucht", "Frei", "tenant")}
        values = dict(zip(columns.values(), (40, 40, 0, "Schule Höri"), strict=True))
        values[office.sharepoint.column("technician_informed")] = True
        office.sharepoint.licenses.add({"Title": "Teams Premium (TEAMS_PREMIUM)", **values})
        try:
            for _ in range(2):
                summary = office.settle()
        finally:
            office.stop()
            office.engine.dispose()

    assert writes(summary) == {}
    assert office.messages == []
    assert sorted((row["Frei"], row["technician_informed"]) for row in office.rows()) == [(0, True), (0, True)]
