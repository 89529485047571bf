"""Push figures and alarms to the licence list: plan, write, and read again after conflicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.cache.lists_read import Alarm
from core.problems import Problem
from core.sharepoint.apply import Outcome, Writer
from core.sharepoint.license_rows import Key
from core.sharepoint.lists import Item, Lists
from core.sharepoint.pace import Pace
from core.sharepoint.plan import Change, Plan
from core.workers import Workers

ROUNDS = 6  # a new shortage takes two (item, then trigger); more only when somebody else writes at the same time
# Changes after which a new plan is made, so that triggers of new items do not wait for all changes. Each slice is twice
# the one before, so that a long list needs only a few plans.
SLICE = 1000


class GiveWay:
    """A function that returns True if the push must end early: `is_asked` returns True, or `seconds` have passed.

    `is_asked` is called before each batch, and each second of a wait, until it returns True. The next refresh plans the
    remaining changes again. Safe for any thread.
    """

    def __init__(
        self, seconds: float, is_asked: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_asked, self._clock = is_asked, clock
        self._ends = clock() + seconds

    def __call__(self) -> bool:
        now = self._clock()
        if now < self._ends and self._is_asked():
            self._ends = now
        return now >= self._ends


@dataclass(slots=True)
class PushResult:
    """The counts of a push, and the alarms after it.

    `remaining`: changes left to the next refresh, because the push gave way; `through`: sent changes; `taken_over`:
    shortages marked as reported without a message, None if that was not requested; `not_found_again`: the name of a new
    item that the next plan did not find, which stops all creations; `stopped`: the problem because of which nothing was
    written; `refused`: the problems of the `refused_rows` that SharePoint did not accept, at all or with their numbers.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    triggers_set: int = 0
    resets: int = 0
    failed: int = 0
    remaining: int = 0
    through: int = 0
    not_found_again: str = ""
    taken_over: int | None = None
    alarms: dict[Key, Alarm] = field(default_factory=dict)
    unanswered: list[Key] = field(default_factory=list)
    stopped: Problem | None = None
    refused: Sequence[Problem] = ()
    refused_rows: int = 0

    @property
    def problem(self) -> Problem | None:
        """Return the problem that stopped creations or all writes, None if there is none."""
        again = self.not_found_again
        return Problem("sharepoint.not_found_again", {"name": again}) if again else self.stopped

    def counts(self) -> dict[str, int]:
        """Return the counts by their names in `sync --json`; `remaining` if not 0, `taken_over` if requested."""
        names = ("created", "updated", "unchanged", "merged", "triggers_set", "resets", "failed")
        more = {"remaining": self.remaining} if self.remaining else {}
        if self.taken_over is not None:
            more["taken_over"] = self.taken_over
        return {name: getattr(self, name) for name in names} | more


def push(
    lists: Lists,
    pace: Pace,
    workers: Workers,
    items: list[Item],
    make_plan: Callable[[Sequence[Item], Mapping[Key, Alarm]], Plan],
    alarms: Mapping[Key, Alarm],
    *,
    now: datetime,
    check: Callable[[Plan], None] = lambda plan: None,
    remember: Callable[[Mapping[Key, Alarm]], None] = lambda alarms: None,
    progress: Callable[[int, int], None] = lambda total, done: None,
    give_way: Callable[[], bool] = lambda: False,
) -> PushResult:
    """Write until a plan is empty or `give_way` returns True, and return the result.

    After a conflict (412) or a lost answer the list is read and planned again. A change that SharePoint refuses is not
    repeated in this refresh. Once a created item is not found again, no more items are created: nothing may fill the
    list. `check` gets the first plan before anything is stored or written, and may raise ListError. `remember` gets the
    alarms before each step is written, `progress` the number of all changes and of sent ones; both only grow. Raises
    GraphError if the list cannot be read.
    """
    writer = Writer(lists.client, lists.licenses, pace, workers, give_way)
    state = _PushState(PushResult(alarms=dict(alarms)), lists.licenses.key)
    result = state.result
    plan = make_plan(items, result.alarms)
    check(plan)
    result.unchanged = plan.unchanged
    total, most = 0, SLICE
    for _ in range(ROUNDS + 2 * len(plan.changes) // SLICE):
        state.take(plan)
        remember(result.alarms)
        to_write = state.changes_to_write(plan)
        if not to_write or give_way():
            break
        total = max(total, result.through + len(to_write))
        outcomes = writer.apply(to_write[:most], _counter(progress, total, result.through))
        most *= 2
        state.count(outcomes, now)
        items = _merge(items, outcomes)
        plan = make_plan(items, result.alarms)
        if not give_way() and _is_outdated(plan, outcomes):
            items = lists.items(lists.licenses)
            plan = make_plan(items, result.alarms)
    if state.finish(plan, gave_way=give_way()):
        remember(result.alarms | plan.alarms)
    result.refused, result.refused_rows = writer.refused.problems(), len(writer.refused)
    return result


@dataclass(slots=True)
class _PushState:
    """The result so far, the licences whose change failed (`given_up`), and those with an item of this push."""

    result: PushResult
    list_key: str
    given_up: set[Key] = field(default_factory=set)
    created: set[Key] = field(default_factory=set)

    def take(self, plan: Plan) -> None:
        """Take the alarms of `plan`, and note an item that it creates although this push has created it already."""
        self.result.alarms |= plan.alarms
        self.result.unanswered = plan.unanswered
        again = (change for change in plan.changes if change.item is None and change.key in self.created)
        repeated = next((str(change.values.get("name")) for change in again), "")
        self.result.not_found_again = self.result.not_found_again or repeated

    def changes_to_write(self, plan: Plan) -> list[Change]:
        """Return the changes of `plan` that may be written."""
        creating = not self.result.not_found_again
        return [change for change in self._not_given_up(plan) if creating or change.item is not None]

    def _not_given_up(self, plan: Plan) -> list[Change]:
        return [change for change in plan.changes if change.key not in self.given_up]

    def count(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Count what was written, and note which licences failed or have a new item."""
        for outcome in outcomes:
            _count(self.result, outcome, now, self.list_key)
            if outcome.result == "failed":
                self.given_up.add(outcome.change.key)
            elif outcome.result == "done" and outcome.change.item is None:
                self.created.add(outcome.change.key)

    def finish(self, plan: Plan, *, gave_way: bool) -> int:
        """Count the unwritten changes of the last plan as remaining or failed; return how many could be written."""
        left = len(self.changes_to_write(plan))
        if gave_way:
            self.result.remaining = left
        else:
            self.result.failed += len(self._not_given_up(plan))
        return left


def _unknown(outcome: Outcome) -> bool:
    """Return True if the list must be read to know the item's present state."""
    return outcome.result == "stale" or (
        outcome.result == "done" and outcome.change.item is None and outcome.item is None
    )


def _counter(progress: Callable[[int, int], None], total: int, before: int) -> Callable[[int], None]:
    progress(total, before)
    return lambda done: progress(total, before + done)


def _count(result: PushResult, outcome: Outcome, now: datetime, list_key: str) -> None:
    change = outcome.change
    result.through += outcome.result != "left"
    if outcome.result != "done":
        result.failed += outcome.result == "failed"
        return
    if change.item is None:
        result.created += 1
        if outcome.item is not None:  # matched by its id from now on, even if SharePoint changes its name
            stored = result.alarms.get(change.key) or Alarm(*change.key)
            if stored.told_at is None:  # else the mark of its former item must be restored in this one
                result.alarms[change.key] = replace(stored, item_id=outcome.item.item_id, list_key=list_key)
    result.merged += change.delete
    result.updated += change.item is not None and not change.delete
    result.resets += change.values.get("informed") is False and change.item is not None
    if change.sets_trigger and change.item is not None:
        result.triggers_set += 1
        stored = result.alarms.get(change.key) or Alarm(*change.key, change.item.item_id, list_key=list_key)
        again = stored.triggered_at is not None
        result.alarms[change.key] = replace(stored, triggered_at=now, retriggered=stored.retriggered + again)


def _merge(items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[Item]:
    """Return the items after the writes."""
    by_id = {item.item_id: item for item in items}
    for outcome in outcomes:
        if outcome.result != "done":
            continue
        if outcome.change.delete and outcome.change.item is not None:
            by_id.pop(outcome.change.item.item_id, None)
        elif outcome.item is not None:
            by_id[outcome.item.item_id] = outcome.item
    return list(by_id.values())


def _is_outdated(plan: Plan, outcomes: Sequence[Outcome]) -> bool:
    """Return True if the list must be read: an item has an unknown state, or would be overwritten in any version."""
    blind = any(change.item is not None and not change.item.etag for change in plan.changes)
    return blind or any(map(_unknown, outcomes))
