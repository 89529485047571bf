"""Table of the orders: written in the transaction of the event that orders, changed when the distributor answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update

from core.bounds import visible
from core.cache.case_reads import ReadOnce
from core.cache.case_rows import AT_A_TIME, CaseEvent
from core.cache.message_rows import fail_waiting
from core.cache.schema import case_events, cases, messages, orders, tenants
from core.cache.sql import data_version, transaction
from core.cache.tenant_rows import HIDDEN
from core.problems import Problem


@dataclass(frozen=True, slots=True)
class Order:
    """An order; each field is described at its column in core.cache.schema. `lines` are documents of OrderLine."""

    order_key: str
    tenant_id: str
    distributor_id: str
    distributor: str
    how: str
    recipient: str
    lines: Sequence[Mapping[str, Any]]
    term: str
    cost_centre: str
    customer_number: str
    mca_accepted: bool
    subject: str
    body: str
    csv: str
    created_at: datetime
    created_by: str
    created_by_name: str
    reference: str
    expected_at: date
    watched_until: date | None

    @property
    def case_ids(self) -> list[str]:
        return [str(line["case_id"]) for line in self.lines]

    @property
    def is_sent(self) -> bool:
        """Return True if the product sends it, so that it has a message."""
        return self.how in ("mail", "webhook")


_COLUMNS = [orders.c[one.name] for one in fields(Order)]


def add_order(connection: Connection, order: Order) -> None:
    connection.execute(insert(orders), asdict(order))


def order_in(connection: Connection, order_key: str) -> Order | None:
    """Return the order with this key; None if there is none."""
    row = connection.execute(select(*_COLUMNS).where(orders.c.order_key == visible(order_key))).first()
    return Order(*row) if row else None


def orders_by_key(engine: Engine, order_keys: Collection[str]) -> dict[str, Order]:
    """Return order key -> order."""
    with transaction(engine) as connection:
        rows = connection.execute(select(*_COLUMNS).where(orders.c.order_key.in_(sorted(order_keys))))
        return {row.order_key: Order(*row) for row in rows}


def expect_order(connection: Connection, order_key: str, reference: str, expected_at: date) -> None:
    """Store the distributor's number of the order, and the day until which it is expected."""
    values = {"reference": reference, "expected_at": expected_at, "watched_until": expected_at}
    connection.execute(update(orders).where(orders.c.order_key == order_key).values(values))


def late_orders(engine: Engine, today: date) -> list[str]:
    """Return the keys of the orders whose day is over, and whose delay nobody was told of."""
    with transaction(engine) as connection:
        query = select(orders.c.order_key).where(orders.c.watched_until < today).order_by(orders.c.order_key)
        return list(connection.execute(query).scalars())


class OrderUnderWay(NamedTuple):
    """The newest order of a case that waits for seats."""

    tenant: str
    distributor: str
    expected_at: date


_under_way: ReadOnce[Collection[OrderUnderWay]] = ReadOnce()


def overdue_orders(engine: Engine, today: date) -> list[OrderUnderWay]:
    """Return the orders whose day is over while seats of their cases are under way, the latest first.

    Of each case its newest order counts. Raises DatabaseError.
    """
    key = data_version(engine)  # for a tenant that has another name, or is not shown any more
    under_way = _under_way.of(engine, lambda: _orders_under_way(engine), key)
    return sorted((one for one in under_way if one.expected_at < today), key=lambda one: one.expected_at)


def _orders_under_way(engine: Engine) -> Collection[OrderUnderWay]:
    waits = cases.c.closed_at.is_(None) & (cases.c.ordered > cases.c.delivered) & cases.c.tenant_id.not_in(HIDDEN)
    columns = (orders.c.order_key, orders.c.lines, tenants.c.name, orders.c.distributor, orders.c.expected_at)
    query = select(*columns).join(tenants, tenants.c.tenant_id == orders.c.tenant_id)
    of_waiting = orders.c.tenant_id.in_(select(cases.c.tenant_id).where(waits))
    newest: dict[str, Any] = {}
    with transaction(engine) as connection:
        waiting = set(connection.execute(select(cases.c.case_id).where(waits)).scalars())
        for row in connection.execute(query.where(of_waiting).order_by(orders.c.created_at)) if waiting else ():
            newest |= {line["case_id"]: row for line in row.lines if line["case_id"] in waiting}
    return {row.order_key: OrderUnderWay(*row[2:]) for row in newest.values()}.values()


def unwatch(connection: Connection, order_key: str) -> None:
    """Look no longer whether the order is late."""
    connection.execute(update(orders).where(orders.c.order_key == order_key).values(watched_until=None))


def withdraw_message(connection: Connection, order_key: str, why: Problem) -> bool:
    """Give up the message of the order if it still waits; return True if it did."""
    return fail_waiting(connection, messages.c.message_id == order_key, why) > 0


def withdraw_orders_of(connection: Connection, case_id: str, why: Problem) -> None:
    """Give up the messages that still wait of orders for this case alone."""
    query = select(case_events.c.data).where(case_events.c.case_id == case_id, case_events.c.kind == "ordered")
    for data in connection.execute(query).scalars():
        order = order_in(connection, data.get("order_key", ""))
        if order is not None and len(order.lines) == 1:
            withdraw_message(connection, order.order_key, why)


def newest_orders(connection: Connection, case_ids: Collection[str]) -> dict[str, CaseEvent]:
    """Return case id -> its newest event `ordered`."""
    columns = [case_events.c[one.name] for one in fields(CaseEvent)]
    ordered = sorted(case_ids)
    found: dict[str, CaseEvent] = {}
    for start in range(0, len(ordered), AT_A_TIME):
        piece = case_events.c.case_id.in_(ordered[start : start + AT_A_TIME])
        query = select(*columns).where(piece, case_events.c.kind == "ordered").order_by(case_events.c.seq)
        found |= {row.case_id: CaseEvent(*row) for row in connection.execute(query)}
    return found
