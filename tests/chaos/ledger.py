"""The model: which shortages were seen, which messages were sent, and whether the two agree.

A *period* is a shortage of one licence of one tenant as the product could know it: it begins with the
first good reading (one that is in the database) that shows the shortage and ends with the first good
reading that does not; readings that failed in between neither end nor begin anything.

- A message belongs to the newest period of its licence. It may be late and belong to the one before
  when that was not told yet and its trigger was still in the list as the newest began.
- No period has two messages, and none without monitoring has any.
- A period is *due* when a refresh that reports no fault has ended in it, the tenant being monitored, and
  the flow has run afterwards: a due period without a message is missed.
- A period that ended before it was due may go without a message: it came and went.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Key = tuple[str, str]  # slug of the tenant, label of the licence in the simulator


@dataclass(slots=True)
class Period:
    """One shortage, from the first good reading that shows it to the first one that does not."""

    monitored: bool = False
    over: bool = False
    trigger_left: bool = False  # its trigger was in the list when the next period began
    blind: bool = False  # its item was deleted before anybody could know that it had been told
    due: bool = False
    messages: int = 0


class Ledger:
    """Takes what happened in its order; `wrong` says what should not have."""

    def __init__(self) -> None:
        self.periods: dict[Key, list[Period]] = defaultdict(list)
        self.wrong: list[str] = []
        self.messages = 0

    def seen(self, shortages: Mapping[Key, bool], monitored: Collection[Key], triggers: Collection[Key]) -> None:
        """The good readings of one refresh; `triggers`: whose trigger was in the list when it began."""
        for key, short in shortages.items():
            open_ = self.open(key)
            if short and open_ is None:
                if self.periods[key]:
                    self.periods[key][-1].trigger_left = key in triggers
                self.periods[key].append(Period())
            elif not short and open_ is not None:
                open_.over = True
        for key, period in self.all_open():
            period.monitored |= key in monitored

    def told(self, messages: Iterable[Key]) -> None:
        """Messages of the flow, in their order."""
        for key in messages:
            self.messages += 1
            period = self._owner(key)
            if period is None:
                self.wrong.append(f"{key}: told twice, or told without a shortage: {self.periods[key][-3:]}")
            elif not period.monitored:
                self.wrong.append(f"{key}: told although nobody monitors it")
            else:
                period.messages += 1

    def due(self, monitored: Collection[Key]) -> None:
        """A refresh without faults has ended and the flow has run: what is open and monitored has been told."""
        for key, period in self.all_open():
            period.due |= key in monitored
            if period.due and not period.messages:
                self.wrong.append(f"{key}: missed, {period}")

    def deleted_blindly(self, key: Key) -> None:
        """Somebody deleted an item that the flow had just marked: nobody can know, it may be told once more."""
        if self.periods[key]:
            self.periods[key][-1].blind = True

    def open(self, key: Key) -> Period | None:
        """The period that lasts, if any."""
        last = self.periods[key][-1] if self.periods[key] else None
        return last if last is not None and not last.over else None

    def all_open(self) -> Iterable[tuple[Key, Period]]:
        return [(key, period) for key in list(self.periods) if (period := self.open(key)) is not None]

    def count(self) -> dict[str, int]:
        """The sums of the campaign."""
        known = [period for periods in self.periods.values() for period in periods]
        watched = [period for period in known if period.monitored]
        return {
            "shortages seen while monitored": len(watched),
            "told": sum(period.messages > 0 for period in watched),
            "came and went before they could be told": sum(not one.messages and not one.due for one in watched),
            "messages": self.messages,
            "of them unknowable": sum(max(0, one.messages - 1) for one in watched),  # see `deleted_blindly`
        }

    def _owner(self, key: Key) -> Period | None:
        newest = self.periods[key][-2:][::-1]
        if newest and newest[0].messages < 1 + newest[0].blind:
            return newest[0]
        if len(newest) == 2 and not newest[1].messages and newest[1].trigger_left:
            return newest[1]
        return None
