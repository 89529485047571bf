"""Which item belongs to which licence, and which row of the tenant list to which tenant. Pure, so told as rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache.lists_read import Alarm
from core.name_key import name_key
from core.sharepoint import Item, Row, TenantRow, license_name, match_tenants
from core.sharepoint.item_matching import Claims, claim_items
from core.sharepoint.item_names import item_names
from core.sharepoint.license_rows import Key

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
NAMES = {"t1": ["Schule Höri"], "t2": ["Bau AG Chur"]}
PREMIUM = "Microsoft 365 Business Premium"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def row(part: str = "SPB", sku_id: str = "1a2b3c4d-0001", product: str = PREMIUM, **values: Any) -> Row:
    numbers = {"available": 10, "used": 10, "shortage": True, "monitored": True}
    return Row(
        tenant_id="t1", sku_id=sku_id, tenant="Schule Höri", sku_part_number=part, product=product, **numbers | values
    )


def item(name: str, item_id: int = 1, tenant: str = "Schule Höri", **values: Any) -> Item:
    return Item(str(item_id), f'"{item_id},1"', NOW, {"name": name, "tenant": tenant, **values})


def claims(
    rows: Sequence[Row],
    items: Sequence[Item],
    remembered: Mapping[Key, str] | None = None,
    names: Mapping[str, Sequence[str]] = NAMES,
) -> Claims:
    alarms = {key: Alarm(*key, item_id=item_id) for key, item_id in (remembered or {}).items()}
    return claim_items(rows, item_names(rows), items, alarms, names)


def owners(*args: Any, **options: Any) -> dict[str, str]:
    """Item id -> SKU id."""
    found = claims(*args, **options).by_key
    return {one.item_id: sku_id for (_, sku_id), items in found.items() for one in items}


# Names


@pytest.mark.parametrize(
    ("part", "name"),
    [
        pytest.param("SPB", "SPB", id="bare"),
        pytest.param("SPB", "spb ", id="bare-in-small-letters"),
        pytest.param("SPB", f"{PREMIUM} (SPB)", id="ours"),
        pytest.param("SPB", "Anders genannt (SPB)", id="other-display-name"),
        pytest.param("SPB", "Alt ( SPB ) ", id="blanks"),
        pytest.param("SPB", "Alt\u00a0(S\u200bPB)", id="hidden-signs"),
        pytest.param("VISIOCLIENT", "Visio (Plan 2) (VISIOCLIENT)", id="brackets-in-the-product"),
        pytest.param("M365_E3_(no_Teams)", "Microsoft 365 E3 (M365_E3_(no_Teams))", id="brackets-in-the-part-number"),
        pytest.param("M365_E3_(no_Teams)", "m365_e3_(no_teams)", id="bare-with-brackets"),
        pytest.param("ODD(", "Seltsam (ODD()", id="open-bracket"),
        pytest.param("ODD)", "Seltsam (ODD))", id="closing-bracket"),
        pytest.param("HUB_(500_min)_X", "Contoso (HUB_(500_min)_X)", id="brackets-in-the-middle"),
        pytest.param("SPB ", "Microsoft 365 (SPB )", id="trailing-blank"),
        pytest.param("Büro_Paket", "Paket (Bu\u0308ro_Paket)", id="decomposed"),
    ],
)
def test_an_item_belongs_to_the_licence_that_its_name_means(part: str, name: str) -> None:
    assert owners([row(part), row("OTHER", "ffffffff-0001")], [item(name)]) == {"1": "1a2b3c4d-0001"}


@pytest.mark.parametrize("name", ["Drucker (im Keller)", "SPB (alt) links", "XSPB", "", "()", "(SPB", "SPB)"])
def test_an_item_with_another_name_belongs_to_no_licence(name: str) -> None:
    assert owners([row("SPB")], [item(name)]) == {"1": ""}


@given(texts, texts.filter(name_key))
def test_what_is_written_is_read_as_the_same_licence(product: str, part: str) -> None:
    one, other = row(part, product=product), row("OTHER", "ffffffff-0001")
    written = item_names([one, other])[one.key].text

    assert len(written.encode("utf-16-le")) <= 2 * 255
    assert owners([one, other], [item(written)]) == {"1": one.sku_id}


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "a", "A) (B", "B", "X (A"]), st.sampled_from(["P", "P (A)", "X"])), max_size=5
    )
)
def test_no_two_licences_of_a_tenant_have_one_name(products: list[tuple[str, str]]) -> None:
    rows = [row(part, f"{n:08}-0001", product) for n, (part, product) in enumerate(products)]
    written = item_names(rows)

    assert len({name_key(name.text) for name in written.values()}) == len(rows)
    listed = [item(written[one.key].text, n) for n, one in enumerate(rows)]
    assert owners(rows, listed) == {str(n): one.sku_id for n, one in enumerate(rows)}


def test_two_sku_ids_with_one_part_number_are_told_apart_by_their_ids() -> None:
    one, two = row("TEAMS", "1a2b3c4d-0001", "Teams Premium"), row("teams", "9f8e7d6c-0002", "Teams Premium")

    assert [name.text for name in item_names([one, two]).values()] == [
        "Teams Premium [1a2b3c4d] (TEAMS)",
        "Teams Premium [9f8e7d6c] (teams)",
    ]


def test_a_name_is_cut_without_losing_the_part_number() -> None:
    assert license_name("x" * 300, "SPB").endswith("x (SPB)")
    assert len(license_name("x" * 300, "SPB")) == 255


# What is remembered


def test_a_licence_keeps_its_item_when_its_part_number_changes() -> None:
    assert owners([row("NEW")], [item("Alt (OLD)")], {("t1", "1a2b3c4d-0001"): "1"}) == {"1": "1a2b3c4d-0001"}


def test_a_tenant_that_takes_the_former_name_of_another_does_not_take_its_items() -> None:
    renamed = {"t1": ["Höri neu", "Schule Höri"], "t2": ["Schule Höri", "Bau AG Chur"]}
    new = replace(row(), tenant_id="t2")

    found = claims([row(), new], [item("SPB")], {("t1", "1a2b3c4d-0001"): "1"}, renamed)

    assert list(found.by_key) == [("t1", "1a2b3c4d-0001")]


@pytest.mark.parametrize("order", [["t1", "t2"], ["t2", "t1"]])
def test_a_present_name_wins_over_a_former_one(order: list[str]) -> None:
    renamed = {"t1": ["Neu", "Alt"], "t2": ["Alt"]}

    found = claims(
        [row(), replace(row(), tenant_id="t2")], [item("SPB", tenant="alt")], names={t: renamed[t] for t in order}
    )

    assert list(found.by_key) == [("t2", "1a2b3c4d-0001")]


def test_what_a_tenant_without_profile_had_is_free_for_who_bears_its_name() -> None:
    assert owners([row()], [item("SPB")], {("gone", "1a2b3c4d-0001"): "1"}) == {"1": "1a2b3c4d-0001"}


def test_an_item_of_the_former_kind_goes_to_the_shortage_and_is_shared_with_the_other() -> None:
    one, two = row("TEAMS", "1a2b3c4d-0001", shortage=False), row("TEAMS", "9f8e7d6c-0002")
    before = item("Teams Premium (TEAMS)", informed=True)

    found = claims([one, two], [before])

    assert found.by_key == {two.key: [before]}
    assert found.shared == {one.key: before}


# The tenant list


def matched(tenants: Sequence[TenantRow], *titles: str) -> dict[str, str]:
    """Tenant id -> item id, for a list with these titles as items 1, 2, ..."""
    listed = [Item(str(n), "", NOW, {"title": title}) for n, title in enumerate(titles, start=1)]
    return {key: one.item_id for key, one in match_tenants(tenants, listed)[0].items()}


def tenant(tenant_id: str, name: str, *former: str, item_id: str = "") -> TenantRow:
    return TenantRow(tenant_id, name, former, None, item_id)


@pytest.mark.parametrize(
    ("tenants", "titles", "found"),
    [
        pytest.param([tenant("t1", "Höri")], ["HO\u0308RI\u200b "], {"t1": "1"}, id="one-key-for-names"),
        pytest.param([tenant("t1", "Neu", "Alt")], ["Alt"], {"t1": "1"}, id="former-name"),
        pytest.param([tenant("t1", "Neu", "Alt")], ["Alt", "neu "], {"t1": "2"}, id="present-before-former"),
        pytest.param([tenant("t1", "Neu", "Alt"), tenant("t2", "Alt")], ["Alt"], {"t2": "1"}, id="present-of-another"),
        pytest.param([tenant("t1", "Neu", item_id="1")], ["Ganz anders"], {"t1": "1"}, id="the-row-it-had"),
        pytest.param([tenant("t1", "Neu", item_id="1")], ["Alt", "Neu"], {"t1": "2"}, id="a-free-row-with-its-name"),
        pytest.param(
            [tenant("t1", "Beta", "Alpha", item_id="1"), tenant("t2", "Gamma", "Beta", item_id="2")],
            ["Alpha", "Beta"], {"t1": "1", "t2": "2"}, id="names-moved-on",
        ),
        pytest.param(
            [tenant("t1", "Beta"), tenant("t2", "Gamma", "Beta", item_id="1")],
            ["Beta"], {"t1": "1"}, id="new-tenant-with-a-former-name",
        ),
        pytest.param(
            [tenant("t1", "Beta", item_id="1"), tenant("t2", "Gamma", "Beta", item_id="1")],
            ["Beta"], {"t1": "1"}, id="two-remember-one-row",
        ),
        pytest.param([tenant("t1", "Neu", item_id="7")], ["Neu"], {"t1": "1"}, id="its-row-was-deleted"),
    ],
)  # fmt: skip
def test_a_row_belongs_to_the_tenant(tenants: list[TenantRow], titles: list[str], found: dict[str, str]) -> None:
    assert matched(tenants, *titles) == found
    assert matched(tenants[::-1], *titles) == found


def test_titles_that_look_the_same_are_told() -> None:
    listed = [Item(str(n), "", NOW, {"title": title}) for n, title in enumerate(["Höri", "HÖRI", "Bau"])]

    assert match_tenants([], listed)[1] == ["HÖRI"]
