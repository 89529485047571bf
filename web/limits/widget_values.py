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
    return True


def _is_row(row: Any) -> bool:
    return type(row) is int and 0 <= row < MOST_ROWS
