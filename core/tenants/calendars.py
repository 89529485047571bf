"""The calendars: read, add, change and delete them.

CalendarFaults   the calendar has faults, each with its field; nothing was changed
CalendarError    it cannot be changed or deleted: somebody else has changed it, or levels have it
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Engine

from core.audit import Entry
from core.cache import calendar_rows
from core.cache.calendar_rows import CalendarChanged, CalendarInUse, StoredCalendar
from core.cache.sql import Transaction
from core.name_key import name_key, plain
from core.problems import Problem, ProblemError, ProblemsError
from core.roles import Action, Actor
from core.tenants.chosen_names import free_key, name_fault
from core.tenants.region_holidays import regions
from core.tenants.working_time import DAY_MINUTES, Calendar, OwnDay

log = logging.getLogger(__name__)

STANDARD = "standard"  # key of the calendar that every level has at first


@dataclass(frozen=True, slots=True)
class NamedCalendar:
    """A calendar under its name; `version` counts the changes, `key` is "" for one that is not stored yet."""

    name: str
    hours: Calendar = field(default_factory=Calendar)
    key: str = ""
    version: int = 1


class CalendarFaults(ProblemsError):
    """The calendar has faults; `by_field` has the problem of each field."""

    def __init__(self, by_field: Mapping[str, Problem]) -> None:
        super().__init__(list(by_field.values()))
        self.by_field = dict(by_field)


class CalendarError(ProblemError):
    """The calendar cannot be changed or deleted."""


def calendars(engine: Engine) -> dict[str, NamedCalendar]:
    """Return key -> calendar, by name."""
    return {key: _named(stored) for key, stored in calendar_rows.all_calendars(engine).items()}


def calendars_in(connection: Transaction) -> dict[str, NamedCalendar]:
    """Return the same as `calendars`, in a transaction that is open."""
    return {key: _named(stored) for key, stored in calendar_rows.calendars_in(connection).items()}


def faults_of(calendar: NamedCalendar) -> Iterator[tuple[str, Problem]]:
    """Yield the faults of a calendar as (field, problem)."""
    hours = calendar.hours
    if problem := name_fault(calendar.name):
        yield "name", problem
    if not _is_zone(hours.zone):
        yield "zone", Problem("calendar.no_zone", {"value": hours.zone[:64]})
    if hours.region and hours.region not in regions():
        yield "region", Problem("calendar.no_region", {"value": hours.region[:20]})
    if not any(hours.week):
        yield "week", Problem("calendar.empty")
    if not 0 < hours.half_day_until < DAY_MINUTES:
        yield "half_day_until", Problem("calendar.half_day")


def keep(engine: Engine, calendar: NamedCalendar, actor: Actor) -> None:
    """Add a calendar, or change the one with its key and version.

    Raises NotAllowed, CalendarFaults, CalendarError, DatabaseError.
    """
    actor.need(Action.LEVELS)
    if faults := dict(reversed(list(faults_of(calendar)))):
        raise CalendarFaults(faults)
    now, name = datetime.now(UTC), plain(calendar.name)
    key = calendar.key or free_key(name, calendars(engine))
    stored = _stored(calendar, key, name)
    try:
        if calendar.key:
            done = calendar_rows.change_calendar(engine, stored, Entry(actor, "calendar.changed", name), now)
        else:
            done = calendar_rows.add_calendar(engine, stored, Entry(actor, "calendar.added", name), now)
    except CalendarChanged as error:
        raise CalendarError(Problem("calendar.changed_meanwhile", {"name": name})) from error
    if not done:
        raise CalendarFaults({"name": Problem("chosen_name.taken", {"name": name})})
    log.info("%s saved the calendar %s", actor.shown, name)


def delete(engine: Engine, calendar: NamedCalendar, actor: Actor) -> None:
    """Delete a calendar that no level has. Raises NotAllowed, CalendarError, DatabaseError."""
    actor.need(Action.LEVELS)
    if calendar.key == STANDARD:
        raise CalendarError(Problem("calendar.standard_stays", {"name": calendar.name}))
    entry = Entry(actor, "calendar.deleted", calendar.name)
    try:
        stored = _stored(calendar, calendar.key, calendar.name)
        calendar_rows.delete_calendar(engine, stored, entry, datetime.now(UTC))
    except CalendarChanged as error:
        raise CalendarError(Problem("calendar.changed_meanwhile", {"name": calendar.name})) from error
    except CalendarInUse as error:
        params = {"name": calendar.name, "levels": ", ".join(error.names)}
        raise CalendarError(Problem("calendar.in_use", params)) from error
    log.info("%s deleted the calendar %s", actor.shown, calendar.name)


def find(engine: Engine, wanted: str) -> NamedCalendar | None:
    """Return the calendar with this key or name, None if there is none."""
    stored, key = calendars(engine), name_key(wanted)
    return stored.get(key) or next((one for one in stored.values() if name_key(one.name) == key), None)


def _is_zone(name: str) -> bool:
    try:
        return name in available_timezones() and ZoneInfo(name) is not None
    except (ValueError, OSError):
        return False


def _named(stored: StoredCalendar) -> NamedCalendar:
    own_days = tuple(
        OwnDay(date.fromisoformat(day), kind, name)  # type: ignore[arg-type]  # as `_stored` has written them
        for day, kind, name in stored.own_days
    )
    week = tuple(tuple((first, last) for first, last in hours) for hours in stored.week)
    hours = Calendar(stored.zone, week, stored.region, stored.half_day_until, own_days)
    return NamedCalendar(stored.name, hours, stored.key, stored.version)


def _stored(calendar: NamedCalendar, key: str, name: str) -> StoredCalendar:
    hours = calendar.hours
    return StoredCalendar(
        key,
        name,
        hours.zone,
        hours.region,
        [[list(span) for span in day] for day in hours.week],
        hours.half_day_until,
        [[own.day.isoformat(), own.kind, own.name] for own in hours.own_days],
        calendar.version,
    )
