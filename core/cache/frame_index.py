"""Find and order the rows of a frame without touching them one by one. Pages and API search through this alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.name_key import name_key, sort_key

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


class _Column(NamedTuple):
    """The distinct values of a column in the order of their first rows, and for each row the place of its value.

    A row without a value has the place -1.
    """

    values: list[Any]
    places: npt.NDArray[np.int32]

    def rows_where(self, test: Callable[[Any], bool]) -> Mask:
        """Return the rows whose value passes the test."""
        passed = np.array([*map(test, self.values), False], dtype=bool)  # the last is what place -1 means
        rows: Mask = passed[self.places]
        return rows


class FrameIndex:
    """A frame made ready to be searched: rows as masks, combined with & and |, then put in order as positions.

    Built once per version of the figures and shared by all threads; nobody writes into the frame. A column is
    made ready when it is first asked for: every distinct name is folded once, not once for each row.
    """

    def __init__(self, frame: pd.DataFrame, searched: Sequence[str]) -> None:
        """`searched`: the columns in which `with_words` looks."""
        self._frame = frame
        self._searched = tuple(searched)
        self._columns: dict[str, _Column] = {}
        self._keys: dict[str, _Column] = {}
        self._orders: dict[tuple[str, bool], Positions] = {}

    def all(self) -> Mask:
        return np.ones(len(self._frame), dtype=bool)

    def values(self, column: str) -> list[Any]:
        """Return the distinct values of a column."""
        return self._column(column).values

    def among(self, column: str, wanted: Collection[Any]) -> Mask:
        """Return the rows with one of these values; all rows when none is named."""
        return self._column(column).rows_where(set(wanted).__contains__) if wanted else self.all()

    def named(self, column: str, names: Collection[str]) -> Mask:
        """Return the rows with one of these names, however they are spelled; all rows when none is given."""
        return self._folded(column).rows_where({*map(name_key, names)}.__contains__) if names else self.all()

    def with_words(self, words: Iterable[str]) -> Mask:
        """Return the rows that have every word somewhere in the searched columns; the words are folded by name_key."""
        mask = self.all()
        for word in words:
            mask &= np.logical_or.reduce([self._folded(name).rows_where(_holds(word)) for name in self._searched])
        return mask

    def ordered(self, mask: Mask, column: str, *, descending: bool = False) -> Positions:
        """Return the rows of `mask` by `column`, names as in a dictionary, those without a value last.

        Equal ones stay in the frame's order.
        """
        key = (column, descending)
        if key not in self._orders:
            values = self._frame[column].reset_index(drop=True)
            if values.dtype == "str":
                values = values.map({value: sort_key(str(value)) for value in self.values(column)})
            ranked = values.sort_values(kind="stable", ascending=not descending, na_position="last")
            self._orders[key] = ranked.index.to_numpy()
        order = self._orders[key]
        return order[mask[order]]

    def records(self, positions: Positions) -> list[dict[str, Any]]:
        """Return these rows as plain values by column name, None for no value."""
        records = self._frame.iloc[positions].to_dict("records")
        return [{str(name): None if _is_missing(value) else value for name, value in row.items()} for row in records]

    def _column(self, name: str) -> _Column:
        if name not in self._columns:
            places, values = pd.factorize(self._frame[name])
            self._columns[name] = _Column(list(values), places.astype(np.int32))
        return self._columns[name]

    def _folded(self, name: str) -> _Column:
        if name not in self._keys:
            column = self._column(name)
            self._keys[name] = column._replace(values=[name_key(str(value)) for value in column.values])
        return self._keys[name]


def _holds(word: str) -> Callable[[str], bool]:
    return lambda key: word in key


def _is_missing(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - NaN and NaT alone are not equal to themselves
