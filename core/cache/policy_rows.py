"""The policies in the database: one for each scope (all, a tenant, a product of a tenant)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, delete, insert, select

from core.cache.audit_rows import Entry, append
from core.cache.schema import policies
from core.cache.sql import bump, transaction, upsert
from core.licenses.policies import Policy, Rules, Scope


def all_policies(engine: Engine) -> list[Policy]:
    """Every policy, also those whose last day is over; the widest first."""
    query = select(policies).order_by(policies.c.tenant_id, policies.c.sku_id)
    with transaction(engine) as connection:
        return [Policy(**row) for row in connection.execute(query).mappings()]


def rules_at(engine: Engine, now: datetime, zone: tzinfo) -> Rules:
    """The policies that count today; asked once for a refresh or a frame."""
    return Rules.of(all_policies(engine), now.astimezone(zone).date())


# Whatever stands there now; a caller that has seen what stands there names its `created_at`, None for nothing.
ANY_VERSION: Final = "any"
Version = datetime | None | Literal["any"]


class OtherVersion(Exception):
    """Somebody else has changed, ended or made the policy meanwhile; nothing was changed."""


def save_policy(
    engine: Engine, policy: Policy, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> None:  # fmt: skip
    """Add it, or put it in the place of the one with the same scope. Raises OtherVersion."""
    with transaction(engine) as connection:
        bump(connection)  # first: it takes the write lock, and nobody else changes what is read next
        before = _stored(connection, policy.scope, version)
        upsert(connection, policies, [asdict(policy)])
        append(connection, entry.changed(before, document_of(policy)), at)


def delete_policy(
    engine: Engine, scope: Scope, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> bool:  # fmt: skip
    """End a policy; False when somebody else has ended it already. Raises OtherVersion."""
    with transaction(engine) as connection:
        bump(connection)
        before = _stored(connection, scope, version, gone_is_fine=True)
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


def _stored(
    connection: Connection, scope: Scope, version: Version, *, gone_is_fine: bool = False
) -> dict[str, Any] | None:  # fmt: skip
    row = connection.execute(select(policies).where(*_at(scope))).mappings().first()
    now = row["created_at"] if row else None
    if version not in (ANY_VERSION, now) and not (row is None and gone_is_fine):
        raise OtherVersion(scope)
    return document_of(Policy(**row)) if row else None


def _at(scope: Scope) -> tuple[Any, Any]:
    return policies.c.tenant_id == scope[0], policies.c.sku_id == scope[1]
