"""What happened to a licence, and when: each event is stored with what causes it, once, on both databases."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from core.cache.database import DatabaseError
from core.cache.event_rows import (
    LicenseEvent,
    What,
    begin_record,
    events_of,
    events_since,
    prune_events,
    recorded_since,
)
from core.cache.lists_read import Alarm
from core.cache.readings import Reading, save_readings, stored_licenses
from core.cache.rule_rows import save_rule
from core.cache.schema import tenants
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.alarm_rules import Rule
from core.licenses.judge import Stage
from core.licenses.units import License
from core.sharepoint.trigger_table import report_events
from core.texts import has_text
from simulator import Fault, Tenant
from tests.actors import ADMIN, entry
from tests.held_refresh import Hold, command
from tests.office import Office
from ui.license_events import event_name

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
TENANT, SPB = "11111111-0000-0000-0000-000000000001", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
STAGES: tuple[Stage, ...] = ("ok", "low", "short", "over")


@pytest.fixture
def school(office: Office) -> Tenant:
    """A tenant with 20 of 100 seats left, read and listed."""
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (100, 80)})
    office.settle()
    return tenant


def happened(office: Office) -> list[Any]:
    """Return what happened, the oldest first: the stage before and the one reached, or the message."""
    events = reversed(events_since(office.engine, datetime(2020, 1, 1, tzinfo=UTC)))
    return [(event.before, event.what) if event.before else event.what for event in events]


# A licence from its last seats to its new ones


def test_from_its_last_seats_to_new_ones_each_step_is_one_event(office: Office, school: Tenant) -> None:
    for consumed, enabled in ((96, 100), (100, 100), (103, 100), (103, 150)):
        school.set_sku("SPB", consumed=consumed, enabled=enabled)
        office.settle()
        office.settle()

    assert happened(office) == [("ok", "low"), ("low", "short"), "told", ("short", "over"), ("over", "ok")]
    events = {event.what: event for event in events_of(office.engine, school.tenant_id, most=9)}
    assert (events["over"].enabled, events["over"].consumed, events["told"].consumed) == (100, 103, None)
    assert events["short"].at <= events["told"].at < events["over"].at


def test_a_quiet_refresh_adds_nothing(office: Office, school: Tenant) -> None:
    school.set_sku("SPB", consumed=100)
    office.settle()
    before = happened(office)

    school.set_sku("SPB", consumed=100, enabled=100)
    office.settle()

    assert happened(office) == before == [("ok", "short"), "told"]


def test_the_first_reading_of_a_tenant_is_no_news_but_its_message_is(office: Office) -> None:
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5), "SPE_E3": (100, 97)})

    office.settle()

    assert happened(office) == ["told"]


def test_a_product_that_comes_and_goes_later_is_news(office: Office, school: Tenant) -> None:
    school.set_sku("SPE_E3", enabled=5, consumed=5)
    office.settle()
    school.remove_sku("SPE_E3")
    office.settle()

    assert happened(office) == [("ok", "short"), "told", ("short", "gone")]


def test_the_rules_of_the_moment_decide(office: Office, school: Tenant) -> None:
    scope = school.tenant_id, next(iter(stored_licenses(office.engine)[school.tenant_id]))
    save_rule(office.engine, Rule(*scope, "Absprache", "anna", office.now(), warn=30), entry(), office.now())
    office.settle()
    save_rule(office.engine, Rule(*scope, "Absprache", "anna", office.now(), threshold=25), entry(), office.now())
    office.settle()

    assert happened(office) == [("ok", "low"), ("low", "short"), "told"]


def test_what_was_reported_before_our_time_has_no_event_and_what_is_taken_over_says_so(office: Office) -> None:
    for name in ("Bau AG Chur", "Schule Höri"):
        office.m365.add_tenant(name, skus={"SPB": (5, 5)})
    listing = office.sharepoint.licenses
    fields = {"Lizenzname": "SPB", "tenant": "Bau AG Chur", "technician_informed": True}
    listing.add(fields)

    office.refresher.run(ADMIN, take_over=True)
    office.settle()

    assert office.messages == []
    assert happened(office) == ["taken_over"]


def test_a_tenant_that_cannot_be_read_has_no_event(office: Office, school: Tenant) -> None:
    school.set_sku("SPB", consumed=100)
    office.settle()
    office.m365.faults.add(Fault("GET .*/subscribedSkus", "status", status=403, times=None))
    school.set_sku("SPB", consumed=20)
    office.settle()

    assert happened(office) == [("ok", "short"), "told"]


def test_killed_between_reading_and_writing_nothing_is_lost_or_doubled(office: Office, school: Tenant) -> None:
    school.set_sku("SPB", consumed=100)
    hold = Hold(office, "POST .*/\\$batch")
    victim = command(office, "sync")
    assert hold.reached.wait(60)

    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=20)
    hold.go.set()
    for _ in range(3):
        office.settle()

    assert happened(office) == [("ok", "short"), "told"]


# In the database


def read(engine: Engine, stage: Stage, at: datetime, *, sku_id: str = SPB) -> None:
    reading = Reading(TENANT, [License(sku_id, "SPB", 5, 5)], {sku_id: stage}, at)
    save_readings(engine, [reading], stored_licenses(engine), (), at.date())


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with a tenant that has a licence and was read every day for four days."""
    save_profiles(database, [ProfileTenant(TENANT, "contoso", "Contoso", NOW)], {})
    for day, stage in enumerate(STAGES):
        read(database, stage, NOW + timedelta(days=day))
    return database


def days(engine: Engine) -> list[int]:
    return [(event.at - NOW).days for event in events_of(engine, TENANT, most=9)]


def test_an_event_is_stored_with_its_reading_or_not_at_all(engine: Engine) -> None:
    readings = [
        Reading(TENANT, [License(SPB, "SPB", 5, 0)], {}, NOW + timedelta(days=9)),
        Reading("nobody", [License(SPB, "SPB", 5, 0)], {}, NOW + timedelta(days=9)),
    ]

    with pytest.raises(DatabaseError):
        save_readings(engine, readings, stored_licenses(engine), (), NOW.date())

    assert days(engine) == [3, 2, 1]
    assert stored_licenses(engine)[TENANT][SPB]["stage"] == "over"


def test_events_of_one_licence_and_the_newest_alone_can_be_asked_for(engine: Engine) -> None:
    assert [event.what for event in events_of(engine, TENANT, SPB, most=2)] == ["over", "short"]
    assert events_of(engine, TENANT, "another", most=2) == []
    assert [event.what for event in events_since(engine, NOW + timedelta(days=2))] == ["over", "short"]


def test_only_the_step_over_the_edge_begins_or_ends_a_shortage(engine: Engine) -> None:
    read(engine, "low", NOW + timedelta(days=4))

    events = events_of(engine, TENANT, most=9)

    assert [event.what for event in events if event.begins_shortage] == ["short"]
    assert [event.what for event in events if event.ends_shortage] == ["low"]


def test_events_go_with_their_tenant(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(tenants))

    assert events_since(engine, NOW - timedelta(days=9)) == []


def test_old_events_go_after_their_days_and_a_wrong_clock_takes_a_week_at_most(engine: Engine) -> None:
    read(engine, "ok", NOW + timedelta(days=20))

    assert prune_events(engine, 0, NOW + timedelta(days=900)) == 0
    assert prune_events(engine, 1, NOW + timedelta(days=3)) == 1
    assert prune_events(engine, 1, NOW + timedelta(days=900)) == 2
    assert days(engine) == [20]


def test_the_record_begins_no_earlier_than_its_oldest_days(engine: Engine) -> None:
    with engine.begin() as connection:
        begin_record(connection, NOW)

    prune_events(engine, 1, NOW + timedelta(days=3))

    assert recorded_since(engine) == NOW + timedelta(days=2)


REPORTED = Alarm(TENANT, SPB, told_at=NOW, short_since=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("alarm", "stored", "events"),
    [
        pytest.param(REPORTED, Alarm(TENANT, SPB), [("told", NOW)], id="reported-now"),
        pytest.param(REPORTED, REPORTED, [], id="known-already"),
        pytest.param(REPORTED, None, [("told", NOW)], id="first-seen-after-the-start-of-its-shortage"),
        pytest.param(replace(REPORTED, short_since=NOW + timedelta(hours=1)), None, [], id="first-seen-older-than-it"),
        pytest.param(replace(REPORTED, short_since=None), None, [], id="first-seen-without-a-start"),
        pytest.param(
            replace(REPORTED, short_since=NOW + timedelta(seconds=0.4)), Alarm(TENANT, SPB),
            [("told", NOW + timedelta(seconds=0.4))], id="in-the-second-of-the-reading",
        ),
        pytest.param(replace(REPORTED, triggered_at=NOW), None, [("taken_over", NOW)], id="taken-over"),
        pytest.param(replace(REPORTED, told_at=None), Alarm(TENANT, SPB), [], id="not-reported"),
    ],
)  # fmt: skip
def test_a_report_is_an_event_once_and_only_if_it_is_known_what_was_reported(
    alarm: Alarm, stored: Alarm | None, events: list[tuple[What, datetime]]
) -> None:
    before = {(TENANT, SPB): stored} if stored else {}

    assert [(event.what, event.at) for event in report_events([alarm], before)] == events


# In words


@pytest.mark.parametrize(
    ("before", "what", "name"),
    [
        ("ok", "low", "low"), ("low", "short", "short"), ("ok", "over", "over"), ("short", "over", "over"),
        ("over", "short", "not_over"), ("over", "low", "resolved_low"), ("short", "ok", "resolved"),
        ("low", "ok", "enough"), ("gone", "ok", "listed"), ("gone", "short", "short"), ("short", "gone", "gone"),
        (None, "over", "over"), (None, "told", "told"), (None, "taken_over", "taken_over"),
    ],
)  # fmt: skip
def test_an_event_is_named_by_what_was_and_what_is(before: Stage | None, what: What, name: str) -> None:
    assert event_name(LicenseEvent(TENANT, SPB, NOW, what, before)) == name
    assert has_text(f"event.{name}")
