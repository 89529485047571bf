"""The clocks of a case: when each is due, what stops it, and what another level or calendar moves. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache.case_rows import CaseEvent
from core.cases.clocks import Clock, Terms, clocks_of, computed_clocks, end_of_day, judgement
from core.cases.fold import fold
from core.cases.next_step import NextStep, next_step
from core.cases.spans import spans_of, working_seconds
from core.cases.transitions import possible, transition
from core.tenants.working_time import Calendar, OwnDay, add_business, business_seconds

HOURS = {"critical": 4.0, "high": 24.0, "medium": 72.0, "low": 168.0}
TERMS = Terms(HOURS, HOURS, Calendar())  # Mon-Fri 8-12 and 13-17 in Zurich, no holidays
ALWAYS = Calendar("UTC", (((0, 1440),),) * 7)
FRIDAY_9 = datetime(2027, 1, 15, 8, tzinfo=UTC)  # 09:00 in Zurich
OPENED = {
    "number": "2027-0001", "tenant_id": "t", "sku_id": "s", "sku_part_number": "SPB", "cause": "shortage",
    "priority": "critical", "quantity": 1, "enabled": 10, "free": 0, "missing": 1, "stage": "short",
}  # fmt: skip
DATA: dict[str, dict[str, Any]] = {
    "taken": {"owner": "anna"}, "asked": {"quantity": 1}, "consent_given": {"quantity": 1}, "ordered": {"quantity": 1},
    "commented": {"text": "so"}, "postponed": {"until": "2027-02-01", "reason": "so"}, "returned": {"reason": "so"},
    "closed": {"reason": "so"}, "reopened": {"reason": "so"}, "priority_changed": {"priority": "high"},
    "units_seen": {"enabled": 10, "free": 0, "missing": 1, "stage": "short", "short": True},
    "quantity_changed": {"quantity": 2}, "rated": {"stars": 5}, "recovered": {"outcome": "recovered"},
}  # fmt: skip


def story(*steps: tuple[float, str], start: datetime = FRIDAY_9, **opened: Any) -> list[CaseEvent]:
    """Events of a case: (hours since its opening, kind)."""
    events = [CaseEvent("c", 1, start, "schedule", "opened", OPENED | opened)]
    for hours, kind in steps:
        at = start + timedelta(hours=hours)
        events.append(CaseEvent("c", len(events) + 1, at, "anna", kind, DATA.get(kind, {})))
    return events


def after(hours: float) -> datetime:
    return FRIDAY_9 + timedelta(hours=hours)


# The first reaction


@pytest.mark.parametrize(("steps", "now", "state"), [
    ([], 1, "running"),
    ([], 80, "overdue"),
    ([(1, "taken")], 100, "met"),
    ([(1, "commented")], 100, "met"),
    ([(1, "asked")], 100, "met"),
    ([(1, "told"), (2, "units_seen")], 80, "overdue"),  # the product's notes are no reaction
    ([(4.5, "taken")], 100, "met"),  # a lunch break lies between
    ([(5.5, "taken")], 100, "missed"),
    ([(2, "recovered")], 100, "met"),  # nobody had to do anything
    ([(80, "recovered")], 100, "missed"),
])  # fmt: skip
def test_the_first_reaction(steps: list[tuple[float, str]], now: float, state: str) -> None:
    clock = clocks_of(story(*steps), TERMS, after(now)).first_reaction

    assert clock.state == state
    assert clock.due_at == after(5)  # 4 hours of working time from 9: lunch from 12 to 13, so 14


def test_nobody_must_react_to_a_case_that_a_person_has_opened() -> None:
    assert clocks_of(story(cause="ahead"), TERMS, after(100)).first_reaction.state == "met"


def test_a_case_that_comes_back_begins_its_clocks_anew() -> None:
    events = story((1, "taken"), (2, "recovered"), (100, "reopened"))
    clocks = clocks_of(events, TERMS, after(100))

    assert clocks.first_reaction.state == clocks.own_work.state == "running"


# What pauses the own work


@pytest.mark.parametrize(("steps", "state", "remaining"), [
    ([], "running", 3 * 3600),
    ([(0.5, "asked")], "paused", 3.5 * 3600),
    ([(0.5, "asked"), (0.75, "reminded")], "paused", 3.5 * 3600),  # a reminder ends no pause
    ([(0.5, "postponed")], "paused", 3.5 * 3600),
    ([(0.25, "asked"), (0.5, "consent_given")], "running", 3.25 * 3600),
    ([(0.25, "asked"), (0.5, "consent_given"), (0.75, "ordered")], "paused", 3.5 * 3600),
    ([(0.5, "closed")], "met", 3.5 * 3600),
])  # fmt: skip
def test_the_own_work_pauses_while_others_have_the_case(
    steps: list[tuple[float, str]], state: str, remaining: float
) -> None:
    clock = clocks_of(story(*steps), TERMS, after(1)).own_work

    assert (clock.state, clock.remaining_seconds) == (state, remaining)
    assert (clock.due_at is None) == (state == "paused")


def test_own_work_that_took_too_long_stays_so_in_every_later_pause() -> None:
    clock = clocks_of(story((6, "asked")), TERMS, after(8)).own_work

    assert (clock.state, clock.due_at, clock.remaining_seconds) == ("overdue", after(5), -3600)


# Customer and supplier


def test_the_customer_has_as_long_as_the_link_is_valid() -> None:
    events = story((1, "asked"))
    said = [*events[:-1], replace(events[-1], data={"quantity": 1, "expires_at": after(49).isoformat()})]

    assert clocks_of(events, TERMS, after(2)).customer.due_at == after(1) + timedelta(days=14)
    assert clocks_of(said, TERMS, after(50)).customer == Clock(after(49), None, -3600 * 0, "overdue")


def test_a_question_that_is_asked_anew_begins_anew() -> None:
    clock = clocks_of(story((1, "asked"), (30, "asked")), TERMS, after(31)).customer

    assert clock.due_at == after(30) + timedelta(days=14)


def test_the_supplier_has_until_the_day_that_was_noted() -> None:
    events = story((0, "asked"), (0, "consent_given"), (1, "ordered"), (2, "order_confirmed"))
    events[-1] = replace(events[-1], data={"expected_at": "2027-01-20"})
    noted = datetime(2027, 1, 20, 23, tzinfo=UTC)  # midnight in Zurich

    assert clocks_of(events, TERMS, after(3)).supplier.due_at == noted
    assert clocks_of(events[:-1], TERMS, after(3)).supplier.due_at == after(1) + timedelta(days=7)


def test_an_order_goes_on_while_its_case_is_postponed() -> None:
    events = story((0, "asked"), (0, "consent_given"), (1, "ordered"), (24, "postponed"), (48, "returned"))

    for known, now in ((events[:-1], 30), (events, 50)):
        clock = clocks_of(known, TERMS, after(now)).supplier
        assert (clock.state, clock.due_at) == ("running", after(1) + timedelta(days=7))


@pytest.mark.parametrize("text", ["", None, 7, "soon", "9999-12-31", "2027-13-01"])
def test_an_odd_day_counts_as_none(text: Any) -> None:
    assert end_of_day(text, Calendar()) is None


# What another level or calendar moves


def test_a_changed_calendar_moves_an_open_case_and_keeps_its_pauses() -> None:
    free = replace(TERMS, calendar=replace(Calendar(), own_days=(OwnDay(date(2027, 1, 18), "free"),)))
    events = story((1, "asked"), (4, "consent_given"))  # 3 hours of work are left from 13:00 on, plus one of lunch
    events = [replace(one, at=one.at + timedelta(hours=5)) for one in events]  # Friday 14:00, so Monday counts

    before, now = (clocks_of(events, terms, events[-1].at).own_work for terms in (TERMS, free))

    assert before.due_at is not None
    assert now.due_at == before.due_at + timedelta(days=1)
    assert now.remaining_seconds == before.remaining_seconds


def test_what_has_ended_keeps_what_it_was_judged_by() -> None:
    events = story((1, "taken"), (2, "closed"))
    judged = judgement(events, TERMS, after(2))
    events[-1] = replace(events[-1], data={**events[-1].data, "judged": judged})
    strict = Terms(dict.fromkeys(HOURS, 0.01), dict.fromkeys(HOURS, 0.01), ALWAYS, level_version=2)

    assert clocks_of(events, strict, after(500)) == clocks_of(events, TERMS, after(2))
    assert computed_clocks(spans_of(events), strict, after(500)).first_reaction.state == "missed"
    assert (judged["level"], judged["level_version"], judged["priority"]) == ("standard", 1, "critical")
    rated = [*events, CaseEvent("c", 4, after(9), "customer", "rated", DATA["rated"])]
    assert clocks_of(rated, strict, after(500)) == clocks_of(events, TERMS, after(2))


# The next step


@pytest.mark.parametrize(("steps", "step", "late"), [
    ([], "take", "take"),
    ([(0, "taken")], "ask", "ask"),
    ([(0, "asked")], "await_answer", "call_customer"),
    ([(0, "asked"), (0, "consent_given")], "order", "order"),
    ([(0, "asked"), (0, "consent_given"), (0, "ordered")], "await_delivery", "call_distributor"),
    ([(0, "postponed")], "await_day", "await_day"),
    ([(0, "closed")], "none", "none"),
])  # fmt: skip
def test_the_next_step_of_each_state(steps: list[tuple[float, str]], step: str, late: str) -> None:
    events = story(*steps)
    found = next_step(fold(events), clocks_of(events, TERMS, after(0)), TERMS.calendar)

    assert found.at(after(1)).action == step
    assert found.at(after(9000)).action == late
    assert (found.due_at is None) == (step == "none")


def test_waiting_for_a_day_is_never_late() -> None:
    assert not NextStep("await_day", after(1)).overdue(after(2))


# Whatever the zone, the time of the year and the holidays

ZONES = st.sampled_from(["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
WEEKS = st.sampled_from([Calendar().week, ALWAYS.week, (((600, 900),),) * 5 + ((), ())])
DAYS = st.dates(date(2027, 3, 1), date(2027, 11, 30))
OWN_DAYS = st.lists(st.builds(OwnDay, DAYS, st.sampled_from(["free", "half", "working"])), max_size=4).map(tuple)
CALENDARS = st.builds(Calendar, ZONES, WEEKS, st.sampled_from(["", "CH-ZH", "DE-BY"]), st.just(720), OWN_DAYS)
MARCH, NOVEMBER = datetime(2027, 3, 1), datetime(2027, 11, 1)  # noqa: DTZ001 - the strategy adds the zone
STARTS = st.datetimes(MARCH, NOVEMBER, timezones=st.just(UTC))
GAPS = st.lists(st.floats(0, 100, allow_nan=False), max_size=8)


@st.composite
def stories(draw: st.DrawFn) -> list[CaseEvent]:
    """Any events that the table allows one after the other."""
    start = draw(STARTS)
    events = story(start=start)
    for hours in accumulate(draw(GAPS)):
        case = fold(events)
        kinds = [
            row.kind
            for row in possible(case.state, "staff")
            if row.kind in DATA and row.kind != "reopened" and transition(row.kind, case.state, case.resumes)
        ]
        kind = draw(st.sampled_from([*kinds, "units_seen"] if case.is_open else kinds))
        if kind == "returned" and case.state == "postponed" and not case.resumes:
            continue
        events.append(CaseEvent("c", len(events) + 1, start + timedelta(hours=hours), "anna", kind, DATA[kind]))
    return events


@given(events=stories(), calendar=CALENDARS, more=st.floats(0, 200))
def test_the_parts_are_the_whole(events: list[CaseEvent], calendar: Calendar, more: float) -> None:
    spans, now = spans_of(events), events[-1].at + timedelta(hours=more)
    end = spans[-1].start if spans[-1].waits == "ended" else now

    parts = working_seconds(spans, calendar, now)

    assert sum(parts.values()) == pytest.approx(business_seconds(calendar, spans[0].start, end))


@given(calendar=CALENDARS, start=STARTS, work=st.floats(0, 3.9), pause=st.floats(0, 400))
def test_a_pause_moves_the_due_time_by_its_working_time(
    calendar: Calendar, start: datetime, work: float, pause: float
) -> None:
    terms = replace(TERMS, calendar=calendar)
    asked = add_business(calendar, start, work * 3600)
    events = story(start=start)
    without = clocks_of(events, terms, asked).own_work.due_at
    for kind, at in (("asked", asked), ("consent_given", asked + timedelta(hours=pause))):
        events.append(CaseEvent("c", len(events) + 1, at, "anna", kind, DATA[kind]))

    clock = clocks_of(events, terms, events[-1].at).own_work

    assert without is not None
    assert clock.due_at is not None
    paused = business_seconds(calendar, asked, events[-1].at)
    assert business_seconds(calendar, without, clock.due_at) == pytest.approx(paused, abs=0.001)


@given(events=stories(), calendar=CALENDARS, more=st.floats(0, 200))
def test_reminders_and_notes_move_nothing(events: list[CaseEvent], calendar: Calendar, more: float) -> None:
    terms, now = replace(TERMS, calendar=calendar), events[-1].at + timedelta(hours=more)
    if not fold(events).is_open:
        return
    kind = "reminded" if fold(events).state in ("asked", "ordered") else "told"
    noted = [*events, CaseEvent("c", len(events) + 1, events[-1].at, "schedule", kind, {})]

    assert clocks_of(noted, terms, now) == clocks_of(events, terms, now)


@given(events=stories(), calendar=CALENDARS, later=st.floats(0.1, 500))
def test_time_alone_only_uses_up_what_remains(events: list[CaseEvent], calendar: Calendar, later: float) -> None:
    terms, now = replace(TERMS, calendar=calendar), events[-1].at
    for before, after_ in zip(
        clocks_of(events, terms, now), clocks_of(events, terms, now + timedelta(hours=later)), strict=True
    ):
        assert before.done_at == after_.done_at
        if before.remaining_seconds is not None and after_.remaining_seconds is not None:
            assert after_.remaining_seconds <= before.remaining_seconds
        if before.state in ("met", "missed", "idle", "paused"):
            assert before == after_


@given(events=stories(), minutes=st.integers(-500, 500))
def test_a_clock_that_was_set_back_breaks_nothing(events: list[CaseEvent], minutes: int) -> None:
    odd = [replace(one, at=one.at + timedelta(minutes=minutes * (place % 2))) for place, one in enumerate(events)]

    clocks_of(odd, TERMS, odd[-1].at)
    assert all(value >= 0 for value in working_seconds(spans_of(odd), ALWAYS, odd[-1].at).values())
