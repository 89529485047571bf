"""Intervals of levels: whose turn it is, without a herd, and what it costs to find that out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from core.attention.conditions import expected_minutes, is_late
from core.cache import run_rows
from core.cache.case_rows import stored_case
from core.cache.level_rows import OwnInterval
from core.cache.shared_frames import newest_figures
from core.cases import changes, orders
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.orders import OrderRequest
from core.commands import sync
from core.operations.health import health_of
from core.refresh.due_tenants import due_tenants, is_due, regular_scope, slot
from core.refresh.queue import covers
from core.roles import interval_actor, schedule_actor
from core.tenants import levels
from core.tenants.levels import Level
from tests.actors import ADMIN
from tests.office import Office, open_office
from ui.age import age_of, is_stale

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
MANY = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1000)]
MINUTE = timedelta(minutes=1)


def of(tenant_id: str, minutes: int, read_at: datetime | None = None) -> OwnInterval:
    return OwnInterval(tenant_id, "", minutes, read_at)


def reads(tenant_id: str, minutes: int, *, hours: int) -> list[datetime]:
    """When a tenant is read by somebody who looks once a minute."""
    tenant, times = of(tenant_id, minutes, NOW), []
    for now in (NOW + number * MINUTE for number in range(1, hours * 60 + 1)):
        if is_due(tenant, now):
            tenant = replace(tenant, last_attempt_at=now)
            times.append(now)
    return times


@pytest.mark.parametrize("minutes", [5, 60, 240])
def test_a_tenant_is_read_once_in_each_interval(minutes: int) -> None:
    for tenant_id in MANY[:20]:
        times = reads(tenant_id, minutes, hours=24)

        assert len(times) == 24 * 60 // minutes
        assert {later - earlier for earlier, later in pairwise(times)} == {minutes * MINUTE}


@pytest.mark.parametrize(("minutes", "most"), [(60, 35), (240, 14)])
def test_a_thousand_tenants_do_not_come_at_the_full_hour(minutes: int, most: int) -> None:
    first = Counter(reads(tenant_id, minutes, hours=minutes // 60)[0] for tenant_id in MANY)

    assert sum(first.values()) == len(MANY)
    assert max(first.values()) <= most  # evenly they would be 17 and 5 a minute


@given(st.uuids().map(str), st.integers(1, 10_080), st.integers(0, 4_000_000_000))
def test_who_was_read_is_due_within_one_interval_and_not_at_once(tenant_id: str, minutes: int, at: int) -> None:
    read_at = datetime.fromtimestamp(at, UTC)
    tenant = of(tenant_id, minutes, read_at)

    assert not is_due(tenant, read_at)
    assert is_due(tenant, read_at + minutes * MINUTE)
    assert is_due(tenant, read_at - minutes * MINUTE), "the clock was set back"
    assert is_due(of(tenant_id, minutes), read_at), "never read"


@pytest.mark.parametrize(
    ("own", "setting", "minutes"),
    [([], 30, 30), ([None, 240], 30, 30), ([240, 480], 30, 240), ([None, 5], 30, 5), ([5], 0, 0)],
)
def test_the_next_refresh_is_that_of_the_shortest_interval(own: list[int | None], setting: float, minutes: int) -> None:
    assert expected_minutes(own, setting) == minutes


@pytest.mark.parametrize(
    ("own", "setting", "hours", "late"),
    [(None, 30, 1.1, True), (240, 30, 1.1, False), (240, 30, 8.1, True), (5, 30, 0.6, True), (240, 0, 99, False)],
)
def test_a_reading_is_late_by_the_interval_of_its_tenant(
    own: int | None, setting: float, hours: float, late: bool
) -> None:
    assert is_late(NOW - timedelta(hours=hours), own, setting, NOW) is late


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Three tenants, read just now: one every five minutes, one every four hours, one as the setting says."""
    with open_office(tmp_path) as opened:
        for name in ("Schnell", "Langsam", "Üblich"):
            opened.m365.add_tenant(name, skus={"SPB": (5, 2)})
        settle_in_slots(opened)
        opened.refresh()
        fast = levels.keep(opened.engine, Level("", "Schnell", refresh_minutes=5), ADMIN, ["standard"])
        levels.assign(opened.engine, fast, [opened.m365.find_tenant("Schnell").tenant_id], ADMIN)
        basis = levels.levels(opened.engine)["basis"]
        levels.assign(opened.engine, basis, [opened.m365.find_tenant("Langsam").tenant_id], ADMIN)
        yield opened


def settle_in_slots(office: Office) -> None:
    """Move the clock to where both intervals have just begun, so that nothing depends on when the test runs."""
    fast, slow = (office.m365.find_tenant(name).tenant_id for name in ("Schnell", "Langsam"))
    while slot(slow, 240, office.now()) == slot(slow, 240, office.now() - 10 * MINUTE):
        office.later(minutes=10)
    while slot(fast, 5, office.now()) == slot(fast, 5, office.now() - timedelta(seconds=30)):
        office.later(seconds=30)


def names(office: Office, tenant_ids: list[str] | None) -> set[str]:
    name_by_id = {office.m365.find_tenant(name).tenant_id: name for name in ("Schnell", "Langsam", "Üblich")}
    return {name_by_id[tenant_id] for tenant_id in tenant_ids or ()}


def test_each_tenant_is_read_when_its_turn_comes_and_a_manual_refresh_reads_all(office: Office) -> None:
    read: Counter[str] = Counter()
    for _ in range(48):  # four hours
        office.later(minutes=5)
        due = due_tenants(office.services)
        if due:
            summary = office.refresher.run(interval_actor(), due)
            assert (summary["ok"], summary["failed"]) == (len(due), [])
        read.update(names(office, due))
    regular = names(office, regular_scope(office.services))

    assert read == {"Schnell": 48, "Langsam": 1}
    assert regular == {"Üblich"}
    assert health_of(office.engine, 30, office.now() - timedelta(days=1), office.now()).refresh == "ok"
    assert office.refresher.run(ADMIN)["ok"] == 3
    assert due_tenants(office.services) == []


def test_a_manual_refresh_does_not_join_that_of_a_few_but_one_of_these_does(office: Office) -> None:
    office.later(minutes=5)
    few = run_rows.waiting_run("schedule", "", ["Schnell"], NOW)

    assert not covers(few, run_rows.waiting_run("page", "anna", [], NOW))
    assert covers(few, run_rows.waiting_run("page", "anna", ["Schnell"], NOW))
    office.refresher._queue.join_or_wait(run_rows.waiting_run("page", "anna", [], office.now()))
    assert due_tenants(office.services) == [], "the open refresh reads it"


def test_who_cannot_be_read_is_not_asked_for_again_and_again(office: Office) -> None:
    office.later(minutes=5)
    profile = next(office.settings.profiles_dir.glob("*schnell*.json"))
    content = profile.read_text(encoding="utf-8")
    profile.write_text("{", encoding="utf-8")

    assert due_tenants(office.services) == []
    assert office.refresher.run(schedule_actor(), regular_scope(office.services) or [])["ok"] == 1  # and it is told
    profile.write_text(content, encoding="utf-8")
    assert names(office, due_tenants(office.services)) == {"Schnell"}


def test_without_levels_of_their_own_all_are_read_together(office: Office) -> None:
    standard = levels.levels(office.engine)["standard"]
    levels.assign(office.engine, standard, [one.tenant_id for one in office.services.profiles.load().tenants], ADMIN)

    assert regular_scope(office.services) == []
    assert due_tenants(office.services) == []


def test_a_refresh_for_nobody_is_none(office: Office) -> None:
    basis = levels.levels(office.engine)["basis"]
    levels.assign(office.engine, basis, [one.tenant_id for one in office.services.profiles.load().tenants], ADMIN)
    tenant = office.m365.find_tenant("Langsam").tenant_id

    assert regular_scope(office.services) is None
    assert regular_scope(office.services, [tenant]) is None


def test_a_look_takes_one_statement_when_nobody_is_due(office: Office) -> None:
    statements: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert due_tenants(office.services) == []

    assert len([one for one in statements if one.startswith("SELECT") and "levels" in one]) == 1
    assert len(statements) <= 2, statements  # with the check that the file is still the same one


def test_sync_watch_does_what_the_timetable_does(office: Office) -> None:
    slow = office.m365.find_tenant("Langsam").tenant_id
    assert sync._due_refresh(office.services, [], regular=False) is None
    office.later(minutes=5)
    due, regular = (sync._due_refresh(office.services, [], regular=regular) for regular in (False, True))
    assert due is not None
    assert regular is not None

    assert (due.actor.name, names(office, list(due.tenants))) == ("interval", {"Schnell"})
    assert (regular.actor.name, names(office, list(regular.tenants))) == ("schedule", {"Schnell", "Üblich"})
    assert sync._due_refresh(office.services, [slow], regular=True) is None
    assert sync._due_refresh(office.services, ["Üblich"], regular=False) is None


def test_what_a_page_or_program_sees_of_the_age_knows_the_interval(office: Office) -> None:
    office.later(hours=2)
    office.refresher.run(ADMIN, ["Üblich", "Schnell"])
    figures = newest_figures(office.engine, office.settings)
    known = age_of(figures.tenants)

    assert list(figures.tenants["level"]) == ["basis", "schnell", "standard"]
    assert not is_stale(known, office.now(), 30), "the reading of two hours ago is one of every four hours"
    assert is_stale(known, office.now() + timedelta(minutes=31), 30), "that of every five minutes"


def test_a_tenant_with_an_order_under_way_is_read_every_few_minutes_until_all_has_come(office: Office) -> None:
    tenant = office.m365.find_tenant("Üblich")
    follow = levels.keep(office.engine, Level("", "Folgt", follow_orders=True), ADMIN, ["standard"])
    levels.assign(office.engine, follow, [tenant.tenant_id], ADMIN)
    (sku,) = tenant.skus.values()
    request = AheadRequest(tenant.tenant_id, sku.sku_id, 3, office.now().date() + timedelta(days=9))
    case = open_ahead(office.engine, ADMIN, request, office.now(), office.settings.zone)
    changes.approve(office.engine, ADMIN, case.case_id, 3, "Rahmenvertrag", office.now())
    assert "Üblich" in names(office, regular_scope(office.services)), "nothing is ordered yet"
    orders.place(
        office.engine, ADMIN, OrderRequest({case.case_id: 3}, send=False), office.now(), office.settings.zone
    )  # fmt: skip

    states = []
    for seats in (5, 6, 8):
        tenant.set_sku("SPB", enabled=seats)
        office.later(minutes=5)
        due = due_tenants(office.services)
        assert "Üblich" in names(office, due)
        office.refresher.run(interval_actor(), due)
        states.append(stored_case(office.engine, case.case_id).state)  # type: ignore[union-attr]

    assert states == ["ordered", "partly_delivered", "closed"]
    office.later(minutes=5)
    assert "Üblich" not in names(office, due_tenants(office.services))
