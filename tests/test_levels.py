"""Levels of service and calendars in the database: what comes with the product, changes, faults."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from core.audit import Search
from core.cache import audit_rows
from core.cache.rule_rows import rules_at
from core.cache.tenant_rows import ProfileTenant, save_profiles, tenant_rows
from core.tenants import calendars, levels
from core.tenants.calendars import CalendarError, CalendarFaults, NamedCalendar
from core.tenants.levels import BUILT_IN, Level, LevelError, LevelFaults
from core.tenants.working_time import OFFICE, Calendar
from tests.actors import ADMIN

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
ONE, TWO = (f"11111111-0000-4000-8000-00000000000{number}" for number in (1, 2))
CALENDARS = ("standard",)


@pytest.fixture
def office(database: Engine) -> Engine:
    save_profiles(database, [ProfileTenant(ONE, "eins", "Eins", NOW), ProfileTenant(TWO, "zwei", "Zwei", NOW)], {})
    return database


def test_a_new_installation_has_three_levels_and_a_calendar(office: Engine) -> None:
    known = levels.levels(office)

    assert tuple(known) == BUILT_IN
    assert (known["standard"].refresh_minutes, known["basis"].refresh_minutes) == (None, 240)
    assert known["standard"].solution_hours == {"critical": 4, "high": 24, "medium": 72, "low": 168}
    assert {levels.level_of(row, known).key for row in tenant_rows(office).values()} == {"standard"}
    assert calendars.calendars(office)["standard"].hours.week[:5] == (OFFICE,) * 5
    assert levels.tenants_by_level(office) == {"standard": 2}


def test_a_level_is_added_changed_given_and_deleted_and_the_audit_knows(office: Engine) -> None:
    gold = levels.keep(office, Level("", "  Gold ", refresh_minutes=5, threshold=2), ADMIN, CALENDARS)
    assert levels.assign(office, gold, [ONE, "unknown"], ADMIN) == ["Eins"]
    assert levels.assign(office, gold, [ONE], ADMIN) == []
    assert rules_at(office, NOW, UTC).decide(ONE, "sku", "paid").threshold == 2
    assert rules_at(office, NOW, UTC).decide(TWO, "sku", "paid").threshold == 0
    assert rules_at(office, NOW, UTC, [TWO]).decide(ONE, "sku", "paid").threshold == 0  # not asked for
    with pytest.raises(LevelError) as caught:
        levels.delete(office, gold, ADMIN)
    assert caught.value.problem.code == "level.in_use"

    changed = levels.keep(office, replace(gold, name="Platin"), ADMIN, CALENDARS)
    levels.assign(office, levels.levels(office)["standard"], [ONE], ADMIN)
    levels.delete(office, changed, ADMIN)

    assert tuple(levels.levels(office)) == BUILT_IN
    actions = [row.action for row in audit_rows.find(office, Search(), limit=10)[0]]
    assert actions == ["level.deleted", "level.assigned", "level.changed", "level.assigned", "level.added"]


def test_a_level_that_is_gone_leaves_its_tenants_the_standard_one(office: Engine) -> None:
    known = levels.levels(office)
    row = tenant_rows(office)[ONE]

    assert levels.level_of(row, {"standard": known["standard"]}).key == "standard"
    assert levels.level_of(row, {}).key == "standard"
    with pytest.raises(LevelError):
        levels.assign(office, Level("gone", "Gone"), [ONE], ADMIN)
    with pytest.raises(LevelError):
        levels.delete(office, known["standard"], ADMIN)


def test_two_admins_do_not_overwrite_each_other(office: Engine) -> None:
    seen = levels.levels(office)["basis"]
    levels.keep(office, replace(seen, refresh_minutes=60), ADMIN, CALENDARS)

    with pytest.raises(LevelError) as caught:
        levels.keep(office, replace(seen, refresh_minutes=30), ADMIN, CALENDARS)

    assert caught.value.problem.code == "level.changed_meanwhile"
    assert levels.levels(office)["basis"].refresh_minutes == 60


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": " \N{ZERO WIDTH SPACE} "}, "name", "chosen_name.missing"),
        ({"name": "x" * 61}, "name", "chosen_name.long"),
        ({"name": "a\x00b"}, "name", "chosen_name.signs"),
        ({"refresh_minutes": 0}, "refresh_minutes", "level.minutes"),
        ({"refresh_minutes": 100_000}, "refresh_minutes", "level.minutes"),
        ({"threshold": 100_001}, "threshold", "level.threshold"),
        ({"warn": -1}, "warn", "level.threshold"),
        ({"reaction_hours": {"critical": 4}}, "reaction_hours", "level.hours"),
        ({"solution_hours": {"critical": 0, "high": 1, "medium": 1, "low": 1}}, "solution_hours", "level.hours"),
        ({"solution_hours": {"critical": 1, "high": 1, "medium": 1, "low": math.nan}}, "solution_hours", "level.hours"),
        ({"recipients": ("nobody",)}, "recipients", "level.no_address"),
        ({"recipients": ("a@example.com",) * 21}, "recipients", "level.recipients_many"),
        ({"calendar": "mars"}, "calendar", "level.no_calendar"),
    ],
)
def test_a_fault_of_a_level_is_told_at_its_field(change: dict[str, Any], field: str, code: str) -> None:
    faults = list(levels.faults_of(replace(Level("", "Eigene"), **change), CALENDARS))

    assert [(name, problem.code) for name, problem in faults] == [(field, code)]


def test_a_level_with_a_fault_is_not_kept(office: Engine) -> None:
    for name, code in (("ＰＲＥＭＩＵＭ\N{NO-BREAK SPACE}", "chosen_name.taken"), ("", "chosen_name.missing")):
        with pytest.raises(LevelFaults) as caught:
            levels.keep(office, Level("", name), ADMIN, CALENDARS)
        assert caught.value.by_field["name"].code == code

    assert tuple(levels.levels(office)) == BUILT_IN


def test_a_calendar_is_added_changed_and_deleted(office: Engine) -> None:
    calendars.keep(office, NamedCalendar("Bern", Calendar(region="CH-BE")), ADMIN)
    bern = calendars.calendars(office)["bern"]
    calendars.keep(office, replace(bern, hours=replace(bern.hours, region="CH-FR")), ADMIN)
    with pytest.raises(CalendarError) as caught:
        calendars.keep(office, bern, ADMIN)
    assert caught.value.problem.code == "calendar.changed_meanwhile"

    bern = calendars.find(office, " BERN ") or bern
    assert (bern.version, bern.hours) == (2, Calendar(region="CH-FR"))
    level = levels.keep(office, Level("", "Gold", calendar="bern"), ADMIN, ["bern"])
    with pytest.raises(CalendarError) as caught:
        calendars.delete(office, bern, ADMIN)
    assert caught.value.problem.code == "calendar.in_use"
    levels.delete(office, level, ADMIN)
    calendars.delete(office, bern, ADMIN)

    assert list(calendars.calendars(office)) == ["standard"]
    with pytest.raises(CalendarError):
        calendars.delete(office, calendars.calendars(office)["standard"], ADMIN)


@pytest.mark.parametrize(
    ("hours", "field", "code"),
    [
        (Calendar(zone="Europe/Hinwil"), "zone", "calendar.no_zone"),
        (Calendar(zone="../../etc/passwd"), "zone", "calendar.no_zone"),
        (Calendar(region="CH-XX"), "region", "calendar.no_region"),
        (Calendar(week=((),) * 7), "week", "calendar.empty"),
        (Calendar(half_day_until=0), "half_day_until", "calendar.half_day"),
    ],
)
def test_a_fault_of_a_calendar_is_told_at_its_field(hours: Calendar, field: str, code: str) -> None:
    faults = list(calendars.faults_of(NamedCalendar("Neu", hours)))

    assert [(name, problem.code) for name, problem in faults] == [(field, code)]


def test_a_calendar_with_a_fault_is_not_kept(office: Engine) -> None:
    for name, code in (("STANDARD", "chosen_name.taken"), (" ", "chosen_name.missing")):
        with pytest.raises(CalendarFaults) as caught:
            calendars.keep(office, NamedCalendar(name), ADMIN)
        assert caught.value.by_field["name"].code == code

    assert list(calendars.calendars(office)) == ["standard"]
