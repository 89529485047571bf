"""Working time of a calendar: how much lies between two moments, and when so much has passed. Pure, no clock, no I/O.

An instant is working time if the clock on the wall of the calendar's zone shows one of its hours then. So an hour that
comes twice when summer time ends counts twice, and one that does not come counts not at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, islice
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from core.bounds import FIRST_YEAR, LAST_YEAR
from core.tenants.region_holidays import region_days

OwnKind = Literal["free", "half", "working"]
Hours = tuple[tuple[int, int], ...]  # (from, to) in minutes since midnight; in order, without overlaps

DAY_MINUTES = 24 * 60
NOON = 12 * 60
OFFICE: Hours = ((8 * 60, 12 * 60), (13 * 60, 17 * 60))
OFFICE_WEEK: tuple[Hours, ...] = (OFFICE,) * 5 + ((),) * 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what the clock on the wall shows has no zone
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000  # microseconds
DAY = 86_400  # seconds


class NoWorkingTime(ValueError):
    """The calendar has no working time left."""


class OwnDay(NamedTuple):
    """A day that differs from weekday and holidays: free, half, or a working day although it is a holiday."""

    day: date
    kind: OwnKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours in which work is done.

    `week`: hours of each weekday, Monday first; `region` is a key of `regions()`, "" for no holidays; a half day ends
    at `half_day_until`, in minutes since midnight.
    """

    zone: str = "Europe/Zurich"
    week: tuple[Hours, ...] = OFFICE_WEEK
    region: str = ""
    half_day_until: int = NOON
    own_days: tuple[OwnDay, ...] = ()


class YearHours(NamedTuple):
    """The working time of a year: spans in microseconds since 1970, and how much has passed at the end of each."""

    starts: list[int]
    ends: list[int]
    passed: list[int]

    @property
    def total(self) -> int:
        return self.passed[-1] if self.passed else 0

    def until(self, moment: int) -> int:
        """Return how much of the year's working time lies before `moment`."""
        index = bisect_right(self.starts, moment) - 1
        return self.passed[index] - max(0, self.ends[index] - moment) if index >= 0 else 0

    def when(self, passed: int) -> int:
        """Return the first moment at which so much of the year's working time has passed; 0 < `passed` <= total."""
        index = bisect_left(self.passed, passed)
        return self.ends[index] - (self.passed[index] - passed)


def business_seconds(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Return the working time from `start` to `end` in seconds; negative if `end` is before `start`.

    Both are aware. Raises ValueError for one without a zone.
    """
    if end < start:
        return -business_seconds(calendar, end, start)
    first, last = _microseconds(start), _microseconds(end)
    years = (hours_of_year(calendar, year) for year in range(_year(calendar, start), _year(calendar, end) + 1))
    return sum(hours.until(last) - hours.until(first) for hours in years) / SECOND


def add_business(calendar: Calendar, start: datetime, seconds: float) -> datetime:
    """Return the first moment, in UTC, until which `seconds` of working time have passed since `start`.

    Raises ValueError for negative seconds or a `start` without a zone, NoWorkingTime if the calendar has not so much.
    """
    left, moment = round(seconds * SECOND), _microseconds(start)
    if left < 0:
        raise ValueError("negative working time")
    if left == 0:
        return start.astimezone(UTC)
    for year in range(_year(calendar, start), LAST_YEAR + 1):
        hours = hours_of_year(calendar, year)
        before = hours.until(moment)
        if before + left <= hours.total:
            return EPOCH + hours.when(before + left) * MICROSECOND
        left -= hours.total - before
    raise NoWorkingTime("the calendar has not so much working time")


def day_of(calendar: Calendar, day: date, language: str = "de") -> OwnDay | None:
    """Return why the hours of a day differ from those of its weekday, with a name for people; None if they do not."""
    for own in calendar.own_days:
        if own.day == day:
            return own
    found = region_days(calendar.region, day.year, language).get(day)
    return OwnDay(day, found.kind, found.name) if found else None


def hours_of_day(calendar: Calendar, day: date) -> Hours:
    """Return the hours of a day, by the clock on the wall."""
    hours, special = calendar.week[day.weekday()], day_of(calendar, day)
    if special is None or special.kind == "working":
        return hours
    end = calendar.half_day_until if special.kind == "half" else 0
    return tuple((first, min(last, end)) for first, last in hours if first < end)


def special_days(calendar: Calendar, first: date, count: int, language: str = "de") -> list[OwnDay]:
    """Return the next days, from `first` on and within two years, whose hours differ from those of their weekday."""
    days = (first + timedelta(days=number) for number in range(2 * 366))
    found = (
        special
        for day in days
        if (special := day_of(calendar, day, language)) and hours_of_day(calendar, day) != calendar.week[day.weekday()]
    )
    return list(islice(found, count))


@lru_cache(maxsize=512)
def hours_of_year(calendar: Calendar, year: int) -> YearHours:
    """Return the working time of a year."""
    wall = [
        (_wall_seconds(day) + first * 60, _wall_seconds(day) + last * 60)
        for day in _days_of(year)
        for first, last in hours_of_day(calendar, day)
    ]
    spans = [
        (max(first - offset, since), min(last - offset, until))
        for since, until, offset in _offsets(calendar.zone, year)
        for first, last in wall
        if first - offset < until and last - offset > since
    ]
    starts, ends = [first * SECOND for first, _ in spans], [last * SECOND for _, last in spans]
    return YearHours(starts, ends, list(accumulate(last - first for first, last in zip(starts, ends, strict=True))))


@lru_cache(maxsize=512)
def _offsets(zone: str, year: int) -> list[tuple[int, int, int]]:
    """Return (from, to, offset to UTC) of a year and the days around it, in seconds; one for each change of the clock.

    From one day to the next the offset changes once at most.
    """
    info, begin = ZoneInfo(zone), _wall_seconds(date(year, 1, 1)) - 2 * DAY
    end = _wall_seconds(date(year, 12, 31)) + 3 * DAY
    pieces, since = [], begin
    for moment in range(begin, end, DAY):
        before, after = _offset(info, moment), _offset(info, moment + DAY)
        if before != after:
            low, high = moment, moment + DAY
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(info, middle) == before else (low, middle)
            pieces.append((since, high, before))
            since = high
    return [*pieces, (since, end, _offset(info, end))]


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = (EPOCH + timedelta(seconds=moment)).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days))


def _wall_seconds(day: date) -> int:
    return (day - WALL_EPOCH.date()).days * DAY


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return (moment - EPOCH) // MICROSECOND


def _year(calendar: Calendar, moment: datetime) -> int:
    """Return the year that the calendar's zone has at `moment`, within the bounds."""
    return min(max(moment.astimezone(ZoneInfo(calendar.zone)).year, FIRST_YEAR), LAST_YEAR)
