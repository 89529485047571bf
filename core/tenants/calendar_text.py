"""Hours, times and own days of a calendar as people type them, and back. Pure functions.

Each `parse_` function returns the value, or raises CalendarText with what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from core.bounds import FIRST_YEAR, LAST_YEAR, bounded_text
from core.name_key import name_key
from core.problems import Problem, ProblemError
from core.tenants.working_time import DAY_MINUTES, Hours, OwnDay, OwnKind
from core.text_files import shown

SPAN = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|\u2013|bis|to)\s*(\d{1,2})(?:[:.](\d{2}))?")
TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?")
OWN_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\s+(\S+)\s*(.*)|(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\s+(\S+)\s*(.*)")
KIND_BY_WORD: Mapping[str, OwnKind] = {
    "frei": "free", "free": "free", "halb": "half", "half": "half", "arbeitstag": "working", "working": "working",
}  # fmt: skip
WORDS: Mapping[str, Mapping[OwnKind, str]] = {
    "de": {"free": "frei", "half": "halb", "working": "arbeitstag"},
    "en": {"free": "free", "half": "half", "working": "working"},
}
MOST_SPANS, MOST_OWN_DAYS = 10, 400
LONGEST_DAY_NAME = 60


class CalendarText(ProblemError):
    """What was typed is no hours, no time or no list of days."""


def parse_hours(text: str) -> Hours:
    """Return the hours that "08:00-12:00, 13:00-17:00" names; none for an empty text."""
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    if len(parts) > MOST_SPANS:
        raise CalendarText(Problem("calendar.hours_many", {"most": str(MOST_SPANS)}))
    spans = []
    for part in parts:
        match = SPAN.fullmatch(name_key(part))
        if match is None:
            raise CalendarText(Problem("calendar.hours_unreadable", {"value": shown(part)}))
        first, last = _minutes(match[1], match[2], part), _minutes(match[3], match[4], part)
        if last <= first:
            raise CalendarText(Problem("calendar.hours_order", {"value": shown(part)}))
        spans.append((first, last))
    spans.sort()
    for (one, end), (begin, other) in pairwise(spans):
        if begin < end:
            params = {"value": hours_text(((one, end),)), "other": hours_text(((begin, other),))}
            raise CalendarText(Problem("calendar.hours_overlap", params))
    return tuple(spans)


def parse_clock(text: str) -> int:
    """Return the minutes since midnight of "12:00"."""
    match = TIME.fullmatch(name_key(text))
    if match is None:
        raise CalendarText(Problem("calendar.no_clock", {"value": shown(text)}))
    return _minutes(match[1], match[2], text)


def parse_own_days(text: str) -> tuple[OwnDay, ...]:
    """Return the days of lines like "24.12.2026 halb Heiligabend", in order."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_OWN_DAYS:
        raise CalendarText(Problem("calendar.days_many", {"most": str(MOST_OWN_DAYS)}))
    by_day: dict[date, OwnDay] = {}
    for number, line in lines:
        own = _own_day(number, line)
        if own.day in by_day:
            raise CalendarText(Problem("calendar.day_twice", {"number": str(number), "value": shown(line)}))
        by_day[own.day] = own
    return tuple(by_day[day] for day in sorted(by_day))


def hours_text(hours: Hours) -> str:
    """Return the hours as `parse_hours` reads them."""
    return ", ".join(f"{clock_text(first)}-{clock_text(last)}" for first, last in hours)


def clock_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def own_days_text(days: tuple[OwnDay, ...], language: str) -> str:
    """Return the days as `parse_own_days` reads them, a line each."""
    words = WORDS.get(language, WORDS["en"])
    return "\n".join(f"{_day_text(own.day, language)} {words[own.kind]} {own.name}".rstrip() for own in days)


def _day_text(day: date, language: str) -> str:
    return f"{day:%d.%m.%Y}" if language == "de" else day.isoformat()


def _own_day(number: int, line: str) -> OwnDay:
    params = {"number": str(number), "value": shown(line)}
    match = OWN_DAY.fullmatch(line)
    if match is None:
        raise CalendarText(Problem("calendar.day_unreadable", params))
    iso, dotted = match.group(1, 2, 3, 4, 5), match.group(8, 7, 6, 9, 10)
    year, month, day, word, name = iso if iso[0] else dotted
    kind = KIND_BY_WORD.get(name_key(word))
    if kind is None:
        raise CalendarText(Problem("calendar.day_kind", params))
    try:
        own = date(int(year), int(month), int(day))
    except ValueError as error:
        raise CalendarText(Problem("calendar.day_unreadable", params)) from error
    if not FIRST_YEAR <= own.year <= LAST_YEAR:
        raise CalendarText(Problem("calendar.day_unreadable", params))
    return OwnDay(own, kind, bounded_text(name.strip(), LONGEST_DAY_NAME))


def _minutes(hours: str, minutes: str | None, part: str) -> int:
    found = int(hours) * 60 + int(minutes or 0)
    if int(minutes or 0) > 59 or found > DAY_MINUTES:
        raise CalendarText(Problem("calendar.no_clock", {"value": shown(part)}))
    return found
