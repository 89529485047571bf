"""Order licences for approved cases: preview what goes out, place it once, note the distributor's answer, cancel.

An order has a key, made of the case's number and the number of its order. The preview shows the key, and an order that
is placed with it a second time is the same one. Its message is written in the transaction of its event, under the key.

OrderRefused   something of what was asked is wrong; `faults` has the problem of each field, "" for the whole
"""

from __future__ import annotations

import logging
from datetime import date, datetime, tzinfo

from sqlalchemy import Engine

from core.bounds import visible
from core.cache.case_rows import Case, events_of_case, lock_cases
from core.cache.catalogue import load_catalogue
from core.cache.order_rows import Order, add_order, expect_order, order_in, unwatch, withdraw_message
from core.cache.sql import Transaction, transaction
from core.cases.changes import bounded
from core.cases.delivery import Baseline, order_data, progress_of
from core.cases.order_draft import Draft, OrderRefused, OrderRequest, draft_of, expected_fault
from core.cases.order_sending import queue_order
from core.cases.transitions import WITH_ORDER
from core.cases.writing import CaseRefused, need_case, write
from core.problems import Problem
from core.roles import Action, Actor

__all__ = ["Draft", "OrderRefused", "OrderRequest", "cancel", "confirm", "place", "preview"]

log = logging.getLogger(__name__)

LONGEST_REFERENCE, LONGEST_REASON = 100, 500


def preview(engine: Engine, actor: Actor, request: OrderRequest, now: datetime, zone: tzinfo) -> Draft:
    """Return exactly what would be ordered, with warnings. Raises NotAllowed, CaseUnknown, OrderRefused."""
    actor.need(Action.CASES)
    catalogue, _ = load_catalogue(engine)
    with transaction(engine) as connection:
        return draft_of(connection, request, actor, catalogue, now, zone)


def place(
    engine: Engine, actor: Actor, request: OrderRequest, now: datetime, zone: tzinfo, *, expected: int | None = None
) -> Order:
    """Place the order and return it; the order that is there already if its key was used.

    `expected` is the version of the first case that the actor has seen. Raises NotAllowed, CaseUnknown, CaseChanged,
    CaseRefused, OrderRefused, DatabaseError.
    """
    actor.need(Action.CASES)
    catalogue, _ = load_catalogue(engine)
    with transaction(engine) as connection:
        lock_cases(connection)
        if before := order_in(connection, request.order_key):
            return _repeated(before, actor, request)
        versions = {case_id: expected if not place else None for place, case_id in enumerate(request.quantities)}
        cases = [need_case(connection, case_id, version) for case_id, version in versions.items()]
        draft = draft_of(connection, request, actor, catalogue, now, zone)
        _need_seen(draft, request, cases, expected)
        warned = [warning.code for warning in draft.warnings]
        for case, line in zip(cases, draft.content.lines, strict=True):
            data = order_data(draft.order.order_key, line.quantity, Baseline(line.baseline, case.delivered))
            write(connection, case, "ordered", {**data, **_told(draft.order), "warned": warned}, actor, now)
        add_order(connection, draft.order)
        queue_order(connection, draft.order, draft.content, draft.distributor, now)
    log.info("%s placed an order by %s", actor.shown, draft.order.how)
    return draft.order


def _told(order: Order) -> dict[str, str]:
    """Return what the event says of the order, beside its quantity and baseline."""
    return {
        "distributor": order.distributor,
        "how": order.how,
        "term": order.term,
        "reference": order.reference,
        "expected_at": order.expected_at.isoformat(),
    }


def _repeated(before: Order, actor: Actor, request: OrderRequest) -> Order:
    """Return the order that was placed with this key, if the same person asks for the same again."""
    quantities = {line["case_id"]: line["quantity"] for line in before.lines}
    numbers = {line["number"]: line["quantity"] for line in before.lines}
    if before.created_by == actor.name and dict(request.quantities) in (quantities, numbers):
        return before
    raise CaseRefused(Problem("order.placed_already", {"key": before.order_key, "name": before.created_by_name}))


def _need_seen(draft: Draft, request: OrderRequest, cases: list[Case], expected: int | None) -> None:
    """Raise CaseRefused if the actor has not seen that an order is there already."""
    key = draft.order.order_key
    if request.order_key and request.order_key != key:
        raise CaseRefused(Problem("order.other_key", {"number": cases[0].number, "key": key}))
    if expected is None and not request.order_key and any(case.under_way for case in cases):
        raise CaseRefused(Problem("order.under_way", {"number": cases[0].number}))


def confirm(
    engine: Engine, actor: Actor, order_key: str, reference: str, expected_at: date, now: datetime, zone: tzinfo
) -> Order:
    """Note the distributor's number of an order and the day until which it is to come; return the order.

    Raises NotAllowed, OrderRefused, CaseRefused, DatabaseError.
    """
    actor.need(Action.CASES)
    reference = bounded(reference, LONGEST_REFERENCE)
    if problem := expected_fault(expected_at, now, zone):
        raise OrderRefused({"expected_at": problem})
    with transaction(engine) as connection:
        order, cases = _under_way(connection, order_key)
        data = {"order_key": order.order_key, "reference": reference, "expected_at": expected_at.isoformat()}
        for case in cases:
            write(connection, case, "order_confirmed", data, actor, now)
        expect_order(connection, order.order_key, reference, expected_at)
        stored = order_in(connection, order.order_key)
    return stored or order


def cancel(engine: Engine, actor: Actor, order_key: str, reason: str, now: datetime) -> bool:
    """Take an order back that was not accepted: what is under way of its cases is approved again.

    Returns True if its message had not gone out yet, and never will. Raises NotAllowed, OrderRefused, CaseRefused.
    """
    actor.need(Action.CASES)
    data = {"reason": bounded(reason, LONGEST_REASON), "order_key": order_key}
    with transaction(engine) as connection:
        order, cases = _under_way(connection, order_key)
        withdrawn = withdraw_message(connection, order.order_key, Problem("order.withdrawn"))
        for case in cases:
            active = case if case.state in WITH_ORDER else write(connection, case, "returned", data, actor, now)
            write(connection, active, "returned", data, actor, now)  # if it was postponed: the second time
        unwatch(connection, order.order_key)
    return withdrawn


def _under_way(connection: Transaction, order_key: str) -> tuple[Order, list[Case]]:
    """Return the order with its cases in which it is under way, locked. Raises OrderRefused, CaseRefused."""
    lock_cases(connection)
    order = order_in(connection, order_key)
    if order is None:
        raise OrderRefused({"": Problem("order.unknown", {"key": visible(order_key)[:64]})})
    cases = [
        need_case(connection, case_id)
        for case_id in order.case_ids
        if any(
            one.order_key == order.order_key and one.under_way
            for one in progress_of(events_of_case(connection, case_id))
        )
    ]
    if not cases:
        raise CaseRefused(Problem("order.not_under_way", {"key": order.order_key}))
    return order, cases
