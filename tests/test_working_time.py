"""Working time: hours, holidays and half days in a zone, forwards and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tenants.calendar_text import CalendarText, hours_text, own_days_text, parse_hours, parse_own_days
from core.tenants.region_holidays import region_days, regions
from core.tenants.working_time import (
    OFFICE,
    OFFICE_WEEK,
    Calendar,
    NoWorkingTime,
    OwnDay,
    add_business,
    business_seconds,
    hours_of_day,
)

ZURICH = ZoneInfo("Europe/Zurich")
OPEN_AT_NIGHT = (((60, 150),),) * 7  # 01:00-02:30 every day
ZONES = ("Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Beirut", "UTC")


def at(text: str, zone: str = "Europe/Zurich") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-26 08:00", "2026-11-26 17:00", 8),
        ("2026-11-26 11:30", "2026-11-26 13:30", 1),  # over noon
        ("2026-11-26 00:00", "2026-11-27 00:00", 8),
        ("2026-11-27 16:00", "2026-11-30 09:00", 2),  # over the weekend
        ("2026-11-28 08:00", "2026-11-29 17:00", 0),
        ("2026-12-24 00:00", "2026-12-25 00:00", 4),  # a half day in Zürich
        ("2026-12-25 00:00", "2026-12-28 00:00", 0),
        ("2026-11-26 09:00", "2026-11-26 08:30", -0.5),
        ("2026-11-26 08:00:00.250000", "2026-11-26 08:00:01", 0.75 / 3600),
    ],
)
def test_only_hours_of_work_count(start: str, end: str, hours: float) -> None:
    assert business_seconds(Calendar(region="CH-ZH"), at(start), at(end)) == hours * 3600


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-26 08:00", 4, "2026-11-26 12:00"),  # the first moment, not the end of the break
        ("2026-11-26 16:00", 4, "2026-11-27 11:00"),
        ("2026-11-27 17:00", 1, "2026-11-30 09:00"),
        ("2026-11-28 10:00", 0, "2026-11-28 10:00"),
        ("2026-12-24 11:00", 2, "2026-12-28 09:00"),
        ("2026-12-31 11:00", 2, "2027-01-04 09:00"),  # over the end of a year
    ],
)
def test_the_end_of_so_much_working_time(start: str, hours: float, end: str) -> None:
    assert add_business(Calendar(region="CH-ZH"), at(start), hours * 3600) == at(end)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 2.0), ("2026-03-29", 1.0), ("2026-10-26", 1.5)])
def test_an_hour_counts_as_often_as_the_clock_on_the_wall_shows_it(day: str, hours: float) -> None:
    calendar = Calendar(week=OPEN_AT_NIGHT)
    start = at(f"{day} 00:00")

    assert business_seconds(calendar, start, start + timedelta(days=1)) == hours * 3600


def test_own_days_go_before_weekday_and_holiday() -> None:
    christmas, friday, saturday = date(2026, 12, 25), date(2026, 11, 27), date(2026, 11, 28)
    calendar = Calendar(
        region="CH",
        own_days=(OwnDay(christmas, "working"), OwnDay(friday, "half"), OwnDay(date(2026, 11, 26), "free")),
    )

    assert hours_of_day(calendar, christmas) == OFFICE
    assert hours_of_day(calendar, friday) == ((480, 720),)
    assert hours_of_day(calendar, date(2026, 11, 26)) == hours_of_day(calendar, saturday) == ()


def test_a_span_over_centuries_and_one_in_another_zone() -> None:
    calendar = Calendar(week=(((0, 1440),),) * 7, zone="Asia/Kolkata")

    first, last = datetime(1990, 1, 2, tzinfo=UTC), datetime(2199, 12, 30, tzinfo=UTC)

    assert business_seconds(calendar, first, last) == (last - first).total_seconds()
    assert business_seconds(Calendar(), at("2026-11-26 09:00", "UTC"), at("2026-11-26 10:00", "UTC")) == 3600


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        add_business(Calendar(), at("2026-11-26 09:00").replace(tzinfo=None), 1)
    with pytest.raises(ValueError, match="negative"):
        add_business(Calendar(), at("2026-11-26 09:00"), -1)
    with pytest.raises(NoWorkingTime):
        add_business(Calendar(week=((),) * 7), at("2026-11-26 09:00"), 1)
    with pytest.raises(NoWorkingTime):
        add_business(Calendar(), at("2026-11-26 09:00"), 1e10)


KINDS = ("free", "half", "working")
spans = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(
    lambda quarters: tuple(
        (first * 15, last * 15)
        for first, last in zip(sorted(quarters)[::2], sorted(quarters)[1::2], strict=False)
    )
)  # fmt: skip
calendars = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES),
    week=st.tuples(spans, *[st.just(()) | spans] * 6),
    region=st.sampled_from(["", "CH-ZH", "CH-SO", "DE-BY", "AT-9"]),
    half_day_until=st.integers(1, 1439),
    own_days=st.lists(
        st.builds(OwnDay, st.dates(date(2026, 3, 20), date(2026, 12, 31)), st.sampled_from(KINDS)),
        max_size=5, unique_by=lambda own: own.day,
    ).map(tuple),
)  # fmt: skip
SHIFTS = ((3, 7), (3, 28), (4, 4), (10, 24), (10, 31), (12, 24))
# Around the days on which the clocks of these zones change, and the end of the year.
moments = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds),
    st.sampled_from([datetime(2026, *day, tzinfo=UTC) for day in SHIFTS]),
    st.integers(0, 5 * 86_400),
)  # fmt: skip


@given(calendars, moments, st.integers(0, 400_000))
def test_both_functions_are_inverse_to_each_other(calendar: Calendar, start: datetime, seconds: int) -> None:
    end = add_business(calendar, start, seconds)

    assert business_seconds(calendar, start, end) == seconds
    if seconds:  # nothing earlier will do
        assert business_seconds(calendar, start, end - timedelta(microseconds=1)) < seconds
    assert add_business(calendar, start, business_seconds(calendar, start, end)) == end


@given(calendars, moments, moments, moments)
def test_parts_add_up_and_no_more_than_the_time_itself(
    calendar: Calendar, one: datetime, two: datetime, three: datetime
) -> None:
    whole = business_seconds(calendar, one, three)

    assert whole == business_seconds(calendar, one, two) + business_seconds(calendar, two, three)
    assert abs(whole) <= abs((three - one).total_seconds())


@given(calendars, moments)
def test_an_instant_counts_if_the_clock_on_the_wall_shows_an_hour_of_work(calendar: Calendar, start: datetime) -> None:
    start = start.replace(second=0)
    wall = start.astimezone(ZoneInfo(calendar.zone))
    minute = wall.hour * 60 + wall.minute
    expected = any(first <= minute < last for first, last in hours_of_day(calendar, wall.date()))

    assert business_seconds(calendar, start, start + timedelta(seconds=1)) == int(expected)


def test_holidays_are_those_of_the_canton_or_land() -> None:
    assert region_days("CH-ZH", 2026)[date(2026, 4, 20)] == ("half", "Sechseläuten")
    assert region_days("CH-ZH", 2026)[date(2026, 5, 1)].kind == "free"
    assert date(2026, 5, 1) not in region_days("CH", 2026)
    assert region_days("DE-BY", 2026, "en")[date(2026, 1, 6)] == ("free", "Epiphany")
    assert region_days("", 2026) == region_days("XX-YY", 2026) == {}
    assert {"CH", "CH-ZH", "DE-BY", "AT-9", "LI"} <= set(regions())


def test_what_people_type_becomes_hours_and_days() -> None:
    assert parse_hours("8-12; 13.00 – 17:30") == ((480, 720), (780, 1050))
    assert parse_hours(" ") == ()
    assert parse_hours(hours_text(OFFICE_WEEK[0])) == OFFICE
    days = parse_own_days("24.12.2026 halb Heiligabend\n\n2026-12-28 FREI\n1.1.2027 Arbeitstag")
    assert days == (
        OwnDay(date(2026, 12, 24), "half", "Heiligabend"),
        OwnDay(date(2026, 12, 28), "free"),
        OwnDay(date(2027, 1, 1), "working"),
    )
    assert all(parse_own_days(own_days_text(days, language)) == days for language in ("de", "en"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("abends", "calendar.hours_unreadable"),
        ("17:00-08:00", "calendar.hours_order"),
        ("08:00-08:00", "calendar.hours_order"),
        ("08:00-12:00, 11:00-13:00", "calendar.hours_overlap"),
        ("08:00-24:01", "calendar.no_clock"),
        ("08:75-12:00", "calendar.no_clock"),
        ("٠٨:00-12:00\N{ZERO WIDTH SPACE}x", "calendar.hours_unreadable"),
        (", ".join(f"{hour}:00-{hour}:30" for hour in range(11)), "calendar.hours_many"),
    ],
)
def test_hours_that_cannot_be_say_what_is_wrong(text: str, code: str) -> None:
    with pytest.raises(CalendarText) as caught:
        parse_hours(text)

    assert caught.value.problem.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Weihnachten", "calendar.day_unreadable"),
        ("31.02.2026 frei", "calendar.day_unreadable"),
        ("2026-12-24 vielleicht", "calendar.day_kind"),
        ("24.12.2026 halb\n2026-12-24 frei", "calendar.day_twice"),
        ("0001-01-01 frei", "calendar.day_unreadable"),
    ],
)
def test_days_that_cannot_be_say_in_which_line(text: str, code: str) -> None:
    with pytest.raises(CalendarText) as caught:
        parse_own_days(text)

    assert caught.value.problem.code == code
