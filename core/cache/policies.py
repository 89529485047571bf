"""The policies in the database: one for each scope (all, a tenant, a product of a tenant)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from core.cache.audit import Entry, append
from core.cache.schema import policies
from core.cache.sql import bump, transaction, upsert
from core.policies import Policy, Rules, Scope


def all_policies(engine: Engine) -> list[Policy]:
    """Every policy, also those whose last day is over; the widest first."""
    query = select(policies).order_by(policies.c.tenant_id, policies.c.sku_id)
    with transaction(engine) as connection:
        return [Policy(**row) for row in connection.execute(query).mappings()]


def rules_at(engine: Engine, now: datetime, zone: tzinfo) -> Rules:
    """The policies that count today; asked once for a refresh or a frame."""
    return Rules.of(all_policies(engine), now.astimezone(zone).date())


def save_policy(engine: Engine, policy: Policy, entry: Entry, at: datetime) -> None:
    """Add it, or put it in the place of the one with the same scope."""
    with transaction(engine) as connection:
        bump(connection)  # first: it takes the write lock, and nobody else changes what is read next
        before = _stored(connection, policy.scope)
        upsert(connection, policies, [asdict(policy)])
        append(connection, entry.changed(before, document_of(policy)), at)


def delete_policy(engine: Engine, scope: Scope, entry: Entry, at: datetime) -> bool:
    """End a policy; False when somebody else has ended it already."""
    with transaction(engine) as connection:
        bump(connection)
        before = _stored(connection, scope)
        if before is not None:
            connection.execute(delete(policies).where(*_at(scope)))
            append(connection, entry.changed(before, None), at)
    return before is not None


def replace_policies(engine: Engine, wanted: Sequence[Policy], entry: Entry, at: datetime) -> None:
    """Put these in the place of all there are, in one transaction."""
    with transaction(engine) as connection:
        bump(connection)
        before = [document_of(Policy(**row)) for row in connection.execute(select(policies)).mappings()]
        connection.execute(delete(policies))
        if wanted:
            connection.execute(insert(policies), [asdict(policy) for policy in wanted])
        append(connection, entry.changed(before, [document_of(policy) for policy in wanted]), at)


def document_of(policy: Policy) -> dict[str, Any]:
    """What a policy says, for the audit; empty fields are left out."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(policy).items()
        if value not in (None, "")
    }


def _stored(connection: Connection, scope: Scope) -> dict[str, Any] | None:
    row = connection.execute(select(policies).where(*_at(scope))).mappings().first()
    return document_of(Policy(**row)) if row else None


def _at(scope: Scope) -> tuple[Any, Any]:
    return policies.c.tenant_id == scope[0], policies.c.sku_id == scope[1]
