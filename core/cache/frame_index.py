"""Search and sort the rows of a frame by whole columns; the only search of pages and API."""

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
    """The distinct values of a column in the order of their first rows, and for each row the code (index) of its value.

    A row without a value has the code -1.
    """

    values: list[Any]
    codes: npt.NDArray[np.int32]

    def rows_where(self, test: Callable[[Any], bool]) -> Mask:
        """Return the rows whose value passes the test."""
        passed = np.array([*map(test, self.values), False], dtype=bool)  # the last one is for the code -1
        rows: Mask = passed[self.codes]
        return rows


class FrameIndex:
    """An index of a frame: each search returns a mask of its rows; masks are combined with & and |, then sorted.

    Built once per version of the figures and shared by all threads, which must not write into the frame. A column is
    indexed at its first use: each distinct value is folded once, not once for each row.
    """

    def __init__(self, frame: pd.DataFrame, searched: Sequence[str]) -> None:
        """`searched` are the columns that `with_words` searches."""
        self._frame = frame
        self._searched = tuple(searched)
        self._columns: dict[str, _Column] = {}
        self._keys: dict[tuple[str, Callable[[str], str]], _Column] = {}
        self._orders: dict[tuple[str, bool], Positions] = {}

    def all(self) -> Mask:
        return np.ones(len(self._frame), dtype=bool)

    def values(self, column: str) -> list[Any]:
        """Return the distinct values of a column."""
        return self._column(column).values

    def among(self, column: str, wanted: Collection[Any]) -> Mask:
        """Return the rows with one of these values; all rows if there are none."""
        return self._column(column).rows_where(set(wanted).__contains__) if wanted else self.all()

    def named(self, column: str, names: Collection[str]) -> Mask:
        """Return the rows with one of these names, compared by name_key; all rows if there are none."""
        return self._folded(column, name_key).rows_where({*map(name_key, names)}.__contains__) if names else self.all()

    def with_words(self, words: Iterable[str]) -> Mask:
        """Return the rows whose searched columns contain every word; "zurich" finds Zürich, too."""
        mask = self.all()
        columns = [self._folded(name, sort_key) for name in self._searched]
        for word in map(sort_key, words):
            mask &= np.logical_or.reduce([column.rows_where(_holds(word)) for column in columns])
        return mask

    def ordered(self, mask: Mask, column: str, *, descending: bool = False) -> Positions:
        """Return the positions of the rows in `mask`, sorted by `column`: texts by sort_key, missing values last.

        Rows with equal values stay in the order of the frame.
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
        """Return these rows as dictionaries, with None for a missing value."""
        records = self._frame.iloc[positions].to_dict("records")
        return [{str(name): None if _is_missing(value) else value for name, value in row.items()} for row in records]

    def _column(self, name: str) -> _Column:
        if name not in self._columns:
            codes, values = pd.factorize(self._frame[name])
            self._columns[name] = _Column(list(values), codes.astype(np.int32))
        return self._columns[name]

    def _folded(self, name: str, fold: Callable[[str], str]) -> _Column:
        """Return the column with its values folded."""
        if (name, fold) not in self._keys:
            column = self._column(name)
            self._keys[name, fold] = column._replace(values=[fold(str(value)) for value in column.values])
        return self._keys[name, fold]


def _holds(word: str) -> Callable[[str], bool]:
    return lambda key: word in key


def _is_missing(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - NaN and NaT alone are not equal to themselves
