"""Reduce plans to what the columns can store, and find values that cannot be understood. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.problems import Problem
from core.sharepoint.license_rows import Key
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.lists import Item, Lists, SharePointList
from core.sharepoint.plan import Change, Plan

KEYS = ("name", "tenant")
FLAGS = ("trigger", "informed")
SWITCHES = ("enabled", "monitoring")
NAMED = 3  # items named in a text


def writable_plan(plan: Plan, of: SharePointList, items: Iterable[Item]) -> Plan:
    """Return the part of a plan of the licence list that can be written.

    Values that their columns cannot store are left out. If trigger or informed cannot be read, the alarm is neither
    written nor stored; if an item could not be matched again, none is created.
    """
    readable, findable = of.ours.takes(*FLAGS), of.ours.takes(*KEYS)
    odd = {item.item_id for item in items if any(item.odd(word) for word in FLAGS)}
    changes: list[Change] = []
    for change in plan.changes:
        understood = readable and (change.item is None or change.item.item_id not in odd)
        kept = change if understood else _without_flags(change)
        if kept is not None and (findable or change.item is not None):
            changes += writable([kept], of)
    alarms = {key: alarm for key, alarm in plan.alarms.items() if readable and alarm.item_id not in odd}
    silent = {key for key in plan.alarms if key not in alarms} | _new(plan.changes) - _new(changes)
    return Plan(
        changes,
        alarms,
        [key for key in plan.unanswered if key in alarms],
        plan.unchanged + len(plan.changes) - len(changes),
        [row for row in plan.to_report if readable and row.key not in silent],
    )


def _new(changes: Iterable[Change]) -> set[Key]:
    """Return the licences that get a new item."""
    return {change.key for change in changes if change.item is None}


def writable(changes: Sequence[Change], of: SharePointList) -> list[Change]:
    """Return the changes without values that the columns cannot store; changes without values are left out."""
    kept = []
    for change in changes:
        values = {word: value for word, value in change.values.items() if of.ours.takes(word)}
        if change.delete or values:
            kept.append(change if len(values) == len(change.values) else replace(change, values=values))
    return kept


def _without_flags(change: Change) -> Change | None:
    """Return the change without values of the alarm; None for a deletion, which needs to know the alarms."""
    if change.delete:
        return None
    return replace(change, values={word: value for word, value in change.values.items() if word not in FLAGS})


def odd_values(of: SharePointList, items: Sequence[Item], words: Sequence[str], name: str) -> Iterator[Problem]:
    """Yield a problem for each of these columns with values that are no boolean; `name`: the column for item names."""
    for word in words:
        odd = [item for item in items if item.odd(word)]
        if odd:
            names = _some(sorted({item.text(name) for item in odd}))
            values = _some(sorted({str(item.fields[word])[:50] for item in odd}))
            yield Problem(f"sharepoint.odd_{'flag' if word in FLAGS else 'switch'}", {
                "list": LIST_NAMES[of.kind], "field": of.ours.by_word[word].label, "count": str(len(odd)),
                "names": names, "values": values,
            })  # fmt: skip


def emptied_switches(of: SharePointList, lost: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Yield a problem for each switch column that has lost values; `lost`: tenant -> its switches without a value."""
    for word in SWITCHES:
        names = sorted(tenant for tenant, words in lost.items() if word in words)
        if names:
            field = of.ours.by_word[word].label
            values = {"list": LIST_NAMES[of.kind], "field": field, "count": str(len(names)), "names": _some(names)}
            yield Problem("sharepoint.switch_emptied", values)


def list_faults(lists: Lists, tenants: Sequence[Item], licenses: Sequence[Item]) -> Iterator[Problem]:
    """Yield the problems with the columns of the three lists and with these items."""
    yield from lists.problems
    yield from odd_values(lists.tenants, tenants, SWITCHES, "title")
    yield from odd_values(lists.licenses, licenses, FLAGS, "name")
    for of in (lists.licenses, lists.tenants):
        yield from of.ours.required


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:NAMED]) + (" …" if len(texts) > NAMED else "")
