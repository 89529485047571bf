"""Store the subscriptions of tenants: renewal dates and trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from core.cache.schema import subscriptions, tenants
from core.cache.sql import transaction, upsert
from core.licenses.units import Subscription
from core.problems import Problem

SUBSCRIPTION_FIELDS = tuple(field.name for field in fields(Subscription))


@dataclass(frozen=True, slots=True)
class SubscriptionReading:
    """The subscriptions of a tenant; `subscriptions` is None if they could not be read, `problem` has the reason."""

    tenant_id: str
    subscriptions: Sequence[Subscription] | None
    read_at: datetime
    problem: Problem | None = None


def save_subscriptions(engine: Engine, answers: Sequence[SubscriptionReading]) -> None:
    """Replace the subscriptions of the tenants that could be read and store the time; in one transaction."""
    if not answers:
        return
    readable = [answer for answer in answers if answer.subscriptions is not None]
    rows = [
        {"tenant_id": answer.tenant_id, **_columns(row)} for answer in readable for row in answer.subscriptions or ()
    ]
    marks = [
        {"tenant": answer.tenant_id, "at": answer.read_at, "why": answer.problem.to_json() if answer.problem else None}
        for answer in answers
    ]
    statement = update(tenants).where(tenants.c.tenant_id == bindparam("tenant"))
    with transaction(engine) as connection:
        connection.execute(
            statement.values(subscriptions_read_at=bindparam("at"), subscriptions_problem=bindparam("why")), marks
        )
        ids = [answer.tenant_id for answer in readable]
        connection.execute(delete(subscriptions).where(subscriptions.c.tenant_id.in_(ids)))
        upsert(connection, subscriptions, rows)


def subscriptions_in(connection: Connection, tenant_id: str, sku_id: str) -> list[Subscription]:
    """Return the subscriptions of a licence as last read."""
    query = select(*(subscriptions.c[name] for name in SUBSCRIPTION_FIELDS))
    of_license = subscriptions.c.tenant_id == tenant_id, subscriptions.c.sku_id == sku_id
    return [Subscription(*row) for row in connection.execute(query.where(*of_license))]


def _columns(row: Subscription) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SUBSCRIPTION_FIELDS}
