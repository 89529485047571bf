"""Conditions about orders: deliveries that should have come. Pure functions of facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.attention.condition import Condition, count_and_names
from core.cache.order_rows import OrderUnderWay
from core.problems import Problem

SUBJECT = "orders"


def order_conditions(late: Sequence[OrderUnderWay]) -> Iterator[Condition]:
    """Yield one condition for all late orders: where a distributor has to be asked."""
    if len(late) == 1:
        (order,) = late
        problem = Problem("order.late", {"tenant": order.tenant, "distributor": order.distributor or "–"})
        yield Condition("warning", problem, SUBJECT, moments={"day": order.expected_at})
    elif late:
        names = count_and_names(list({order.tenant for order in late}))
        problem = Problem("order.late_many", names | {"count": str(len(late))})
        yield Condition("warning", problem, SUBJECT, moments={"day": min(order.expected_at for order in late)})
