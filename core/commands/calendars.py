"""`calendars`: list, set and delete calendars, and show their next free days."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.commands import OK, WRONG_CONFIGURATION
from core.problems import Problem
from core.refresh.services import utc_now
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.tenants import calendars
from core.tenants.calendar_text import clock_text, hours_text, parse_clock, parse_hours, parse_own_days
from core.tenants.calendars import NamedCalendar
from core.tenants.working_time import Calendar, Hours, special_days
from core.texts import text

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_SHOWN = 12


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("calendars", help=text("help.calendars", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, call in (("list", _list), ("set", _set), ("days", _days), ("delete", _delete)):
        action = actions.add_parser(name, help=text(f"help.calendars_{name}", language))
        action.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        action.set_defaults(call=call)
        if name != "list":
            action.add_argument("name", help=text("help.calendars_name", language))
        if name == "set":
            action.add_argument("--zone", help=text("help.calendars_zone", language))
            action.add_argument("--region", help=text("help.calendars_region", language))
            action.add_argument("--hours", action="append", default=[], type=_week_part, metavar="DAYS=HOURS",
                                help=text("help.calendars_hours", language))  # fmt: skip
            action.add_argument("--half-day-until", metavar="TIME", help=text("help.calendars_half", language))
            action.add_argument("--own-days", type=Path, metavar="FILE", help=text("help.calendars_own", language))


def _week_part(typed: str) -> tuple[list[int], str]:
    """Return the weekdays and the hours of "mon-fri=08:00-12:00"."""
    days, _, hours = typed.lower().partition("=")
    first, _, last = days.partition("-")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < begin:
        raise ValueError(typed)
    return list(range(begin, end + 1)), hours


def _list(options: argparse.Namespace, settings: Settings) -> int:
    known = calendars.calendars(open_engine(settings)).values()
    if options.json:
        print(json.dumps([_document(one) for one in known], ensure_ascii=False))
        return OK
    for one in known:
        week = ", ".join(f"{day} {hours_text(spans)}" for day, spans in zip(WEEKDAYS, one.hours.week, strict=True)
                         if spans)  # fmt: skip
        print(f"{one.name}: {one.hours.zone}, {one.hours.region or text('calendar.no_holidays', settings.language)}")
        print(f"  {week}")
    return OK


def _set(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    stored = calendars.find(engine, options.name) or NamedCalendar(options.name)
    calendars.keep(engine, replace(stored, hours=_changed(stored.hours, options)), command_actor())
    if options.json:
        kept = calendars.find(engine, options.name)
        print(json.dumps(_document(kept) if kept else {}, ensure_ascii=False))
    else:
        print(text("calendar.saved", settings.language, name=stored.name))
    return OK


def _changed(hours: Calendar, options: argparse.Namespace) -> Calendar:
    """Return the calendar with what the options say. Raises CalendarText, OSError."""
    week: list[Hours] = list(hours.week)
    for days, typed in options.hours:
        for day in days:
            week[day] = parse_hours(typed)
    own_days = parse_own_days(options.own_days.read_text("utf-8")) if options.own_days else hours.own_days
    half = parse_clock(options.half_day_until) if options.half_day_until else hours.half_day_until
    zone = hours.zone if options.zone is None else options.zone
    region = hours.region if options.region is None else options.region
    return Calendar(zone, tuple(week), region, half, own_days)


def _days(options: argparse.Namespace, settings: Settings) -> int:
    calendar = calendars.find(open_engine(settings), options.name)
    if calendar is None:
        return _unknown(options.name, settings)
    language, today = settings.language, utc_now().astimezone(settings.zone).date()
    days = special_days(calendar.hours, today, DAYS_SHOWN, language)
    if options.json:
        print(json.dumps([{"day": one.day.isoformat(), "kind": one.kind, "name": one.name} for one in days],
                         ensure_ascii=False))  # fmt: skip
    else:
        for one in days:
            print(f"{one.day.isoformat()} {text(f'calendar.kind.{one.kind}', language)} {one.name}".rstrip())
    return OK


def _delete(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    calendar = calendars.find(engine, options.name)
    if calendar is None:
        return _unknown(options.name, settings)
    calendars.delete(engine, calendar, command_actor())
    if options.json:
        print(json.dumps({"calendar": calendar.key, "deleted": True}))
    else:
        print(text("calendar.deleted", settings.language, name=calendar.name))
    return OK


def _document(one: NamedCalendar) -> dict[str, Any]:
    hours = one.hours
    return {
        "key": one.key,
        "name": one.name,
        "version": one.version,
        "zone": hours.zone,
        "region": hours.region,
        "week": dict(zip(WEEKDAYS, (hours_text(spans) for spans in hours.week), strict=True)),
        "half_day_until": clock_text(hours.half_day_until),
        "own_days": [{"day": own.day.isoformat(), "kind": own.kind, "name": own.name} for own in hours.own_days],
    }


def _unknown(name: str, settings: Settings) -> int:
    print(Problem("command.no_calendar", {"value": name}).text(settings.language), file=sys.stderr)
    return WRONG_CONFIGURATION
