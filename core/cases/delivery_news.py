"""Messages about what has come: all that was ordered, more, or a part; written with the reading that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.cache.case_rows import Case, CaseEvent
from core.cache.desk_queries import ToldTenant, told_tenants
from core.cache.sql import Transaction
from core.cases.alarms import ProductName
from core.messages.outbox import channels_for, queue_to_desk
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


def write_deliveries(
    connection: Transaction, arrivals: Sequence[tuple[Case, Arrival]], product: ProductName
) -> int:  # fmt: skip
    """Write the news about these cases; return how many messages are new."""
    channels = channels_for(connection, NEWS) if arrivals else []
    if not channels:
        return 0
    tenants, count = told_tenants(connection, {case.tenant_id for case, _ in arrivals}), 0
    for case, arrival in arrivals:
        tenant = tenants.get(case.tenant_id) or ToldTenant(case.tenant_id, "", ())
        count += queue_to_desk(
            connection, NEWS, KIND, f"{KIND}:{case.case_id}:{arrival.at}",
            lambda language, case=case, arrival=arrival, tenant=tenant: delivery_texts(  # type: ignore[misc]
                case, arrival, tenant, product, language
            ),
            case.changed_at, tenant_id=case.tenant_id, recipients=tenant.recipients,
            data={"caseId": case.case_id, "number": case.number, **arrival._asdict()}, channels=channels,
        )  # fmt: skip
    return count


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
