"""Add an event to a case, in the transaction of what causes it: checked against the table, the row kept as its fold.

    with transaction(engine) as connection:
        case = need_case(connection, case_id, expected)
        case = write(connection, case, "asked", {"quantity": 5}, actor, now)

CaseUnknown   there is no such case
CaseChanged   somebody else has changed the case since the caller read it; nothing was written
CaseRefused   the table does not allow it in the state of the case, or something that must be given is missing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.bounds import LONGEST_NAME, bounded_text, visible
from core.cache.audit_rows import Entry, append
from core.cache.case_rows import (
    Case,
    CaseEvent,
    events_of_case,
    lock_cases,
    locked_case,
    unlocked_case,
)
from core.cache.order_rows import withdraw_orders_of
from core.cache.sql import Transaction
from core.cases.product_events import PRODUCT
from core.cases.storing import Change, store
from core.cases.transitions import Who, transition
from core.problems import Problem, ProblemError
from core.roles import Actor

LONGEST_ACCOUNT = 100  # as in core.cache.schema
# The product's own notes: they change nothing that a person has decided about by what was shown.
NOTES = ("told", "units_seen", "reminded", "priority_changed")


class CaseUnknown(ProblemError):
    """There is no case with this id or number."""

    def __init__(self, case_id: str) -> None:
        super().__init__(Problem("case.unknown", {"case": visible(case_id)[:40]}))


class CaseChanged(ProblemError):
    """Somebody else has changed the case since the caller read it; `events` came since, nothing was written."""

    def __init__(self, problem: Problem, events: Sequence[CaseEvent] = ()) -> None:
        super().__init__(problem)
        self.events = events


class CaseRefused(ProblemError):
    """What is asked is not possible in the state of the case, or its values are wrong; nothing was written."""


def need_case(connection: Transaction, case_id: str, expected: int | None = None) -> Case:
    """Return the case, locked until the transaction ends.

    `expected`: the version that the actor has seen; None for whatever it is. Notes of the product since then are no
    change. Raises CaseUnknown, CaseChanged.
    """
    lock_cases(connection)
    case = locked_case(connection, case_id)
    if case is None:
        raise CaseUnknown(case_id)
    need_version(connection, case, expected)
    return case


def need_readable(connection: Transaction, case_id: str) -> Case:
    """Return the case for reading, without a lock. Raises CaseUnknown."""
    case = unlocked_case(connection, case_id)
    if case is None:
        raise CaseUnknown(case_id)
    return case


def need_version(connection: Transaction, case: Case, expected: int | None) -> None:
    """Raise CaseChanged if the case was changed since `expected`, the version that the actor has seen; None for any."""
    if expected is not None and expected != case.version:
        need_unchanged(case, events_of_case(connection, case.case_id, after=expected), expected)


def need_unchanged(case: Case, since: Sequence[CaseEvent], expected: int) -> None:
    """Raise CaseChanged if what came after version `expected` is more than notes of the product."""
    changes = [event for event in since if not (event.kind in NOTES and is_note(event))]
    if changes or expected > case.version:
        newest = changes[-1] if changes else None
        who = "Lizenztool" if newest is None or newest.actor == PRODUCT.name else newest.actor_name
        params = {"number": case.number, "name": who, "version": str(case.version), "state": case.state}
        raise CaseChanged(Problem(f"case.changed.{newest.kind if newest else 'other'}", params), since)


def is_note(event: CaseEvent) -> bool:
    """Return True if the event is of the product and decides nothing."""
    return event.kind != "priority_changed" or bool(event.data.get("by_rule"))


def need_possible(case: Case, kind: str, data: Mapping[str, Any], who: Who) -> None:
    """Raise CaseRefused if the table does not allow the event, or a field that it needs is empty."""
    row = transition(kind, case.state, case.resumes)
    if row is None or who not in row.who:
        raise CaseRefused(Problem(f"case.not_possible.{case.state}", {"number": case.number, "kind": kind}))
    for name in row.needs:
        if data.get(name) in (None, "", 0):
            raise CaseRefused(Problem(f"case.needs.{name}", {"number": case.number}))


def write(
    connection: Transaction, case: Case, kind: str, data: Mapping[str, Any], actor: Actor, at: datetime, *,
    who: Who = "staff",
) -> Case:  # fmt: skip
    """Add an event to the case, as `need_case` has returned it, and return the case afterwards.

    What a person does goes into the audit, too; who takes an order back stops its message if it still waits. Raises
    CaseRefused.
    """
    need_possible(case, kind, data, who)
    by, shown = bounded_text(actor.name, LONGEST_ACCOUNT), bounded_text(actor.shown, LONGEST_NAME)
    event = CaseEvent(case.case_id, case.version + 1, at, by, kind, dict(data), shown)
    (changed,) = store(connection, [Change(case, [event])])
    if case.under_way and not changed.under_way and who != "product":
        withdraw_orders_of(connection, case.case_id, Problem("order.withdrawn"))
    if who != "product":
        before = {"state": case.state, "version": case.version}
        now = {"state": changed.state, "version": changed.version, **data}
        append(connection, Entry(actor, f"case.{kind}", case.number, before, now), at)
    return changed
