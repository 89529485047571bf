"""What has been delivered, by what the readings show. Pure functions.

A reading shows the seats that a tenant has, not where they came from. So delivered is what there is more than when the
newest order was placed, on top of what its case had got by then. Seats that have arrived stay delivered, whatever goes
afterwards; older orders of the case are filled first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from core.cache.case_rows import Case, CaseEvent
from core.cases.spans import in_order

State = Literal["under_way", "delivered", "cancelled", "short"]


class Baseline(NamedTuple):
    """What there was when the newest order of a case was placed: seats of the tenant, delivered seats of the case."""

    enabled: int
    delivered: int = 0


class Delivery(NamedTuple):
    """Seats of a case that have been delivered, and those that came beyond what was ordered."""

    delivered: int
    surplus: int = 0


def baseline_of(ordered: CaseEvent) -> Baseline | None:
    """Return the baseline in an event `ordered`; None if it has none, then only people say what was delivered."""
    data = ordered.data
    return Baseline(data["baseline"], data.get("delivered_before", 0)) if "baseline" in data else None


def delivery(case: Case, baseline: Baseline, enabled: int) -> Delivery:
    """Return what has been delivered if the tenant has `enabled` seats."""
    arrived = baseline.delivered + max(0, enabled - baseline.enabled)
    return Delivery(max(case.delivered, min(arrived, case.ordered)), max(0, arrived - case.ordered))


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """What has become of an order of a case; it is short if the case has ended without the rest."""

    order_key: str
    quantity: int
    delivered: int = 0
    state: State = "under_way"

    @property
    def under_way(self) -> int:
        return self.quantity - self.delivered if self.state == "under_way" else 0


def progress_of(events: Iterable[CaseEvent]) -> list[OrderProgress]:
    """Return the orders of a case with what has become of each, the oldest first."""
    orders: list[OrderProgress] = []
    delivered = 0  # of the case, since it was opened or opened again
    for event, case in in_order(events):
        if event.kind == "ordered":
            orders.append(OrderProgress(event.data.get("order_key", ""), event.data["quantity"]))
        if event.kind == "reopened":
            delivered = 0
        orders = _filled(orders, case.delivered - delivered)
        delivered = case.delivered
        if case.under_way == 0:
            orders = [_ended(order, case) for order in orders]
    return orders


def _filled(orders: list[OrderProgress], seats: int) -> list[OrderProgress]:
    """Return the orders with these seats more, which fill the oldest ones first."""
    filled = []
    for order in orders:
        taken = min(max(0, seats), order.under_way)
        seats -= taken
        full = order.state == "under_way" and taken == order.under_way
        state: State = "delivered" if full else order.state
        filled.append(replace(order, delivered=order.delivered + taken, state=state))
    return filled


def _ended(order: OrderProgress, case: Case) -> OrderProgress:
    if order.state != "under_way":
        return order
    return replace(order, state="cancelled" if case.is_open else "short")


def order_data(order_key: str, quantity: int, baseline: Baseline) -> dict[str, Any]:
    """Return what an event `ordered` must have for the functions above."""
    return {
        "order_key": order_key,
        "quantity": quantity,
        "baseline": baseline.enabled,
        "delivered_before": baseline.delivered,
    }
