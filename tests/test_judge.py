"""The judgement about a licence: kind, rules and units together; test_skus, test_rules and test_licenses have each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.licenses.alarm_rules import Rule, Rules
from core.licenses.judge import Judgement, judge, judge_kind
from core.licenses.skus import Catalogue, Product
from core.licenses.units import License

TENANT, TODAY = "tenant-1", date(2026, 3, 2)
CATALOGUE = Catalogue([Product("sku-FLOW_FREE", "FLOW_FREE", "Flow", "Flow", "free")])


def license_(enabled: int, consumed: int, part: str = "SPE_E3", **more: Any) -> License:
    return License(
        f"sku-{part}", part, enabled, consumed, **{"applies_to": "User", "capability_status": "Enabled"} | more
    )


def rule(part: str = "SPE_E3", **fields: Any) -> Rule:
    """A rule for the product with this part number; "" for the whole tenant."""
    return Rule(TENANT, f"sku-{part}" if part else "", "agreed", "anna", datetime(2026, 1, 1, tzinfo=UTC), **fields)


def judged(units: License, *rules: Rule, **more: Any) -> Judgement:
    return judge(units, CATALOGUE, Rules.of(rules, TODAY), tenant_id=TENANT, **{"is_trial": False} | more)


FREE = license_(10_000, 10_000, "FLOW_FREE")
# units, rules, options -> (kind, why), state, shortage, alarms, hidden, the field that decided
CASES: dict[str, tuple[License, list[Rule], dict[str, Any], tuple[Any, ...]]] = {
    "seats-left": (license_(10, 4), [], {}, (("paid", "default"), "ok", False, True, False, "")),
    "few-left": (license_(100, 96), [], {}, (("paid", "default"), "low", False, True, False, "")),
    "none-left": (license_(10, 10), [], {}, (("paid", "default"), "short", True, True, False, "")),
    "over-assigned": (license_(10, 12), [], {}, (("paid", "default"), "over", True, True, False, "")),
    "in-grace-with-holders": (
        license_(0, 9, warning=9), [], {}, (("paid", "default"), "grace", True, True, False, ""),
    ),
    "in-grace-and-nobody-has-it": (
        license_(0, 0, warning=9), [], {}, (("paid", "default"), "grace", False, True, False, ""),
    ),
    "suspended-although-seats-are-left": (
        license_(25, 12, capability_status="Suspended"), [], {},
        (("paid", "default"), "suspended", False, True, False, ""),
    ),
    "no-longer-listed": (
        license_(0, 0), [], {"present": False}, (("paid", "default"), "gone", False, True, False, ""),
    ),
    "free-product": (FREE, [], {}, (("free", "mapping"), "short", False, False, False, "")),
    "free-product-that-alarms-anyway": (
        FREE, [rule("FLOW_FREE", mode="anyway")], {}, (("free", "mapping"), "short", True, True, False, "anyway"),
    ),
    "trial": (
        license_(10, 10), [], {"is_trial": True},
        (("trial", "trial_subscription"), "short", False, False, False, ""),
    ),
    "not-per-user": (
        license_(10, 10, applies_to="Company"), [], {},
        (("not_per_user", "applies_to"), "short", False, False, False, ""),
    ),
    "threshold-above-zero": (
        license_(100, 90), [rule(threshold=10)], {}, (("paid", "default"), "ok", True, True, False, "threshold"),
    ),
    "own-warn-level": (
        license_(100, 80), [rule("", warn=20)], {}, (("paid", "default"), "low", False, True, False, "warn"),
    ),
    "at-the-edge-is-fine": (
        license_(10, 10), [rule(mode="edge")], {}, (("paid", "default"), "short", False, True, False, "edge"),
    ),
    "below-the-edge-is-not": (
        license_(10, 11), [rule(mode="edge")], {}, (("paid", "default"), "over", True, True, False, "edge"),
    ),
    "only-shown": (
        license_(10, 12), [rule(mode="show_only")], {},
        (("paid", "default"), "over", False, False, False, "show_only"),
    ),
    "hidden-with-the-tenant": (
        license_(10, 12), [rule("", mode="hidden")], {}, (("paid", "default"), "over", False, False, True, "hidden"),
    ),
    "a-rule-whose-last-day-is-over": (
        license_(10, 12), [rule(mode="hidden", until=date(2026, 3, 1))], {},
        (("paid", "default"), "over", True, True, False, ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("units", "rules", "more", "expected"), CASES.values(), ids=CASES)
def test_a_licence_is_judged_by_kind_rules_and_units(
    units: License, rules: list[Rule], more: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    found = judged(units, *rules, **more)

    kind = found.kind, found.kind_reason
    assert (kind, found.state, found.shortage, found.alarms, found.hidden, found.decided_by) == expected


def test_a_judgement_says_which_numbers_hold_and_who_set_them() -> None:
    found = judged(license_(200, 150), rule(threshold=3), rule("", warn=60))

    assert (found.threshold, found.warn_level) == (3, 60)
    assert (found.decided_by, found.level, found.reason) == ("threshold", "sku", "agreed")


def test_without_rules_the_usual_numbers_hold() -> None:
    found = judged(license_(200, 150))

    assert (found.threshold, found.warn_level, found.level, found.reason) == (0, 10, "standard", "")


@pytest.mark.parametrize(
    ("units", "rules", "low"),
    [
        pytest.param(license_(100, 96), [], True, id="few-left"),
        pytest.param(license_(100, 100), [], False, id="a-shortage-is-more-than-low"),
        pytest.param(license_(100, 96), [rule(threshold=4)], False, id="a-shortage-by-its-threshold"),
        pytest.param(license_(100, 96), [rule(mode="show_only")], False, id="alarms-nobody"),
    ],
)
def test_low_is_what_alarms_soon(units: License, rules: list[Rule], low: bool) -> None:
    assert judged(units, *rules).low is low


@pytest.mark.parametrize(
    ("units", "rules", "more", "stage"),
    [
        pytest.param(license_(10, 4), [], {}, "ok", id="seats-left"),
        pytest.param(license_(100, 96), [], {}, "low", id="few-left"),
        pytest.param(license_(10, 10), [], {}, "short", id="none-left"),
        pytest.param(license_(10, 12), [], {}, "over", id="over-assigned"),
        pytest.param(license_(0, 9, warning=9), [], {}, "short", id="in-grace-with-holders"),
        pytest.param(license_(100, 90), [rule(threshold=10)], {}, "short", id="short-by-its-threshold"),
        pytest.param(license_(10, 12), [rule(mode="show_only")], {}, "ok", id="alarms-nobody"),
        pytest.param(license_(0, 0), [], {"present": False}, "gone", id="no-longer-listed"),
    ],
)
def test_a_stage_says_how_far_a_licence_is_from_a_shortage(
    units: License, rules: list[Rule], more: dict[str, Any], stage: str
) -> None:
    assert judged(units, *rules, **more).stage == stage


SEATS = st.integers(0, 200)


@given(SEATS, SEATS, SEATS, st.sampled_from(["", "Enabled", "Suspended", "Deleted"]), st.booleans())
def test_a_licence_whose_kind_is_known_is_judged_the_same(
    enabled: int, consumed: int, warning: int, status: str, present: bool
) -> None:
    rules = Rules.of([rule("", threshold=5, warn=20)], TODAY)
    units = license_(enabled, consumed, warning=warning, capability_status=status)

    again = judge_kind(
        "paid", "default", rules, tenant_id=TENANT, sku_id=units.sku_id, enabled=enabled, consumed=consumed,
        warning=warning, capability_status=status, present=present,
    )  # fmt: skip

    assert again == judge(units, CATALOGUE, rules, tenant_id=TENANT, is_trial=False, present=present)
