"""Table of the calendars, with their hours and days as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import calendars, levels
from core.cache.sql import increase_version, transaction
from core.name_key import name_key, sort_key


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """A row: `week` has [from, to] in minutes for each weekday, `own_days` [day, kind, name]."""

    key: str
    name: str
    zone: str
    region: str
    week: Sequence[Sequence[Sequence[int]]]
    half_day_until: int
    own_days: Sequence[Sequence[str]]
    version: int = 1


class CalendarChanged(Exception):
    """The calendar was added, changed or deleted by somebody else since it was read; nothing was changed."""


class CalendarInUse(Exception):
    """Levels have the calendar; `names` are theirs."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = names


def all_calendars(engine: Engine) -> dict[str, StoredCalendar]:
    """Return key -> calendar, by name."""
    with transaction(engine) as connection:
        return calendars_in(connection)


def calendars_in(connection: Connection) -> dict[str, StoredCalendar]:
    """Return the same as `all_calendars`, in a transaction that is open."""
    stored = [_calendar(row) for row in connection.execute(select(calendars)).mappings()]
    return {calendar.key: calendar for calendar in sorted(stored, key=lambda one: sort_key(one.name))}


def add_calendar(engine: Engine, calendar: StoredCalendar, entry: Entry, at: datetime) -> bool:
    """Add a calendar; return False if key or name are taken."""
    with transaction(engine) as connection:
        increase_version(connection)
        same = or_(calendars.c.key == calendar.key, calendars.c.name_key == name_key(calendar.name))
        if connection.execute(select(calendars.c.key).where(same)).first():
            return False
        connection.execute(insert(calendars).values(**_values(calendar)))
        append(connection, entry.changed(None, asdict(calendar)), at)
    return True


def change_calendar(engine: Engine, calendar: StoredCalendar, entry: Entry, at: datetime) -> bool:
    """Store the calendar in the place of that with its key and `version`; return False if the name is taken.

    Raises CalendarChanged.
    """
    this = calendars.c.key == calendar.key
    with transaction(engine) as connection:
        increase_version(connection)
        before = connection.execute(select(calendars).where(this)).mappings().first()
        if before is None or before["version"] != calendar.version:
            raise CalendarChanged
        taken = select(calendars.c.key).where(calendars.c.name_key == name_key(calendar.name), ~this)
        if connection.execute(taken).first():
            return False
        values = _values(calendar) | {"version": calendar.version + 1}
        connection.execute(update(calendars).where(this).values(**values))
        append(connection, entry.changed(asdict(_calendar(before)), asdict(calendar)), at)
    return True


def delete_calendar(engine: Engine, calendar: StoredCalendar, entry: Entry, at: datetime) -> None:
    """Delete a calendar that no level has. Raises CalendarInUse, CalendarChanged."""
    this = calendars.c.key == calendar.key
    with transaction(engine) as connection:
        increase_version(connection)
        before = connection.execute(select(calendars).where(this)).mappings().first()
        if before is None or before["version"] != calendar.version:
            raise CalendarChanged
        users = connection.execute(select(levels.c.name).where(levels.c.calendar == calendar.key)).scalars().all()
        if users:
            raise CalendarInUse(users)
        connection.execute(delete(calendars).where(this))
        append(connection, entry.changed(asdict(_calendar(before)), None), at)


def _values(calendar: StoredCalendar) -> dict[str, Any]:
    return asdict(calendar) | {"name_key": name_key(calendar.name)}


def _calendar(row: Mapping[Any, Any]) -> StoredCalendar:
    return StoredCalendar(**{name: value for name, value in row.items() if name != "name_key"})
