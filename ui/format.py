"""Numbers, dates and spans of time as people write them. Pure functions; nothing here knows the page."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date
from babel.numbers import format_decimal

from core.clock import elapsed

LOCALES = {"de": "de_CH", "en": "en_GB"}
DATE_PATTERNS = {"de": "dd.MM.yyyy", "en": "d MMM yyyy"}
# The same dates for the tables, which are formatted in the browser.
GRID_DATE = {"de": "DD.MM.YYYY", "en": "D MMM YYYY"}
GRID_MOMENT = {"de": "DD.MM.YYYY HH:mm", "en": "D MMM YYYY HH:mm"}
MINUTE, HOUR, DAY = 60, 3600, 86_400
_YESTERDAY = {"de": "gestern", "en": "yesterday"}
_AHEAD = {"de": "in der Zukunft", "en": "in the future"}
# (from seconds, length of the unit, (German one, many), (English one, many)); German after "seit" and "vor".
_UNITS = (
    (60 * DAY, 30 * DAY, ("Monat", "Monaten"), ("month", "months")),
    (DAY, DAY, ("Tag", "Tagen"), ("day", "days")),
    (HOUR, HOUR, ("Stunde", "Stunden"), ("hour", "hours")),
    (MINUTE, MINUTE, ("Minute", "Minuten"), ("minute", "minutes")),
)
_SHORT = {"Stunde": "h", "Stunden": "h", "Minute": "min", "Minuten": "min"}
_SHORT |= {"hour": "h", "hours": "h", "minute": "min", "minutes": "min"}


def number(value: float, language: str) -> str:
    return format_decimal(value, locale=LOCALES[language])


def day(value: date, language: str) -> str:
    return format_date(value, DATE_PATTERNS[language], locale=LOCALES[language])


def moment(value: datetime, language: str, zone: tzinfo) -> str:
    """21.11.2026 14:05"""
    local = value.astimezone(zone)
    return f"{day(local, language)} {local:%H:%M}"


def clock(value: datetime, now: datetime, language: str, zone: tzinfo) -> str:
    """As short as it stays clear: 14:05, "gestern 14:05", 19.11.2026 14:05."""
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if (today - local.date()).days == 1:
        return f"{_YESTERDAY[language]} {local:%H:%M}"
    return moment(value, language, zone)


def span(seconds: float, language: str, *, short: bool = False) -> str:
    """A span in one unit: "12 Minuten", "3 Tagen"; short: "12 min", "2 h", "3 Tagen"."""
    for least, unit, german, english in _UNITS:
        if seconds >= least:
            count = int(seconds // unit)
            word = (german if language == "de" else english)[count != 1]
            return f"{count} {_SHORT.get(word, word) if short else word}"
    if short:
        return "< 1 min"
    return "weniger als einer Minute" if language == "de" else "less than a minute"


def since(value: datetime, now: datetime, language: str) -> str:
    """How long it lasts already, short; a time that a clock has written which was set back since: "in der Zukunft"."""
    passed = elapsed(value, now)
    return _AHEAD[language] if passed == timedelta.max else span(passed.total_seconds(), language, short=True)


def ago(value: datetime, now: datetime, language: str) -> str:
    """ "vor 12 Minuten", "12 minutes ago"."""
    if elapsed(value, now) == timedelta.max:
        return _AHEAD[language]
    passed = span(elapsed(value, now).total_seconds(), language)
    return f"vor {passed}" if language == "de" else f"{passed} ago"
