"""Messages about what has come: all that was ordered, more, or a part; written with the reading that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.cache.case_rows import Case, CaseEvent
from core.cache.desk_queries import ToldTenant
from core.cache.sql import Transaction
from core.cases.desk_news import News, ProductName, tell_desk
from core.messages.routes import NEWS
from core.messages.wording import number, one_line, subject_and_body

KIND = "delivery"


class Arrival(NamedTuple):
    """Seats that have come for an order: `what` is delivered, delivered_more or partly_delivered.

    `at`: the number of the event that says so. `ordered`: seats of all orders of the case until then.
    """

    what: str
    at: int
    delivered: int
    ordered: int
    surplus: int = 0


def arrival_of(before: Case | None, events: Sequence[CaseEvent]) -> Arrival | None:
    """Return what these new events of a case say has come; None if nothing has."""
    if before is None or not before.under_way:
        return None
    for event in events:
        if event.kind == "delivered":
            surplus = int(event.data.get("surplus") or 0)
            what = "delivered_more" if surplus else "delivered"
            return Arrival(what, event.seq, event.data["delivered"], before.ordered, surplus)
    for event in events:
        if event.kind == "units_seen" and event.data.get("delivered", 0) > before.delivered:
            return Arrival("partly_delivered", event.seq, event.data["delivered"], before.ordered)
    return None


def write_deliveries(connection: Transaction, arrivals: Sequence[tuple[Case, Arrival]], product: ProductName) -> int:
    """Write the news about these cases; return how many messages are new."""

    def news(case: Case, arrival: Arrival) -> News:
        data = {"caseId": case.case_id, "number": case.number, **arrival._asdict()}
        return News(
            case, str(arrival.at), lambda tenant, language: delivery_texts(case, arrival, tenant, product, language),
            lambda _: data,
        )  # fmt: skip

    return tell_desk(connection, NEWS, KIND, [news(case, arrival) for case, arrival in arrivals])


def delivery_texts(
    case: Case, arrival: Arrival, tenant: ToldTenant, product: ProductName, language: str
) -> tuple[str, str]:  # fmt: skip
    """Return subject and body of the news."""
    values = {
        "tenant": one_line(tenant.name),
        "product": one_line(product(case.sku_id, case.sku_part_number, language)),
        "number": case.number,
        "delivered": number(arrival.delivered, language),
        "ordered": number(arrival.ordered, language),
        "surplus": number(arrival.surplus, language),
        "missing": number(max(0, arrival.ordered - arrival.delivered), language),
    }
    return subject_and_body(arrival.what, language, values)
