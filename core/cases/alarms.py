"""Messages about new shortages, written with the reading that shows them: one for each opening of a case.

With SharePoint the flow tells as well; without it these messages are the alarm, and their delivery is what tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from core.cache.case_rows import Case, CaseEvent
from core.cache.desk_queries import ToldTenant
from core.cache.sql import Transaction
from core.cases.demand import CRITICAL, HIGH
from core.cases.desk_news import News, ProductName, tell_desk
from core.messages.routes import URGENT
from core.messages.wording import moment, number, one_line, subject_and_body

KIND = "alarm"


class NewAlarm(NamedTuple):
    """A case whose shortage is to be told; `opening` says which one: the number of the event that opened it."""

    case: Case
    opening: str


def opening_of(case: Case, events: Sequence[CaseEvent], cause: str) -> str:
    """Return which opening of the case these new events of an alarming reading begin; "" if none is to be told.

    A case that was opened ahead of time is told once, when its licence runs out. `cause`: that of a case which would
    open now; only "shortage" is told at once.
    """
    if case.priority not in (CRITICAL, HIGH) or cause != "shortage":
        return ""
    if case.cause == "ahead":
        return "ahead"
    return next((str(event.seq) for event in events if event.kind in ("opened", "reopened")), "")


def write_alarms(connection: Transaction, alarms: Sequence[NewAlarm], product: ProductName, zone: tzinfo) -> int:
    """Write the messages about these cases; return how many are new."""

    def news(case: Case, opening: str) -> News:
        return News(
            case, opening, lambda tenant, language: alarm_texts(case, tenant, product, language, zone),
            lambda tenant: alarm_data(case, tenant, product),
        )  # fmt: skip

    return tell_desk(connection, URGENT, KIND, [news(*alarm) for alarm in alarms])


def alarm_texts(
    case: Case, tenant: ToldTenant, product: ProductName, language: str, zone: tzinfo
) -> tuple[str, str]:  # fmt: skip
    """Return subject and body of the message about a shortage."""
    values = {
        "tenant": one_line(tenant.name),
        "product": one_line(product(case.sku_id, case.sku_part_number, language)),
        "sku_part_number": case.sku_part_number,
        "number": case.number,
        "free": number(case.free, language),
        "enabled": number(case.enabled, language),
        "under_way": number(case.under_way, language),
        "waiting": number(case.waiting, language),
        "missing": number(case.missing, language),
        "quantity": number(case.quantity, language),
        "since": moment(case.short_since or case.opened_at, language, zone),
    }
    return subject_and_body("alarm_over" if case.free < 0 else "alarm", language, values)


def alarm_data(case: Case, tenant: ToldTenant, product: ProductName) -> dict[str, Any]:
    """Return what a program gets about a shortage."""
    return {
        "caseId": case.case_id,
        "number": case.number,
        "version": case.version,
        "tenantId": case.tenant_id,
        "tenant": tenant.name,
        "skuId": case.sku_id,
        "partNumber": case.sku_part_number,
        "product": product(case.sku_id, case.sku_part_number, "en"),
        "priority": case.priority,
        "free": case.free,
        "enabled": case.enabled,
        "underWay": case.under_way,
        "waiting": case.waiting,
        "missing": case.missing,
        "quantity": case.quantity,
        "openedAt": case.opened_at.isoformat(),
    }
