"""Numbers, times and lines of messages in the language of their reader. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo

from babel.dates import format_date
from babel.numbers import format_decimal

from core.bounds import bounded_text
from core.texts import text

LONGEST_NAME = 120  # of a tenant or product in a subject


def number(value: int, language: str) -> str:
    """Return the number as people of the language write it."""
    return format_decimal(value, locale=text("format.locale", language))


def moment(value: datetime, language: str, zone: tzinfo) -> str:
    """Return day and time: 21.11.2026 14:05."""
    local = value.astimezone(zone)
    return f"{day_of(local, language)} {local:%H:%M}"


def day_of(value: date, language: str) -> str:
    """Return the day: 21.11.2026."""
    return format_date(value, text("format.day", language), locale=text("format.locale", language))


def one_line(name: str) -> str:
    """Return a name from outside as one short line without control characters."""
    return " ".join(bounded_text(name, LONGEST_NAME).split())


def subject_and_body(key: str, language: str, values: Mapping[str, object]) -> tuple[str, str]:
    """Return the texts `<key>.subject` and `<key>.body` with their values."""
    return text(f"message.{key}.subject", language, **values), text(f"message.{key}.body", language, **values) + "\n"
