"""Bounds for foreign values: times, numbers of seats, texts. Pure functions.

They are applied where a value is read, so that database, CSV, log and pages need no checks of their own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

# Microsoft writes "none" as year 1 and "never" as year 9999; there a change of the zone leaves the calendar.
FIRST_YEAR, LAST_YEAR = 1990, 2199
EARLIEST, LATEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
LONGEST_NAME, LONGEST_SLUG, LONGEST_FILE = 255, 100, 400  # as in core.cache.schema; a text column of SharePoint: 255
LONGEST_SEARCH, MOST_WORDS = 200, 20  # characters and words of a typed search
LARGEST_COUNT = 2**31 - 1  # Int32 in Graph, INTEGER in both databases

_BLANKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
# Control characters, halves of surrogate pairs, non-characters, and marks that turn the direction of writing.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def in_bounds(moment: datetime) -> bool:
    """Return True if the year is within the bounds; Microsoft's years 1 and 9999 are not."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR


def clipped(moment: datetime) -> datetime:
    """Return the nearest time within the bounds; `moment` is aware."""
    if in_bounds(moment):
        return moment
    return EARLIEST if moment.year < FIRST_YEAR else LATEST


def parse_time(text: Any) -> datetime | None:
    """Return the aware datetime of an ISO 8601 text; None if it is empty, no time, without zone or out of bounds."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
    return moment if moment is not None and moment.tzinfo and in_bounds(moment) else None


def count(value: Any) -> int:
    """Return a number of seats, 0 for None. Raises ValueError unless it is a whole number from 0 to LARGEST_COUNT."""
    if value is None:
        return 0
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if type(whole) is not int or not 0 <= whole <= LARGEST_COUNT:
        raise ValueError("no number of seats")
    return whole


def bounded_text(value: Any, length: int) -> str:
    """Return the text without control and direction characters, cut to `length`; "" if `value` is no text."""
    if not isinstance(value, str):
        return ""
    return (value if value.isprintable() else _UNFIT.sub("", _BLANKS.sub(" ", value)))[:length]


def search_words(text: str) -> list[str]:
    """Return the words of a typed search, each once; at most MOST_WORDS out of its first LONGEST_SEARCH characters."""
    return list(dict.fromkeys(text[:LONGEST_SEARCH].split()))[:MOST_WORDS]


def field_fault(name: str, text: str) -> str:
    """Return the code of the problem with a field of a profile that cannot be stored; "" if there is none.

    The tenant's name goes into a SharePoint column, whose length counts in UTF-16.
    """
    text = text.strip()
    if _UNSTORABLE.search(text) and not name.endswith(("_path", "_file")):  # a bad path has its own problem
        return "profile.control_sign"
    too_long = name == "tenant_name" and len(text.encode("utf-16-le", "replace")) > 2 * LONGEST_NAME
    return "profile.too_long" if too_long else ""


def file_name_fault(slug: str) -> str:
    """Return the code of the problem with the slug in the file name of a profile; "" if there is none."""
    if _UNSTORABLE.search(slug):  # also bytes that are no UTF-8
        return "profile.name_unreadable"
    return "profile.name_too_long" if len(slug) > LONGEST_SLUG else ""


def visible(text: str) -> str:
    """Return the text with control characters and single surrogates as escapes: \\x00, \\udcff."""
    return _UNSTORABLE.sub(lambda sign: repr(sign[0])[1:-1], text)
