"""The test items with which `lists check` tries what is allowed in a list. Pure functions.

A refresh leaves them out, and the flow sends nothing about them: their trigger is never set.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.sharepoint.list_columns import COLUMNS, KINDS, OurColumns

START = "lizenztool-test"
KEY_WORD = {"license": "name", "tenant": "title", "parameter": "name"}  # the column that names an item
_VALUES: dict[str, Any] = {"text": "", "number": 0, "boolean": False}


def trial_name(place: str, run: str) -> str:
    """Return the name of a test item that the check `run` of the database at `place` (core.cache.place) makes.

    With "" for `run` it is the start of the names of all of them.
    """
    return f"{START} {place} {run}"


def is_trial(name: str) -> bool:
    """Return True for the name of a test item, whoever has made it."""
    return name[: len(START)].casefold() == START


def trial_values(ours: OurColumns, name: str) -> dict[str, Any]:
    """Return the values of a test item for the columns that can be written, by our words.

    Texts are its name, which is that of no tenant and no licence; every yes/no is no, so nobody is told.
    """
    values = {}
    for word, column in ours.by_word.items():
        spec = COLUMNS[ours.kind][word]
        if column.kind in ("", KINDS[spec.role]) and not column.read_only and KINDS[spec.role] in _VALUES:
            values[word] = _VALUES[KINDS[spec.role]] if KINDS[spec.role] != "text" else name
    return values


def missing_words(ours: OurColumns, wanted: Iterable[str], attribute: str) -> list[str]:
    """Return the labels of those of our columns `wanted` that have no `attribute` ("indexed", "unique")."""
    return [
        ours.by_word[word].label
        for word in wanted
        if word in ours.by_word and not getattr(ours.by_word[word], attribute)
    ]
