"""What a licence is: its state, its shortage, and what Graph's rows become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bounds import parse_time
from core.licenses.units import (
    STATES,
    License,
    RefusedRow,
    Subscription,
    is_shortage,
    parse_license,
    parse_licenses,
    parse_subscription,
    state_of,
    warn_level,
)

SKU = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
UNITS = st.integers(0, 1_000_000)
KINDS = st.sampled_from(["paid", "free", "trial", "not_per_user"])

# State


@pytest.mark.parametrize(
    ("enabled", "consumed", "warning", "status", "state"),
    [
        pytest.param(10, 4, 0, "Enabled", "ok", id="seats-left"),
        pytest.param(100, 95, 0, "Enabled", "low", id="five-percent-left"),
        pytest.param(100, 94, 0, "Enabled", "ok", id="six-percent-left"),
        pytest.param(19, 18, 0, "Enabled", "ok", id="one-left-of-a-small-licence"),
        pytest.param(20, 19, 0, "Enabled", "low", id="one-left-of-twenty"),
        pytest.param(10, 10, 0, "Enabled", "short", id="none-left"),
        pytest.param(10, 10, 5, "Enabled", "short", id="none-left-although-units-are-in-grace"),
        pytest.param(10, 12, 0, "Enabled", "over", id="more-than-bought"),
        pytest.param(5, 7, 0, "Enabled", "over", id="one-subscription-ended-the-other-is-over"),
        pytest.param(0, 1100, 1100, "Warning", "grace", id="expired-still-works"),
        pytest.param(0, 0, 5, "Warning", "grace", id="expired-nobody-has-it"),
        pytest.param(0, 7, 5, "Suspended", "grace", id="grace-before-suspended"),
        pytest.param(0, 7, 0, "Suspended", "suspended", id="ended"),
        pytest.param(0, 12, 0, "LockedOut", "suspended", id="locked-out"),
        pytest.param(0, 12, 0, "Deleted", "suspended", id="deleted"),
        pytest.param(0, 3, 0, "", "suspended", id="all-seats-gone-and-no-word-why"),
        pytest.param(0, 0, 0, "Enabled", "suspended", id="empty"),
        pytest.param(25, 12, 0, "LockedOut", "suspended", id="locked-out-with-seats"),
        pytest.param(25, 30, 0, "deleted", "suspended", id="whatever-the-case"),
        pytest.param(25, 25, 0, " SUSPENDED\u200b", "suspended", id="whatever-the-blanks"),
        pytest.param(25, 12, 0, "Warning", "ok", id="a-warning-with-seats-changes-nothing"),
        pytest.param(25, 12, 0, "Frozen", "ok", id="a-word-we-do-not-know"),
        pytest.param(1_000_000, 3, 0, "Enabled", "ok", id="free-product-with-a-million-seats"),
    ],
)
def test_state_of_units(enabled: int, consumed: int, warning: int, status: str, state: str) -> None:
    assert state_of(enabled, consumed, warning, status) == state


STATUSES = st.sampled_from(["", "Enabled", "Warning", "Suspended", "LockedOut", "Deleted", "lockedout", "Frozen"])


@given(UNITS, UNITS, UNITS, STATUSES)
def test_what_is_no_longer_listed_is_gone_whatever_it_was(enabled: int, consumed: int, warn: int, status: str) -> None:
    assert state_of(enabled, consumed, warn, status, present=False) == "gone"


@given(UNITS | st.just(0), UNITS, UNITS | st.just(0), STATUSES)
def test_every_combination_of_units_has_the_first_state_of_the_rules_that_applies(
    enabled: int, consumed: int, warning: int, status: str
) -> None:
    free = enabled - consumed
    rules: dict[str, bool] = {
        "grace": enabled == 0 and warning > 0,
        "suspended": enabled == 0 or status.lower() in ("suspended", "lockedout", "deleted"),
        "over": free < 0,
        "short": free == 0,
        "low": 0 < free <= warn_level(enabled),
        "ok": True,
    }

    state = state_of(enabled, consumed, warning, status)

    assert state in STATES
    assert state == next(name for name, applies in rules.items() if applies)


@given(UNITS.filter(bool), UNITS)
def test_one_more_holder_never_makes_a_state_better(enabled: int, consumed: int) -> None:
    order = ["ok", "low", "short", "over"]

    now, then = state_of(enabled, consumed), state_of(enabled, consumed + 1)

    assert order.index(now) <= order.index(then)


@pytest.mark.parametrize(
    ("seats", "level"), [(0, 0), (1, 0), (19, 0), (20, 1), (39, 1), (40, 2), (100, 5), (10_000, 500)]
)
def test_warn_level_is_five_percent_from_twenty_seats(seats: int, level: int) -> None:
    assert warn_level(seats) == level


@given(UNITS.filter(bool))
def test_a_licence_nobody_has_is_never_low(seats: int) -> None:
    assert state_of(seats, 0) == "ok"


# Shortage


@pytest.mark.parametrize(
    ("kind", "enabled", "consumed", "short"),
    [
        pytest.param("paid", 10, 9, False, id="one-left"),
        pytest.param("paid", 10, 10, True, id="none-left"),
        pytest.param("paid", 10, 11, True, id="below-zero"),
        pytest.param("paid", 0, 3, True, id="grace-or-suspended-with-holders"),
        pytest.param("paid", 0, 0, False, id="empty"),
        pytest.param("free", 10, 10, False, id="free-product"),
        pytest.param("trial", 10, 12, False, id="trial"),
        pytest.param("not_per_user", 1, 1, False, id="not-per-user"),
    ],
)
def test_shortage_rule(kind: str, enabled: int, consumed: int, short: bool) -> None:
    assert is_shortage(kind, enabled, consumed) is short


@pytest.mark.parametrize(
    ("threshold", "free", "short"), [(0, 1, False), (2, 2, True), (2, 3, False), (-5, -4, False), (-5, -5, True)]
)
def test_a_threshold_says_how_many_seats_must_be_left(threshold: int, free: int, short: bool) -> None:
    assert is_shortage("paid", 100, 100 - free, threshold=threshold) is short


@given(KINDS, st.integers(-10, 1000))
def test_nothing_bought_and_nothing_used_is_never_a_shortage(kind: str, threshold: int) -> None:
    assert not is_shortage(kind, 0, 0, threshold=threshold)


@given(KINDS, UNITS, UNITS)
def test_only_paid_licences_run_short_and_exactly_when_none_is_free(kind: str, enabled: int, consumed: int) -> None:
    expected = kind == "paid" and consumed >= enabled and consumed > 0

    assert is_shortage(kind, enabled, consumed) is expected


@given(UNITS, UNITS)
def test_a_short_or_over_assigned_paid_licence_is_a_shortage(enabled: int, consumed: int) -> None:
    if state_of(enabled, consumed) in ("short", "over"):
        assert is_shortage("paid", enabled, consumed)


# Rows of subscribedSkus


def row(**changes: Any) -> dict[str, Any]:
    units = {"enabled": 25, "suspended": 3, "warning": 2, "lockedOut": 1}
    content = {
        "accountName": "contoso",
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 14,
        "id": f"48a80680-7326-48cd-9935-b556b81d3a4e_{SKU}",
        "prepaidUnits": units,
        "servicePlans": [],
        "skuId": SKU,
        "skuPartNumber": "SPB",
        "subscriptionIds": ["x"],
    }
    return {name: value for name, value in (content | changes).items() if value is not ...}


GOOD = License(SKU, "SPB", 25, 14, 2, 3, 1, "Enabled", "User")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {}, id="everything-there"),
        pytest.param({"skuId": SKU.upper()}, {}, id="guid-in-capitals"),
        pytest.param({"appliesTo": ...}, {"applies_to": ""}, id="no-applies-to"),
        pytest.param(
            {"appliesTo": None, "capabilityStatus": None}, {"applies_to": "", "capability_status": ""}, id="nulls"
        ),
        pytest.param({"capabilityStatus": "Frozen"}, {"capability_status": "Frozen"}, id="unknown-status"),
        pytest.param({"consumedUnits": 14.0}, {}, id="float"),
        pytest.param({"consumedUnits": None}, {"consumed": 0}, id="no-units-used"),
        pytest.param({"skuPartNumber": None}, {"sku_part_number": ""}, id="no-part-number"),
        pytest.param({"id": ..., "accountName": ..., "subscriptionIds": ...}, {}, id="what-we-do-not-need"),
        pytest.param(
            {"prepaidUnits": {"enabled": 5}},
            {"enabled": 5, "warning": 0, "suspended": 0, "locked_out": 0},
            id="national-cloud-without-locked-out",
        ),
        pytest.param(
            {"prepaidUnits": None}, {"enabled": 0, "warning": 0, "suspended": 0, "locked_out": 0}, id="no-units-at-all"
        ),
        pytest.param(
            {"prepaidUnits": {"enabled": 1_000_000, "suspended": None}},
            {"enabled": 1_000_000, "warning": 0, "suspended": 0, "locked_out": 0},
            id="free-pool",
        ),
    ],
)
def test_a_row_of_graph_becomes_a_licence(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    found = parse_license(row(**changes))

    assert {name: getattr(found, name) for name in GOOD.__slots__} == {
        name: expected.get(name, getattr(GOOD, name)) for name in GOOD.__slots__
    }


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"skuId": ...}, id="no-sku-id"),
        pytest.param({"skuId": None}, id="null-sku-id"),
        pytest.param({"skuId": 7}, id="sku-id-is-a-number"),
        pytest.param({"skuId": "x" * 37}, id="sku-id-too-long"),
        pytest.param({"skuId": "a\x00b"}, id="sku-id-with-nul"),
        pytest.param({"prepaidUnits": [1]}, id="units-are-a-list"),
        pytest.param({"consumedUnits": "14"}, id="units-as-text"),
        pytest.param({"consumedUnits": True}, id="units-as-bool"),
        pytest.param({"consumedUnits": float("inf")}, id="endless-units"),
        pytest.param({"prepaidUnits": {"enabled": float("nan")}}, id="no-number"),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused_not_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        parse_license(row(**changes))


def test_free_seats_may_be_negative() -> None:
    assert parse_license(row(consumedUnits=40)).free == -15


@given(enabled=UNITS, consumed=UNITS, warning=UNITS | st.none(), locked=UNITS, other=st.dictionaries(st.text(), UNITS))
def test_parsing_never_invents_or_loses_a_seat(
    enabled: int, consumed: int, warning: int | None, locked: int, other: dict[str, int]
) -> None:
    units = {**other, "enabled": enabled, "warning": warning, "suspended": 0, "lockedOut": locked}

    found = parse_license(row(consumedUnits=consumed, prepaidUnits=units))

    assert (found.enabled, found.consumed, found.warning) == (enabled, consumed, warning or 0)
    assert found.free == enabled - consumed


# Rows of directory/subscriptions


def test_a_row_of_graph_becomes_a_subscription() -> None:
    found = parse_subscription(
        {
            "id": "s-1",
            "skuId": SKU.upper(),
            "skuPartNumber": "SPB",
            "status": "Warning",
            "totalLicenses": 25,
            "isTrial": True,
            "createdDateTime": "2026-01-01T00:00:00Z",
            "nextLifecycleDateTime": "2027-02-03T04:05:06.1234567Z",
        }
    )

    created, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 2, 3, 4, 5, 6, 123456, tzinfo=UTC)
    assert found == Subscription("s-1", SKU, "SPB", "Warning", 25, True, created, ends)


def test_a_subscription_of_which_hardly_anything_is_known_is_still_one() -> None:
    empty = dict.fromkeys(["skuId", "skuPartNumber", "status", "totalLicenses", "isTrial", "nextLifecycleDateTime"])

    assert parse_subscription({"commerceSubscriptionId": "c-1", **empty}) == Subscription(
        "c-1", "", "", "", 0, False, None, None
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2027-02-03T04:05:06Z", datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC), id="utc"),
        pytest.param("2027-02-03T04:05:06+02:00", datetime(2027, 2, 3, 2, 5, 6, tzinfo=UTC), id="zone"),
        pytest.param("2027-02-03T04:05:06", None, id="no-zone"),
        pytest.param("0001-01-01T00:00:00Z", None, id="microsofts-none"),
        pytest.param("9999-12-31T23:59:59Z", None, id="microsofts-never"),
        pytest.param("2199-12-31T23:59:59-12:00", datetime(2200, 1, 1, 11, 59, 59, tzinfo=UTC), id="the-last-day"),
        pytest.param("bald", None, id="no-time"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
        pytest.param(20270203, None, id="number"),
    ],
)
def test_a_time_is_taken_only_with_its_zone(text: Any, moment: datetime | None) -> None:
    assert parse_time(text) == moment


# Whatever a row holds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(st.characters() | st.sampled_from("\x00\ud800\u202e\u200f\ufeff\u00a0\x85äß\U0001f600"), max_size=400)
FIELDS = ("skuId", "skuPartNumber", "consumedUnits", "capabilityStatus", "appliesTo", "prepaidUnits")
WILD = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, JSON | TEXT),
        "skuId": st.just(SKU) | TEXT,
        "prepaidUnits": JSON | st.dictionaries(st.sampled_from(["enabled", "warning", "lockedOut"]), JSON),
    },
)


def fits(text: str, length: int) -> bool:
    """Whether every database, file and screen takes the text."""
    text.encode()
    return len(text) <= length and not any(sign < " " or "\x7f" <= sign < "\xa0" for sign in text)


@given(st.lists(WILD | JSON, max_size=4))
def test_whatever_microsoft_answers_is_a_licence_within_bounds_or_a_row_that_is_told(rows: list[Any]) -> None:
    found = parse_licenses(rows)

    assert len(found.licenses) + len(found.refused) <= len(rows)
    assert bool(rows) == bool(found.licenses or found.refused)
    for license_ in found.licenses:
        units = (license_.enabled, license_.consumed, license_.warning, license_.suspended, license_.locked_out)
        assert all(type(unit) is int and 0 <= unit < 2**31 for unit in units)
        assert fits(license_.sku_id, 36)
        assert fits(license_.sku_part_number, 255)
        assert fits(license_.capability_status, 50)
        assert fits(license_.applies_to, 50)
        assert state_of(license_.enabled, license_.consumed, license_.warning, license_.capability_status) in STATES
    for row_ in found.refused:
        assert fits(row_.sku_id, 36)
        assert row_.reason


MOMENTS = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | st.sampled_from(
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
)


PURCHASE = ("id", "skuId", "status", "totalLicenses", "isTrial", "skuPartNumber")


@given(st.dictionaries(st.sampled_from(PURCHASE), JSON | TEXT), MOMENTS | JSON, MOMENTS | JSON)
def test_whatever_a_subscription_holds_is_within_bounds(row_: dict[str, Any], created: Any, ends: Any) -> None:
    found = parse_subscription({**row_, "createdDateTime": created, "nextLifecycleDateTime": ends})

    for moment in (found.created_at, found.next_lifecycle_at):
        assert moment is None or 1990 <= moment.astimezone(UTC).astimezone(ZoneInfo("Asia/Tokyo")).year <= 2200
    assert 0 <= found.total < 2**31
    assert fits(found.subscription_id, 64)
    assert fits(found.status, 50)
    assert found.is_trial is (row_.get("isTrial") is True)


@pytest.mark.parametrize(
    "units",
    [2**31, -1, 1e308, 10**400, 14.5, "14", True, [], {}],
    ids=["33-bit", "negative", "huge-float", "huge", "half-a-seat", "text", "bool", "list", "object"],
)
def test_a_number_that_is_none_costs_its_row_and_names_its_sku(units: Any) -> None:
    other = row(skuId="ffffffff-0000-4000-8000-000000000001", consumedUnits=units)

    found = parse_licenses([other, row()])

    assert [license_.sku_id for license_ in found.licenses] == [SKU]
    assert found.refused == [RefusedRow("ffffffff-0000-4000-8000-000000000001", "consumedUnits: no number of seats")]


def test_a_row_that_cannot_be_understood_is_no_matter_when_a_good_one_names_the_same_sku() -> None:
    assert parse_licenses([row(consumedUnits="x"), row()]).refused == []


def test_a_trial_is_only_what_says_so() -> None:
    assert not parse_subscription({"id": "s", "isTrial": "false"}).is_trial
