"""An index of the licences, and the marks by which people filter them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.cache.frame_index import FrameIndex, Mask, Positions

# Values of the filter. "shortage": a shortage in any state; "used_up": no free seat, but no alarm (free product, trial,
# not per user, a rule); "hidden": hidden by a rule, listed only if this mark is chosen.
MARKS = ("shortage", "over", "low", "grace", "suspended", "gone", "used_up", "ok", "hidden")
# Over-assigned or low without an alarm, suspended without a holder -> the mark they are filtered by.
QUIET_MARKS = {"quiet_over": "used_up", "quiet_low": "ok", "quiet_suspended": "suspended"}


class LicenseIndex(FrameIndex):
    """The licences of core.cache.frames, with two more columns.

    slug        the short name of the tenant
    severity    the place of the row in the frame, whose first row is the worst
    """

    def __init__(self, licenses: pd.DataFrame, tenants: pd.DataFrame) -> None:
        slug_of = dict(zip(tenants["tenant_id"], tenants["slug"], strict=True))
        slugs = licenses["tenant_id"].map(slug_of).fillna("").astype("str")
        super().__init__(
            licenses.assign(slug=slugs, severity=np.arange(len(licenses))),
            searched=("tenant", "product_de", "product_en", "sku_part_number"),
        )
        self.ruled = bool((licenses["rule"] != "").any())  # True if any rule decided anything

    def with_marks(self, marks: Collection[str]) -> Mask:
        """Return the rows with one of these marks; for no marks, the rows that no rule hides."""
        if not marks:
            return ~self.has("hidden")
        rows: Mask = np.logical_or.reduce([self.has(mark) for mark in marks])
        return rows

    def has(self, mark: str) -> Mask:
        """Return the rows with the mark, one of MARKS or QUIET_MARKS."""
        return self._marks[mark]

    @cached_property
    def shown_marks(self) -> dict[str, Mask]:
        """Return mark -> the rows that show it; a row shows one mark, a shortage in grace or suspended shows two.

        An over-assigned shortage shows only "over"; a state that affects nobody shows its quiet mark.
        """
        shown = {mark: self.has(mark) for mark in (*MARKS, *QUIET_MARKS)}
        shown["shortage"] = shown["shortage"] & ~shown["over"]
        for quiet, loud in QUIET_MARKS.items():
            shown[loud] = shown[loud] & ~shown[quiet]
        return shown

    def marks_of(self, position: int) -> list[str]:
        """Return the marks that are shown in this row."""
        return [mark for mark, rows in self.shown_marks.items() if rows[position]]

    def count(self, mark: str) -> int:
        return int(self.has(mark).sum())

    def of_tenant(self, slug: str) -> Positions:
        """Return the rows of one tenant that are not hidden, the worst first."""
        return np.flatnonzero(self.among("slug", [slug]) & ~self.has("hidden"))

    def slug(self, position: int) -> str:
        """Return the short name of the tenant in this row."""
        return str(self._frame["slug"].iloc[position])

    def slug_of(self, license_id: str) -> str:
        """Return the short name of the tenant of a licence (see `ids_of`), "" if there is no such licence."""
        position = self.position_of(license_id)
        return "" if position is None else self.slug(position)

    def ids_of(self, positions: Positions) -> list[str]:
        """Return the id of each row, made of tenant id and SKU id."""
        return list(self._ids[positions])

    def position_of(self, license_id: str) -> int | None:
        """Return the row of the licence with this id (see `ids_of`), None if there is none."""
        return self._positions.get(license_id)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {license_id: position for position, license_id in enumerate(self._ids)}

    @cached_property
    def _ids(self) -> npt.NDArray[np.object_]:
        return (self._frame["tenant_id"] + "/" + self._frame["sku_id"]).to_numpy(dtype=object)

    @cached_property
    def _marks(self) -> dict[str, Mask]:
        """Return mark -> the rows with it.

        A row without a free seat that does not alarm is "used_up", not a shortage. Rows whose state affects nobody also
        have one of QUIET_MARKS: the same state, shown without colour.
        """
        short, alarms, hidden = (self.among(name, [True]) for name in ("shortage", "alarms", "hidden"))
        over, low = self.among("state", ["over"]), self.among("state", ["low"])
        suspended = self.among("state", ["suspended"])
        marks = {
            "shortage": short,
            "over": over & short,
            "quiet_over": over & ~short,
            "used_up": self.among("state", ["short", "over"]) & ~short,
            # With a threshold above zero either can be a shortage.
            "low": low & alarms & ~short,
            "ok": (self.among("state", ["ok"]) | low & ~alarms) & ~short,
            "quiet_low": low & ~alarms,
            "suspended": suspended,
            "quiet_suspended": suspended & (self._frame["consumed"].to_numpy() == 0),
            "grace": self.among("state", ["grace"]),
            "gone": self.among("state", ["gone"]),
        }
        return {name: mask & ~hidden for name, mask in marks.items()} | {"hidden": hidden}
