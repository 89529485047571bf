"""Checks of the values of controls, which a forged frame may contain. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_ROWS = 10**6


def fits(value: Any) -> bool:
    """Return False if `value` is a state of a table that none of our tables can have, True for all other values."""
    if not isinstance(value, Mapping):
        return True
    if "selection" in value:
        selection = value["selection"]
        return all(map(_is_row, selection["rows"])) and all(isinstance(name, str) for name in selection["columns"])
    if "edited_rows" in value:
        fixed = not value["added_rows"] and not value["deleted_rows"]  # in our tables no rows can be added or deleted
        return fixed and all(_is_row(row) and _is_edit(edit) for row, edit in value["edited_rows"].items())
    return True


def _is_row(row: Any) -> bool:
    return type(row) is int and 0 <= row < MOST_ROWS


def _is_edit(edit: Any) -> bool:
    """Return True if all edited values are those of switches; nothing else can be edited in our tables."""
    return isinstance(edit, Mapping) and all(isinstance(one, bool | None) for one in edit.values())
