"""Rules: which rule decides, what each field inherits, and what can never be. Pure, but for the last section."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from core.cache.frames import licenses_frame
from core.cache.readings import Reading, save_readings
from core.cache.rule_rows import all_rules, delete_rule, replace_rules, rules_at, save_rule
from core.cache.sql import data_version
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.alarm_rules import LARGEST, MODES, Decision, LevelRule, Rule, Rules, decide, faults_of
from core.licenses.skus import KINDS, Catalogue
from core.licenses.units import License, is_shortage, warn_level
from tests.actors import entry

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
TODAY = NOW.date()
TENANT, SKU = "11111111-0000-4000-8000-000000000001", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"


def rule(level: str = "sku", **fields: Any) -> Rule:
    tenant_id, sku_id = {"standard": ("", ""), "tenant": (TENANT, ""), "sku": (TENANT, SKU)}[level]
    return Rule(tenant_id, sku_id, fields.pop("reason", level), "anna", NOW, **fields)


def decided(*rules: Rule, kind: str = "paid", level: LevelRule | None = None) -> Decision:
    return Rules.of(rules, TODAY, {TENANT: level} if level else {}).decide(TENANT, SKU, kind)


# The table of cases: what is set where, and what comes of it

CASES = {
    "nothing-set": ([], "paid", Decision()),
    "a-free-product": ([], "free", Decision(alarms=False)),
    "another-standard": (
        [rule("standard", threshold=1)], "paid",
        Decision(threshold=1, decided_by="threshold", level="standard", reason="standard"),
    ),
    "tenant-threshold": (
        [rule("tenant", threshold=2)], "paid",
        Decision(threshold=2, decided_by="threshold", level="tenant", reason="tenant"),
    ),
    "sku-before-tenant": (
        [rule("tenant", threshold=2), rule("sku", threshold=5)], "paid",
        Decision(threshold=5, decided_by="threshold", level="sku", reason="sku"),
    ),
    "each-field-on-its-own": (
        [rule("standard", warn=9), rule("tenant", threshold=2), rule("sku", mode="alarm")], "paid",
        Decision(threshold=2, warn=9, decided_by="alarm", level="sku", reason="sku"),
    ),
    "edge": (
        [rule("sku", mode="edge")], "paid",
        Decision(threshold=-1, warn=0, decided_by="edge", level="sku", reason="sku"),
    ),
    "edge-with-a-warning": (
        [rule("sku", mode="edge", warn=1)], "paid",
        Decision(threshold=-1, warn=1, decided_by="edge", level="sku", reason="sku"),
    ),
    "edge-before-the-tenant-threshold": (
        [rule("tenant", threshold=3), rule("sku", mode="edge")], "paid",
        Decision(threshold=-1, warn=0, decided_by="edge", level="sku", reason="sku"),
    ),
    "sku-threshold-before-the-tenant-edge": (
        [rule("tenant", mode="edge"), rule("sku", threshold=3)], "paid",
        Decision(threshold=3, warn=0, decided_by="threshold", level="sku", reason="sku"),
    ),
    "show-only-before-a-threshold": (
        [rule("sku", mode="show_only", threshold=50)], "paid",
        Decision(threshold=50, alarms=False, decided_by="show_only", level="sku", reason="sku"),
    ),
    "show-only-of-the-tenant-holds-below-a-threshold": (
        [rule("tenant", mode="show_only"), rule("sku", threshold=50)], "paid",
        Decision(threshold=50, alarms=False, decided_by="show_only", level="tenant", reason="tenant"),
    ),
    "one-product-alarms-in-a-silent-tenant": (
        [rule("tenant", mode="hidden"), rule("sku", mode="alarm")], "paid",
        Decision(decided_by="alarm", level="sku", reason="sku"),
    ),
    "hidden": (
        [rule("tenant", mode="hidden")], "paid",
        Decision(alarms=False, hidden=True, decided_by="hidden", level="tenant", reason="tenant"),
    ),
    "a-free-product-anyway": ([rule(mode="anyway")], "free", Decision(decided_by="anyway", level="sku", reason="sku")),
    "alarm-is-no-anyway": ([rule(mode="alarm")], "trial", Decision(alarms=False)),
    "where-the-kind-forbids-it-no-threshold-decides": (
        [rule("tenant", threshold=3, warn=9)], "free", Decision(threshold=3, warn=9, alarms=False)
    ),
    "only-a-warn-level": (
        [rule("tenant", warn=4)], "paid", Decision(warn=4, decided_by="warn", level="tenant", reason="tenant")
    ),
    "another-tenant-and-another-product": (
        [replace(rule("tenant", mode="hidden"), tenant_id="other"), replace(rule(threshold=9), sku_id="other")],
        "paid", Decision(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "kind", "expected"), CASES.values(), ids=CASES)
def test_what_is_set_decides(rules: list[Rule], kind: str, expected: Decision) -> None:
    assert decided(*rules, kind=kind) == expected


@pytest.mark.parametrize(
    ("fields", "free", "short"),
    [
        pytest.param({"threshold": 2}, 3, False, id="above-the-threshold"),
        pytest.param({"threshold": 2}, 2, True, id="at-the-threshold"),
        pytest.param({"mode": "edge"}, 0, False, id="at-the-edge"),
        pytest.param({"mode": "edge"}, -1, True, id="over-the-edge"),
        pytest.param({"mode": "show_only"}, -5, False, id="show-only"),
        pytest.param({"mode": "hidden"}, -5, False, id="hidden"),
    ],
)
def test_a_shortage_under_a_policy(fields: Any, free: int, short: bool) -> None:
    assert decided(rule(**fields)).short(10, 10 - free) is short


@pytest.mark.parametrize(
    ("until", "holds"), [(None, True), (TODAY, True), (TODAY + timedelta(1), True), (TODAY - timedelta(1), False)]
)
def test_a_policy_holds_up_to_and_with_its_last_day(until: date | None, holds: bool) -> None:
    assert decided(rule(threshold=5, until=until)).threshold == (5 if holds else 0)


def test_when_the_narrow_policy_is_over_the_wider_one_holds() -> None:
    over = rule("sku", mode="show_only", until=TODAY - timedelta(1))

    assert decided(rule("tenant", threshold=2), over).level == "tenant"


def test_a_warn_level_of_a_policy_stands_for_the_usual_share() -> None:
    assert decided(rule(warn=7)).warn_level(100) == 7
    assert decided().warn_level(100) == warn_level(100) == 5


# What can never be

seats = st.integers(0, 60)
kinds = st.sampled_from(sorted(KINDS))
thresholds = st.none() | st.integers(-5, 10)
modes = st.sampled_from(MODES)


@st.composite
def some_policies(draw: st.DrawFn) -> list[Rule]:
    """Up to one rule per level, each with any of its fields, some of them over."""
    found = []
    for level in draw(st.sets(st.sampled_from(["standard", "tenant", "sku"]))):
        fields = {"threshold": draw(thresholds), "warn": draw(st.none() | seats), "mode": draw(modes)}
        until = draw(st.sampled_from([None, TODAY, TODAY - timedelta(1)]))
        found.append(rule(level, until=until, **fields))
    return found


@given(some_policies(), kinds)
def test_nothing_bought_and_nothing_used_never_alarms(rules: list[Rule], kind: str) -> None:
    assert not decided(*rules, kind=kind).short(0, 0)


@given(some_policies(), kinds, seats, seats, st.integers(0, 10))
def test_a_lower_threshold_never_creates_an_alarm(
    rules: list[Rule], kind: str, enabled: int, consumed: int, less: int
) -> None:
    decision = decided(*rules, kind=kind)

    lower = replace(decision, threshold=decision.threshold - less)

    assert decision.short(enabled, consumed) or not lower.short(enabled, consumed)


@given(some_policies(), kinds, thresholds, st.integers(0, 10), seats, seats)
def test_a_lower_threshold_of_the_product_never_creates_one_either(
    wider: list[Rule], kind: str, threshold: int | None, less: int, enabled: int, consumed: int
) -> None:
    wider = [found for found in wider if found.level != "sku"]
    higher = rule(threshold=threshold or 0, mode="alarm")
    lower = replace(higher, threshold=(threshold or 0) - less)

    was = decided(*wider, higher, kind=kind).short(enabled, consumed)
    now = decided(*wider, lower, kind=kind).short(enabled, consumed)

    assert was or not now


@given(some_policies(), kinds, thresholds, seats, seats)
def test_show_only_wins_over_every_threshold(
    wider: list[Rule], kind: str, threshold: int | None, enabled: int, consumed: int
) -> None:
    wider = [found for found in wider if found.level != "sku"]

    decision = decided(*wider, rule(mode="show_only", threshold=threshold), kind=kind)

    assert not decision.short(enabled, consumed)
    assert (decision.decided_by, decision.level) == ("show_only", "sku")


@given(some_policies(), kinds, seats, seats)
def test_policies_that_are_over_are_as_if_they_were_not_there(
    rules: list[Rule], kind: str, enabled: int, consumed: int
) -> None:
    over = [replace(found, until=TODAY - timedelta(1)) for found in rules]

    decision = decided(*over, kind=kind)

    assert decision == decide(kind, [])
    assert decision.short(enabled, consumed) == is_shortage(kind, enabled, consumed)


@given(some_policies(), kinds)
def test_the_level_that_decided_is_one_that_counts(rules: list[Rule], kind: str) -> None:
    decision = decided(*rules, kind=kind)

    counting = {found.level: found.reason for found in rules if found.is_valid_on(TODAY)}
    assert decision.reason == (counting[decision.level] if decision.decided_by else "")


@pytest.mark.parametrize(
    ("rules", "threshold", "warn", "level"),
    [
        pytest.param([], 3, 9, "service_level", id="alone"),
        pytest.param([rule("standard", threshold=1, warn=1)], 3, 9, "service_level", id="before-the-standard"),
        pytest.param([rule("tenant", threshold=5)], 5, 9, "tenant", id="after-the-tenant"),
        pytest.param([rule("sku", warn=4)], 3, 4, "service_level", id="each-field-on-its-own"),
        pytest.param([rule("sku", mode="edge"), rule("tenant", threshold=5)], -1, 0, "sku", id="after-the-product"),
    ],
)
def test_the_level_of_service_stands_between_the_tenant_and_the_standard(
    rules: list[Rule], threshold: int, warn: int, level: str
) -> None:
    decision = decided(*rules, level=LevelRule("Premium", 3, 9))

    assert (decision.threshold, decision.warn, decision.level) == (threshold, warn, level)


def test_a_level_of_service_counts_for_its_own_tenants_alone() -> None:
    rules = Rules.of([], TODAY, {TENANT: LevelRule("Premium", threshold=3)})

    assert rules.decide(TENANT, SKU, "paid").short(10, 8)
    assert not rules.decide("another", SKU, "paid").short(10, 8)


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        pytest.param(rule(threshold=2), [], id="fine"),
        pytest.param(rule(threshold=2, reason="  "), [("reason", "missing")], id="no-reason"),
        pytest.param(rule(), [("mode", "changes_nothing")], id="empty"),
        pytest.param(rule(threshold=LARGEST + 1), [("threshold", "out_of_range")], id="threshold"),
        pytest.param(rule(warn=-1), [("warn", "out_of_range")], id="warn"),
        pytest.param(rule(mode="edge", threshold=0), [("threshold", "not_with_edge")], id="edge-and-threshold"),
        pytest.param(rule("standard", mode="hidden"), [("mode", "not_for_all")], id="silence-for-all"),
        pytest.param(rule("tenant", mode="anyway"), [("mode", "needs_product")], id="anyway-for-a-tenant"),
        pytest.param(replace(rule(warn=1), tenant_id=""), [("tenant_id", "missing")], id="product-of-nobody"),
        pytest.param(rule(mode="loud"), [("mode", "unknown")], id="mode"),
    ],
)
def test_faults_are_named_by_field(wrong: Rule, faults: list[tuple[str, str]]) -> None:
    assert faults_of(wrong) == faults


# In the database and in the frame


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with one tenant that has 2 of 10 seats left."""
    save_profiles(database, [ProfileTenant(TENANT, "contoso", "Contoso", NOW)], {})
    row = License(SKU, "SPB", 10, 8, applies_to="User")
    save_readings(database, [Reading(TENANT, [row], {}, NOW)], {}, (), TODAY)
    return database


def frame_row(engine: Engine, now: datetime = NOW) -> Any:
    frame = licenses_frame(engine, Catalogue([]), now=now, flow_timeout=timedelta(hours=1))
    return next(frame.itertuples())


def test_a_policy_is_kept_whole_and_the_pages_are_told(engine: Engine) -> None:
    before, kept = data_version(engine), rule(threshold=2, warn=4, mode="alarm", until=TODAY)

    save_rule(engine, kept, entry(), NOW)

    assert all_rules(engine) == [kept]
    assert data_version(engine) > before


def test_a_second_policy_for_the_same_scope_takes_the_place_of_the_first(engine: Engine) -> None:
    save_rule(engine, rule(threshold=2), entry(), NOW)

    save_rule(engine, rule(mode="edge"), entry(), NOW)

    assert all_rules(engine) == [rule(mode="edge")]


def test_a_policy_is_ended_once(engine: Engine) -> None:
    save_rule(engine, rule(threshold=2), entry(), NOW)
    save_rule(engine, rule("tenant", warn=2), entry(), NOW)

    assert delete_rule(engine, (TENANT, SKU), entry(), NOW)
    assert not delete_rule(engine, (TENANT, SKU), entry(), NOW)
    assert all_rules(engine) == [rule("tenant", warn=2)]


def test_policies_are_replaced_whole(engine: Engine) -> None:
    save_rule(engine, rule(threshold=2), entry(), NOW)

    replace_rules(engine, [rule("standard", threshold=1), rule("tenant", mode="edge")], entry(), NOW)

    assert [found.level for found in all_rules(engine)] == ["standard", "tenant"]


def test_the_last_day_ends_at_midnight_where_the_team_is(engine: Engine) -> None:
    save_rule(engine, rule(threshold=2, until=TODAY), entry(), NOW)
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)

    assert rules_at(engine, late, UTC).by_scope
    assert not rules_at(engine, late, ZoneInfo("Europe/Zurich")).by_scope


def test_the_frame_says_what_holds_and_who_decided(engine: Engine) -> None:
    usual = frame_row(engine)
    save_rule(engine, rule(threshold=2, reason="Reserve"), entry(), NOW)

    row = frame_row(engine)

    assert (usual.shortage, usual.threshold, usual.rule, usual.rule_level, usual.alarms) == (
        False, 0, "", "standard", True
    )  # fmt: skip
    assert (row.shortage, row.threshold, row.rule, row.rule_level) == (True, 2, "threshold", "sku")
    assert (row.rule_reason, row.hidden, row.alarm) == ("Reserve", False, "no_sharepoint")


def test_the_frame_is_low_by_the_warn_level_of_the_policy(engine: Engine) -> None:
    assert frame_row(engine).state == "ok"

    save_rule(engine, rule(warn=2), entry(), NOW)

    assert (frame_row(engine).state, frame_row(engine).warn_level) == ("low", 2)


def test_what_is_hidden_stays_in_the_frame_and_says_so(engine: Engine) -> None:
    save_rule(engine, rule("tenant", mode="hidden"), entry(), NOW)

    row = frame_row(engine)

    assert (row.hidden, row.alarms, row.shortage, row.free) == (True, False, False, 2)
