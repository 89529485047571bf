"""The tables of levels and calendars."""

from __future__ import annotations

from core.tenants.calendar_text import hours_text
from core.tenants.calendars import NamedCalendar
from core.tenants.levels import PRIORITIES, Level
from ui import format as fmt
from ui.levels.level_context import LevelContext
from ui.levels.level_words import minutes_words
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

LEVELS: dict[str, Kind] = {
    "level": "open", "level_tenants": "number", "level_minutes": "text", "threshold": "number", "warn": "number",
    "reaction": "text", "solution": "text", "calendar": "text", "recipients": "number", "report": "text",
}  # fmt: skip
CALENDARS: dict[str, Kind] = {
    "calendar_name": "open", "zone": "text", "region": "text", "week": "text", "own_days": "number",
}  # fmt: skip


def show_levels(context: LevelContext) -> Level | None:
    """Show the table; return the level whose name was clicked."""
    rows = [Row(_row_id(level), _level_cells(level, context)) for level in context.levels.values()]
    clicked = show_whole_table("levels", text("level.table"), titled_columns(LEVELS), rows)
    return next((level for level in context.levels.values() if _row_id(level) == clicked), None)


def show_calendars(context: LevelContext) -> NamedCalendar | None:
    """Show the table; return the calendar whose name was clicked."""
    rows = [Row(_row_id(one), _calendar_cells(one, context.view.language)) for one in context.calendars.values()]
    clicked = show_whole_table("calendars", text("calendar.table"), titled_columns(CALENDARS), rows)
    return next((one for one in context.calendars.values() if _row_id(one) == clicked), None)


def _row_id(one: Level | NamedCalendar) -> str:
    """Return the id of a row: another version is another row."""
    return f"{one.key} {one.version}"


def _level_cells(level: Level, context: LevelContext) -> list[object]:
    language = context.view.language
    calendar = context.calendars.get(level.calendar)
    return [
        level.name,
        fmt.number(len(context.tenants_of(level.key)), language),
        minutes_words(level.refresh_minutes, language),
        "" if level.threshold is None else fmt.number(level.threshold, language),
        "" if level.warn is None else fmt.number(level.warn, language),
        " / ".join(fmt.number(level.reaction_hours[name], language) for name in PRIORITIES),
        " / ".join(fmt.number(level.solution_hours[name], language) for name in PRIORITIES),
        calendar.name if calendar else level.calendar,
        fmt.number(len(level.recipients), language),
        text("level.yes" if level.monthly_report else "level.no", language),
    ]


def _calendar_cells(calendar: NamedCalendar, language: str) -> list[object]:
    hours = calendar.hours
    return [
        calendar.name,
        hours.zone,
        hours.region or text("calendar.no_holidays", language),
        week_words(calendar, language),
        fmt.number(len(hours.own_days), language),
    ]


def week_words(calendar: NamedCalendar, language: str) -> str:
    """Return the hours of the week, days with the same hours together: "Mo bis Fr 08:00-12:00, 13:00-17:00"."""
    names = text("calendar.weekdays", language).split()
    week, parts, first = calendar.hours.week, [], 0
    for day in range(1, len(week) + 1):
        if day == len(week) or week[day] != week[first]:
            days = names[first] if day - first == 1 else f"{names[first]}\N{EN DASH}{names[day - 1]}"
            if week[first]:
                parts.append(f"{days} {hours_text(week[first])}")
            first = day
    return "; ".join(parts)
