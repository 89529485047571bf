"""A shortage that is read opens a case, follows it and ends it: with what is read, once, on both databases."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from core.cache.database import DatabaseError
from core.cache.readings import save_failures, stored_licenses
from core.cache.schema import case_events, case_numbers, cases, tenants
from core.cache.sql import save_document, transaction
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.writing import need_case, write
from core.licenses.units import License
from core.problems import Problem
from tests.case_world import ANNA, E3, NOON, OFFICE, SCHOOL, SPB, ZURICH, Desk
from tests.office import Office

WEEK = 7 * 24 * 60.0  # minutes


@pytest.fixture
def desk(database: Engine) -> Desk:
    return Desk(database)


# It opens


def test_a_shortage_that_alarms_opens_a_case_with_the_reading(desk: Desk) -> None:
    desk.read(10, 8)
    desk.read(10, 10)

    case = desk.case
    assert (case.number, case.tenant_id, case.sku_id, case.state, case.cause) == (
        "2027-0001", SCHOOL, SPB, "open", "shortage"
    )  # fmt: skip
    assert (case.opened_at, case.free, case.missing, case.quantity) == (desk.now, 0, 1, 1)
    assert (case.priority, case.stage, case.owner) == ("high", "short", "")


@pytest.mark.parametrize(("units", "priority", "quantity"), [
    ((10, 10, 0), "high", 1),  # nobody lacks a seat yet
    ((10, 13, 0), "critical", 4),  # three lack one, and one is free again
    ((0, 5, 10), "critical", 6),  # in grace: they work on, for a while
])  # fmt: skip
def test_how_urgent_it_is_and_how_much_it_needs(
    desk: Desk, units: tuple[int, int, int], priority: str, quantity: int
) -> None:
    desk.read(units[0], units[1], warning=units[2])

    assert (desk.case.priority, desk.case.quantity) == (priority, quantity)


def test_further_readings_of_the_same_shortage_add_nothing(desk: Desk) -> None:
    for _ in range(4):
        desk.read(10, 10)

    assert desk.kinds(desk.case) == ["opened"]


def test_a_worse_shortage_is_an_event_of_its_case_and_more_urgent(desk: Desk) -> None:
    desk.read(10, 10)
    desk.read(10, 12)
    desk.read(10, 14)

    assert desk.kinds(desk.case) == ["opened", "units_seen", "priority_changed", "units_seen"]
    assert (desk.case.missing, desk.case.priority, desk.case.stage) == (5, "critical", "over")


def test_what_a_person_has_set_no_rule_changes(desk: Desk) -> None:
    desk.read(10, 10)
    changes.set_priority(desk.engine, ANNA, desk.case.case_id, "low", desk.now)
    desk.read(10, 12)

    assert desk.case.priority == "low"


def test_numbers_count_within_the_year_of_the_office(desk: Desk) -> None:
    desk.now = NOON.replace(month=12, day=31, hour=22)
    desk.read(10, 10)
    desk.read(10, 10, tenant=OFFICE, minutes=61)  # 00:31 in Zurich
    desk.read_all([License(SPB, "SPB", 10, 10), License(E3, "E3", 5, 5)])

    assert [case.number for case in desk.cases] == ["2027-0001", "2028-0001", "2028-0002"]


def test_nothing_opens_without_monitoring_and_at_once_when_it_begins(desk: Desk) -> None:
    desk.monitor(monitored=False)
    desk.read(10, 10)
    assert desk.cases == []

    desk.monitor(monitored=True)
    desk.read(10, 10)

    assert desk.case.cause == "shortage"


def test_a_product_that_a_rule_mutes_opens_nothing(desk: Desk) -> None:
    desk.mute()
    desk.read(10, 10)

    assert desk.cases == []


def test_the_shortages_of_a_first_reading_are_told_by_its_summary(desk: Desk) -> None:
    desk.first = [SCHOOL]
    desk.read(10, 10)

    assert desk.case.cause == "first_reading"


@pytest.mark.parametrize(("days", "cause"), [(1, "taken_over"), (8, "shortage")])
def test_what_was_short_before_there_were_cases_is_taken_over_for_a_week(desk: Desk, days: int, cause: str) -> None:
    desk.monitor(monitored=False)
    desk.read(10, 10)
    desk.monitor(monitored=True)
    with transaction(desk.engine) as connection:  # as the upgrade does it
        save_document(connection, "cases_since", (desk.now + timedelta(minutes=1)).isoformat())

    desk.read(10, 10, minutes=days * 24 * 60)
    desk.read(10, 10)

    assert (desk.case.cause, desk.kinds(desk.case)) == (cause, ["opened"])


def test_reading_and_case_are_stored_together_or_not_at_all(desk: Desk) -> None:
    desk.read(10, 10, tenant=OFFICE)
    with transaction(desk.engine) as connection:  # the next number is taken, by whatever fault
        connection.execute(delete(case_numbers))

    with pytest.raises(DatabaseError):
        desk.read(10, 10)

    assert [case.tenant_id for case in desk.cases] == [OFFICE]
    assert list(stored_licenses(desk.engine)) == [OFFICE]


# It ends


def test_it_is_over_after_two_good_readings(desk: Desk) -> None:
    desk.read(10, 10)
    desk.read(10, 8)
    assert desk.case.is_open

    desk.read(10, 8, minutes=3)

    case = desk.case
    assert (case.state, case.outcome, case.closed_at, case.missing) == ("recovered", "recovered", desk.now, 0)
    assert desk.kinds(case) == ["opened", "units_seen", "recovered"]


def test_a_bad_reading_between_two_good_ones_begins_the_count_anew(desk: Desk) -> None:
    for consumed in (10, 8, 10, 8):
        desk.read(10, consumed)
    assert desk.case.is_open

    desk.read(10, 8)

    assert desk.case.state == "recovered"


def test_a_tenant_that_cannot_be_read_closes_nothing(desk: Desk) -> None:
    desk.read(10, 10)
    save_failures(desk.engine, {SCHOOL: Problem("graph.forbidden", {"tenant": "Höri"})}, desk.now)
    desk.read_all([], refused=[SPB])
    desk.read_all([], refused=[""])
    desk.read_all([], refused=[""])

    assert desk.kinds(desk.case) == ["opened"]


def test_a_product_that_is_no_longer_listed_ends_its_case_as_gone(desk: Desk) -> None:
    desk.read(10, 10)
    desk.read_all([])
    desk.read_all([])

    assert (desk.case.state, desk.case.outcome) == ("recovered", "gone")


def test_muting_and_ending_the_monitoring_leave_a_case_open_and_let_it_recover(desk: Desk) -> None:
    desk.read(10, 10)
    desk.mute()
    desk.monitor(monitored=False)
    desk.read(10, 10)
    desk.read(10, 10)
    assert desk.case.is_open

    desk.read(10, 8)
    desk.read(10, 8)

    assert desk.case.state == "recovered"


# It comes back


def test_flapping_makes_no_second_case(desk: Desk) -> None:
    desk.read(10, 10)
    number = desk.case.number
    for _ in range(3):
        for consumed in (8, 8, 10):
            desk.read(10, consumed)

    assert (desk.case.number, desk.case.state, desk.case.closed_at) == (number, "open", None)
    assert desk.kinds(desk.case).count("reopened") == 3


@pytest.mark.parametrize(("minutes", "count"), [(WEEK, 1), (WEEK + 1, 2)])
def test_within_a_week_it_is_the_same_case_and_later_a_new_one_that_names_it(
    desk: Desk, minutes: float, count: int
) -> None:
    for consumed in (10, 8, 8):
        desk.read(10, consumed)
    desk.read(10, 10, minutes=minutes)

    assert len(desk.cases) == count
    first, newest = desk.cases[0], desk.cases[-1]
    assert newest.is_open
    assert newest.follows == ("" if count == 1 else first.case_id)


@pytest.mark.parametrize(("minutes", "again", "count"), [
    (30, 12, 1), (WEEK + 1, 12, 1),  # the same shortage, however long it lasts
    (30, 13, 1), (WEEK + 1, 13, 2),  # more are missing: within a week the same case, later a new one
])  # fmt: skip
def test_what_a_person_has_closed_stays_so_until_more_are_missing(
    desk: Desk, minutes: float, again: int, count: int
) -> None:
    desk.read(10, 12)
    changes.close(desk.engine, ANNA, desk.case.case_id, "Der Kunde räumt selbst auf.", desk.now)
    desk.read(10, 11)
    assert desk.case.outcome == "closed"

    desk.read(10, again, minutes=minutes)

    assert [case.is_open for case in desk.cases] == ([again == 13] if count == 1 else [False, True])
    assert desk.cases[-1].follows == ("" if count == 1 else desk.cases[0].case_id)


def test_what_a_person_has_closed_comes_back_with_the_next_shortage(desk: Desk) -> None:
    desk.read(10, 10)
    changes.close(desk.engine, ANNA, desk.case.case_id, "Am Telefon bestellt.", desk.now)
    desk.read(10, 8)
    desk.read(10, 10)

    assert (desk.case.state, desk.case.outcome) == ("open", "")


@pytest.mark.parametrize(("minutes", "count"), [(60, 1), (WEEK, 2)])
def test_what_was_refused_is_left_alone_for_a_week_also_if_it_flaps(desk: Desk, minutes: float, count: int) -> None:
    desk.read(10, 10)
    with transaction(desk.engine) as connection:
        for kind, who in (("asked", "staff"), ("consent_refused", "customer")):
            write(connection, need_case(connection, "2027-0001"), kind, {"quantity": 1}, ANNA, desk.now, who=who)  # type: ignore[arg-type]
    desk.read(10, 8)
    desk.read(10, 10, minutes=minutes)

    assert (len(desk.cases), desk.cases[0].state) == (count, "refused")


def test_a_clock_that_was_wrong_keeps_no_case_open_and_hides_none(desk: Desk) -> None:
    right = desk.now
    desk.now += timedelta(days=400)
    desk.read(10, 10)
    desk.read(10, 8)
    desk.now = right
    desk.read(10, 8)
    assert desk.case.state == "recovered"

    desk.read(10, 10)

    assert desk.case.state == "open"


# Ahead of time


def test_a_case_ahead_of_time_waits_for_its_seats_and_takes_a_shortage_in(desk: Desk) -> None:
    desk.read(10, 8)
    request = AheadRequest(SCHOOL, SPB, 10, NOON.date() + timedelta(days=30), "10 neue Lehrpersonen ab 1. August", 2)
    case = open_ahead(desk.engine, ANNA, request, desk.now, ZURICH)
    assert (case.cause, case.quantity, case.waiting, case.priority, case.free) == ("ahead", 10, 2, "low", 2)

    for consumed in (8, 8, 10, 8, 8):
        desk.read(10, consumed)

    assert desk.case.is_open
    assert desk.kinds(desk.case) == ["opened", "units_seen", "priority_changed", "units_seen"]


# In the whole product


def test_from_the_alarm_to_its_message_to_the_end_of_the_shortage(office: Office) -> None:
    school = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
    office.settle()
    desk = Desk.__new__(Desk)
    desk.engine = office.engine

    school.set_sku("SPB", consumed=10)
    office.settle()
    assert desk.kinds(desk.case) == ["opened", "told"]

    school.set_sku("SPB", consumed=5)
    office.refresh()
    office.refresh()  # only a second good reading ends a case

    assert (desk.case.state, desk.case.cause) == ("recovered", "shortage")


# The database


def test_the_database_itself_refuses_to_change_or_take_an_event(desk: Desk) -> None:
    desk.read(10, 10)
    for statement in (update(case_events).values(kind="other"), delete(case_events)):
        with pytest.raises(DBAPIError, match="append-only"), desk.engine.begin() as connection:
            connection.execute(statement)

    assert desk.kinds(desk.case) == ["opened"]


def test_events_go_with_the_tenant_of_their_case(desk: Desk) -> None:
    desk.read(10, 10)
    with desk.engine.begin() as connection:
        connection.execute(delete(tenants).where(tenants.c.tenant_id == SCHOOL))

    assert desk.cases == []
    with desk.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM case_events")).scalar() == 0


def test_the_database_itself_refuses_a_second_open_case_for_a_licence(desk: Desk) -> None:
    desk.read(10, 10)
    twin = asdict(desk.case)
    with pytest.raises(DBAPIError), desk.engine.begin() as connection:
        connection.execute(cases.insert().values(twin | {"case_id": "2", "number": "2"}))
