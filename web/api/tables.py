"""The figures as programs ask for them: found and ordered without touching the rows one by one.

The rows, their states and their shortages are those of core.cache.frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.cache.figures import Figures, newest_figures
from core.licenses.skus import Catalogue
from core.name_key import name_key, name_keys
from core.runtime import Runtime

# Columns of the frames that the API calls by another name.
NAMES = {"monitored": "monitoring", "cert_expires":
         "certificate_expires", "cert_days": "certificate_days"}  # fmt: skip

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


class Table:
    """A frame that is searched and ordered without touching its rows one by one. Shared: nobody writes into it."""

    def __init__(self, frame: pd.DataFrame, searched: Iterable[str]) -> None:
        self._frame = frame.rename(columns=NAMES)
        self._searched = tuple(searched)
        self._values: dict[str, npt.NDArray[Any]] = {}
        self._orders: dict[str, Positions] = {}

    def all(self) -> Mask:
        return np.ones(len(self._frame), dtype=bool)

    def values(self, column: str) -> npt.NDArray[Any]:
        if column not in self._values:
            self._values[column] = self._frame[column].to_numpy(dtype=object)
        return self._values[column]

    def among(self, column: str, wanted: Collection[Any]) -> Mask:
        """The rows with one of these values; all when nothing is wanted."""
        if not wanted:
            return self.all()
        found: Mask = np.logical_or.reduce([self.values(column) == value for value in wanted]).astype(bool)
        return found

    def with_words(self, words: str) -> Mask:
        """The rows that have every word somewhere in the columns that are searched, however it is spelled."""
        mask = self.all()
        for word in name_key(words).split():
            mask &= self._text.str.contains(word, regex=False).to_numpy(dtype=bool)
        return mask

    @cached_property
    def _text(self) -> pd.Series:
        joined, *others = (name_keys(self._frame[name]) for name in self._searched)
        for other in others:
            joined = joined.str.cat(other, sep="\n")
        return joined

    def ordered(self, mask: Mask, column: str, *, descending: bool = False) -> Positions:
        """The row numbers of `mask` by `column`, what has no value last; equal ones stay as they come."""
        key = f"{column}:{descending}"
        if key not in self._orders:
            values = self._frame[column]
            if values.dtype == "str":
                values = values.str.casefold()
            ranked = values.sort_values(kind="stable", ascending=not descending, na_position="last")
            self._orders[key] = ranked.index.to_numpy()
        order = self._orders[key]
        return order[mask[order]]

    def rows(self, positions: Positions) -> list[dict[str, Any]]:
        """These rows as plain values, None for none."""
        records = self._frame.iloc[positions].to_dict("records")
        return [{str(name): None if _is_missing(value) else value for name, value in row.items()} for row in records]


def _is_missing(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - NaN and NaT alone are not equal to themselves


@dataclass(frozen=True, eq=False)
class Tables:
    """The figures at one version of the database, ready to be searched."""

    figures: Figures
    licenses: Table
    tenants: Table

    @property
    def catalogue(self) -> Catalogue:
        return self.figures.catalogue


class TableStore:
    """Keeps the newest tables; whoever comes first makes them, all others wait for them."""

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._last: Tables | None = None

    def newest(self) -> Tables:
        """Raises core.cache.database.DatabaseError."""
        with self._lock:
            runtime, last = self._runtime(), self._last
            figures = newest_figures(runtime.engine, runtime.settings)
            if last is None or last.figures is not figures:
                self._last = last = _made_of(figures)
            return last


def _made_of(figures: Figures) -> Tables:
    licenses, tenants = figures.licenses, figures.tenants
    slugs = dict(zip(tenants["tenant_id"], tenants["slug"], strict=True))
    licenses = licenses.assign(
        slug=licenses["tenant_id"].map(slugs).astype("str"),
        severity=np.arange(len(licenses)),  # as they come: the worst first
        part_key=name_keys(licenses["sku_part_number"]),
    )
    tenants = tenants.assign(
        failing=tenants["problem"].notna(),
        name_key=name_keys(tenants["tenant"]),
        slug_key=name_keys(tenants["slug"]),
    ).rename(columns={"tenant": "name"})
    return Tables(
        figures,
        licenses=Table(licenses, ("tenant", "product_de", "product_en", "sku_part_number")),
        tenants=Table(tenants, ("name", "slug")),
    )
