"""Names that an admin gives to levels and calendars. Pure functions."""

from __future__ import annotations

from collections.abc import Collection

from core.name_key import name_key, plain
from core.problems import Problem

LONGEST_NAME = 60
LONGEST_KEY = 100  # one letter may become several in it


def name_fault(name: str) -> Problem | None:
    """Return the problem of a name, None if it can be stored."""
    shown = plain(name)
    if not name_key(name):
        return Problem("chosen_name.missing")
    if not shown.isprintable():
        return Problem("chosen_name.signs")
    if len(shown) > LONGEST_NAME or len(name_key(name)) > LONGEST_KEY:
        return Problem("chosen_name.long", {"most": str(LONGEST_NAME)})
    return None


def free_key(name: str, taken: Collection[str]) -> str:
    """Return a key for a new name: its `name_key`, with a number if a renamed one has that key."""
    key = name_key(name)[:LONGEST_KEY]
    numbered = (f"{key[: LONGEST_KEY - 4]}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (key, *numbered) if one not in taken)
