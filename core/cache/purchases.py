"""What the refresh writes of subscriptions: when they renew, and which are only a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, update

from core.cache.schema import subscriptions, tenants
from core.cache.sql import transaction, upsert
from core.licenses.units import Subscription
from core.problems import Problem

SUBSCRIPTION_FIELDS = tuple(field.name for field in fields(Subscription))


@dataclass(frozen=True, slots=True)
class Purchases:
    """What a tenant answered about its subscriptions. `found` is None when they may not be read, `problem` says why."""

    tenant_id: str
    found: Sequence[Subscription] | None
    read_at: datetime
    problem: Problem | None = None


def save_subscriptions(engine: Engine, answers: Sequence[Purchases]) -> None:
    """Replace the subscriptions of the tenants that told them, and note when they were asked; in one transaction."""
    if not answers:
        return
    told = [answer for answer in answers if answer.found is not None]
    rows = [{"tenant_id": answer.tenant_id, **_columns(row)} for answer in told for row in answer.found or ()]
    marks = [
        {"tenant": answer.tenant_id, "at": answer.read_at, "why": answer.problem.to_json() if answer.problem else None}
        for answer in answers
    ]
    statement = update(tenants).where(tenants.c.tenant_id == bindparam("tenant"))
    with transaction(engine) as connection:
        connection.execute(
            statement.values(subscriptions_read_at=bindparam("at"), subscriptions_problem=bindparam("why")), marks
        )
        ids = [answer.tenant_id for answer in told]
        connection.execute(delete(subscriptions).where(subscriptions.c.tenant_id.in_(ids)))
        upsert(connection, subscriptions, rows)


def _columns(row: Subscription) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SUBSCRIPTION_FIELDS}
