"""Decide whether the licence list has lost so many items that a person must look before it is filled again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.cache.lists_read import Alarm
from core.problems import Problem
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.list_columns import ListError
from core.sharepoint.plan import Plan

LEAST = 3  # fewer lost items are created anew without asking: somebody has deleted them by hand


class ListEmptied(ListError):
    """The licence list has lost most of the items that we wrote, and nobody has allowed to fill it again."""


@dataclass(frozen=True, slots=True)
class LostItems:
    """`lost` of the `written` items are gone; `untold` shortages would be reported if the list were filled again.

    `told` counts the lost items whose shortage counts as reported.
    """

    lost: int
    written: int
    told: int
    untold: int

    @property
    def too_many(self) -> bool:
        """Return True if the list was emptied or replaced: more than half of the items are gone."""
        return self.lost >= LEAST and 2 * self.lost > self.written

    @property
    def problem(self) -> Problem:
        params = {"lost": self.lost, "written": self.written, "told": self.told, "untold": self.untold}
        return Problem("sharepoint.list_emptied", {name: str(number) for name, number in params.items()})


def lost_items(rows: Iterable[Row], plan: Plan, alarms: Mapping[Key, Alarm]) -> LostItems:
    """Return how many items of `rows` are gone; `alarms` are those before `plan`, each with the item it had.

    An item in another list counts as one that we wrote: so a list that replaces it must have its items.
    """
    row_by_key = {row.key: row for row in rows if row.key in alarms and alarms[row.key].item_id}
    lost = [change.key for change in plan.changes if change.item is None and change.key in row_by_key]
    untold = {row.key for row in plan.to_report}
    told = sum(row_by_key[key].alarms and key not in untold for key in lost)
    return LostItems(len(lost), len(row_by_key), told, len(untold))
