"""Bring the licence list up to date: plan, write, look again where something came in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from core.cache.lists import Alarm
from core.graph import Http
from core.sharepoint.apply import Outcome, Writer
from core.sharepoint.lists import Item, Lists
from core.sharepoint.plan import Change, Key, Plan

ROUNDS = 6  # a new shortage takes two (item, then trigger); more only when somebody else writes at the same time


@dataclass(slots=True)
class PushResult:
    """What was written; `alarms` is what is known of every alarm afterwards."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    triggers_set: int = 0
    resets: int = 0
    failed: int = 0
    alarms: dict[Key, Alarm] = field(default_factory=dict)
    unanswered: list[Key] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        names = ("created", "updated", "unchanged", "merged", "triggers_set", "resets", "failed")
        return {name: getattr(self, name) for name in names}


def push(
    lists: Lists,
    http: Http,
    items: list[Item],
    make_plan: Callable[[Sequence[Item], Mapping[Key, Alarm]], Plan],
    alarms: Mapping[Key, Alarm],
    *,
    now: datetime,
    remember: Callable[[Mapping[Key, Alarm]], None] = lambda alarms: None,
    progress: Callable[[int, int], None] = lambda total, done: None,
) -> PushResult:
    """Write until a plan has nothing left to do.

    What somebody changed meanwhile (412), and what nobody knows (a lost answer), is read again and
    planned again. A change that SharePoint refuses is given up for this refresh. `remember` gets the
    alarms before each step is written. Raises GraphError when the list itself cannot be read.
    """
    writer = Writer(lists.client, lists.licenses, http)
    result = PushResult(alarms=dict(alarms))
    given_up: set[Key] = set()
    plan = make_plan(items, result.alarms)
    result.unchanged = plan.unchanged
    for _ in range(ROUNDS):
        result.alarms |= plan.alarms
        result.unanswered = plan.unanswered
        remember(result.alarms)
        todo = [change for change in plan.changes if change.key not in given_up]
        if not todo:
            return result
        outcomes = writer.apply(todo, partial(progress, len(todo)))
        for outcome in outcomes:
            _count(result, outcome, now)
            if outcome.result == "failed":
                given_up.add(outcome.change.key)
        items = _merge(items, outcomes)
        plan = make_plan(items, result.alarms)
        if any(outcome.result == "stale" for outcome in outcomes) or _blind(plan.changes):
            items = lists.items(lists.licenses)
            plan = make_plan(items, result.alarms)
    result.failed += len([change for change in plan.changes if change.key not in given_up])
    remember(result.alarms | plan.alarms)
    return result


def _count(result: PushResult, outcome: Outcome, now: datetime) -> None:
    change = outcome.change
    if outcome.result != "done":
        result.failed += outcome.result == "failed"
        return
    result.created += change.item is None
    result.merged += change.delete
    result.updated += change.item is not None and not change.delete
    result.resets += change.values.get("informed") is False and change.item is not None
    if change.sets_trigger and change.item is not None:
        result.triggers_set += 1
        known = result.alarms.get(change.key) or Alarm(*change.key, item_id=change.item.item_id)
        again = known.triggered_at is not None
        result.alarms[change.key] = replace(known, triggered_at=now, retriggered=known.retriggered + again)


def _merge(items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[Item]:
    """The items as they are after what has been written."""
    by_id = {item.item_id: item for item in items}
    for outcome in outcomes:
        if outcome.result != "done":
            continue
        if outcome.change.delete and outcome.change.item is not None:
            by_id.pop(outcome.change.item.item_id, None)
        elif outcome.item is not None:
            by_id[outcome.item.item_id] = outcome.item
    return list(by_id.values())


def _blind(changes: Sequence[Change]) -> bool:
    """Whether a change would overwrite an item whose version we do not know."""
    return any(change.item is not None and not change.item.etag for change in changes)
