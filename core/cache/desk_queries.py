"""What messages to the licence desk say about tenants and open cases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from core.cache.case_rows import COLUMNS, Case
from core.cache.level_rows import effective_level
from core.cache.schema import cases, levels, tenants
from core.licenses.judge import SHORT_STAGES


class ToldTenant(NamedTuple):
    """A tenant in a message; `recipients` are those of its level."""

    name: str
    slug: str
    recipients: Sequence[str]


class DigestCase(NamedTuple):
    """An open case with its next step and the name of its tenant."""

    case: Case
    next_action: str
    due_at: datetime | None
    tenant: str


def told_tenants(connection: Connection, tenant_ids: Collection[str]) -> dict[str, ToldTenant]:
    """Return tenant id -> what a message says about the tenant."""
    query = (
        select(tenants.c.tenant_id, tenants.c.name, tenants.c.slug, levels.c.recipients)
        .outerjoin(levels, levels.c.key == effective_level())
        .where(tenants.c.tenant_id.in_(sorted(tenant_ids)))
    )
    return {row[0]: ToldTenant(row[1], row[2], tuple(row[3] or ())) for row in connection.execute(query)}


def digest_cases(connection: Connection) -> list[DigestCase]:
    """Return the open cases that are not muted.

    Muted are those of tenants that are not monitored or not read, and those whose shortage no longer alarms.
    """
    muted_by_rule = (cases.c.missing > 0) & cases.c.stage.not_in(SHORT_STAGES)
    query = (
        select(*COLUMNS, cases.c.next_action, cases.c.due_at, tenants.c.name)
        .join(tenants)
        .where(cases.c.closed_at.is_(None), tenants.c.has_profile, tenants.c.enabled)
        .where(or_(tenants.c.monitored, cases.c.cause == "ahead"), ~muted_by_rule)
    )
    return [DigestCase(Case(*row[:-3]), *row[-3:]) for row in connection.execute(query)]
