"""Texts for customers, in the languages of their contacts: `customer.po` in each folder of `locales/`.

These are more languages than the pages for the staff have, so that they are catalogues of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache

from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po

from core.texts import LOCALES

FILE = "LC_MESSAGES/customer.po"
FALLBACK = "de"
LOCALE_OF = {"de": "de_CH", "fr": "fr_CH", "it": "it_CH", "en": "en_GB"}


def customer_languages() -> tuple[str, ...]:
    """Return the codes of the languages in which customers are written to."""
    return tuple(LOCALE_OF)


def customer_text(key: str, language: str, /, **values: object) -> str:
    """Return the text in `language`, in German for a language that is not known."""
    return customer_catalogue(language if language in LOCALE_OF else FALLBACK)[key].format(**values)


def customer_day(moment: datetime, language: str, zone: tzinfo) -> str:
    """Return the day of a moment in words: 4. Dezember 2026."""
    return format_date(moment.astimezone(zone).date(), "long", locale=LOCALE_OF.get(language, LOCALE_OF[FALLBACK]))


def customer_time(moment: datetime, language: str, zone: tzinfo) -> str:
    """Return day and time of a moment in words."""
    locale = LOCALE_OF.get(language, LOCALE_OF[FALLBACK])
    day = format_date(moment.astimezone(zone).date(), "long", locale=locale)
    return f"{day}, {format_datetime(moment.astimezone(zone), 'HH:mm', locale=locale)}"


@lru_cache
def customer_catalogue(language: str) -> Mapping[str, str]:
    """Return key -> text of one language."""
    with (LOCALES / language / FILE).open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, abort_invalid=True) if message.id}
