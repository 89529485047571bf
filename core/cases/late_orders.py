"""Tell once that an order is late: its case gets an event, the licence desk a message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, tzinfo

from sqlalchemy import Engine

from core.cache.case_rows import Case, events_of_case, lock_cases
from core.cache.desk_queries import told_tenants
from core.cache.order_rows import Order, late_orders, order_in, unwatch
from core.cache.sql import Transaction, transaction
from core.cases.delivery import progress_of
from core.cases.product_events import PRODUCT
from core.cases.writing import need_case, write
from core.messages.outbox import queue_to_desk
from core.messages.routes import NEWS
from core.messages.wording import day_of, number, one_line, subject_and_body

log = logging.getLogger(__name__)

KIND = "late_order"


def tell_late_orders(engine: Engine, zone: tzinfo, now: datetime) -> int:
    """Tell of each order that should have come by now; return how many there are. Raises DatabaseError."""
    today = now.astimezone(zone).date()
    count = 0
    for order_key in late_orders(engine, today):
        with transaction(engine) as connection:
            lock_cases(connection)
            order = order_in(connection, order_key)
            if order is not None and order.watched_until is not None and order.watched_until < today:
                count += _tell(connection, order, now)
                unwatch(connection, order_key)
    if count:
        log.info("%d orders are late", count)
    return count


def _tell(connection: Transaction, order: Order, now: datetime) -> bool:
    """Write the events and the message; return False if nothing of the order is under way any more."""
    waiting: list[tuple[Case, int]] = []
    for case_id in order.case_ids:
        progress = progress_of(events_of_case(connection, case_id))
        seats = sum(one.under_way for one in progress if one.order_key == order.order_key)
        if seats:
            case = need_case(connection, case_id)
            waiting.append((case, seats))
            if case.state != "postponed":
                data = {"what": "late", "order_key": order.order_key, "expected_at": order.expected_at.isoformat()}
                write(connection, case, "reminded", data, PRODUCT, now, who="product")
    if waiting:
        _queue(connection, order, waiting, now)
    return bool(waiting)


def _queue(connection: Transaction, order: Order, waiting: Sequence[tuple[Case, int]], now: datetime) -> None:
    tenant = told_tenants(connection, [order.tenant_id]).get(order.tenant_id)
    seats = sum(count for _, count in waiting)

    def texts(language: str) -> tuple[str, str]:
        values = {
            "tenant": one_line(tenant.name if tenant else order.tenant_id),
            "count": number(seats, language),
            "cases": ", ".join(case.number for case, _ in waiting),
            "key": order.order_key,
            "reference": order.reference or "–",
            "distributor": one_line(order.distributor) or "–",
            "day": day_of(order.expected_at, language),
        }
        return subject_and_body("late_order", language, values)

    queue_to_desk(
        connection, NEWS, KIND, f"{KIND}:{order.order_key}:{order.expected_at.isoformat()}", texts, now,
        tenant_id=order.tenant_id, recipients=tenant.recipients if tenant else (),
        data={"orderKey": order.order_key, "cases": [case.number for case, _ in waiting], "underWay": seats},
    )  # fmt: skip
