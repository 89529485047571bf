"""Numbers, dates and spans of time as people write them. Pure functions.

The catalogue of a language has the forms: `format.*`, `time.*`, `span.*` (as after "seit" and "vor" in German).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date
from babel.numbers import format_decimal

from core.clock import elapsed
from core.texts import plural, text

DATE_FORMAT = "DD.MM.YYYY"  # of a field for a day, in the signs of Streamlit
MINUTE, HOUR, DAY = 60, 3600, 86_400
# (from seconds, length of the unit, its name in the keys)
_UNITS = ((60 * DAY, 30 * DAY, "month"), (DAY, DAY, "day"), (HOUR, HOUR, "hour"), (MINUTE, MINUTE, "minute"))


def number(value: float, language: str) -> str:
    return format_decimal(value, locale=text("format.locale", language))


def day(value: date, language: str) -> str:
    return format_date(value, text("format.day", language), locale=text("format.locale", language))


def moment(value: datetime, language: str, zone: tzinfo) -> str:
    """Return date and time: 21.11.2026 14:05."""
    local = value.astimezone(zone)
    return f"{day(local, language)} {local:%H:%M}"


def clock(value: datetime, now: datetime, language: str, zone: tzinfo) -> str:
    """Return the time in its shortest clear form: 14:05, "gestern 14:05" or 19.11.2026 14:05."""
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if (today - local.date()).days == 1:
        return text("time.yesterday", language, time=f"{local:%H:%M}")
    return moment(value, language, zone)


def short_moment(value: datetime, now: datetime, language: str, zone: tzinfo) -> str:
    """Return the time as in `clock`, but of earlier days the day alone: 14.11., or 14.11.2025 in another year."""
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    if (today - local.date()).days in (0, 1):
        return clock(value, now, language, zone)
    if local.year == today.year:
        return format_date(local, text("format.day_of_year", language), locale=text("format.locale", language))
    return day(local, language)


def due(value: datetime, now: datetime, language: str, zone: tzinfo) -> str:
    """Return a time to come as people call it: "heute 16:00", "morgen", "Fr 16:00", "4.12.", "4.1.2027".

    Midnight is the end of the day before. Of a day that is further away than a week the day alone is said.
    """
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    at_end = not (local.hour or local.minute)
    on = (local - timedelta(seconds=1)).date() if at_end else local.date()
    days = (on - today).days
    if days < 0 or days > 6:
        form = "format.day_of_year" if on.year == today.year else "format.day"
        return format_date(on, text(form, language), locale=text("format.locale", language))
    names = {0: text("time.today", language), 1: text("time.tomorrow", language)}
    name = names.get(days) or format_date(on, "EEE", locale=text("format.locale", language)).rstrip(".")
    return name if at_end else f"{name} {local:%H:%M}"


def near_day(value: date, today: date, language: str) -> str:
    """Return a day of the last week as people call it: "gestern", "Freitag"."""
    if (today - value).days == 1:
        return text("time.day_before", language)
    return format_date(value, "EEEE", locale=text("format.locale", language))


def span(seconds: float, language: str, *, short: bool = False) -> str:
    """Return a span of time in one unit: "12 Minuten", "3 Tagen"; short: "12 min", "2 h", "3 Tagen"."""
    for least, unit, name in _UNITS:
        if seconds >= least:
            return plural(f"span_short.{name}" if short else f"span.{name}", int(seconds // unit), language)
    return text("span_short.less" if short else "span.less", language)


def since(value: datetime, now: datetime, language: str) -> str:
    """Return how long ago `value` was, short; "in der Zukunft" if it is later than `now` (a clock was set back)."""
    passed = elapsed(value, now)
    if passed == timedelta.max:
        return text("time.ahead", language)
    return span(passed.total_seconds(), language, short=True)


def ago(value: datetime, now: datetime, language: str) -> str:
    """Return "vor 12 Minuten" or "12 minutes ago"."""
    passed = elapsed(value, now)
    if passed == timedelta.max:
        return text("time.ahead", language)
    return text("time.ago", language, span=span(passed.total_seconds(), language))
