"""The policies in the database: one for each scope (all, a tenant, a product of a tenant)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo

from sqlalchemy import Engine, delete, insert, select

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


def save_policy(engine: Engine, policy: Policy) -> None:
    """Add it, or put it in the place of the one with the same scope."""
    with transaction(engine) as connection:
        upsert(connection, policies, [asdict(policy)])
        bump(connection)


def delete_policy(engine: Engine, scope: Scope) -> bool:
    """End a policy; False when somebody else has ended it already."""
    tenant_id, sku_id = scope
    with transaction(engine) as connection:
        where = (policies.c.tenant_id == tenant_id) & (policies.c.sku_id == sku_id)
        found = connection.execute(delete(policies).where(where)).rowcount == 1
        bump(connection)
    return found


def replace_policies(engine: Engine, wanted: Sequence[Policy]) -> None:
    """Put these in the place of all there are, in one transaction."""
    with transaction(engine) as connection:
        connection.execute(delete(policies))
        if wanted:
            connection.execute(insert(policies), [asdict(policy) for policy in wanted])
        bump(connection)
