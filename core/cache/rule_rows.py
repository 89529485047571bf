"""The rules in the database: one for each scope (all, a tenant, a product of a tenant)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, delete, insert, select

from core.cache.audit_rows import Entry, append
from core.cache.schema import rules
from core.cache.sql import bump, transaction, upsert
from core.licenses.alarm_rules import Rule, Rules, Scope


def all_rules(engine: Engine) -> list[Rule]:
    """Every rule, also those whose last day is over; the widest first."""
    query = select(rules).order_by(rules.c.tenant_id, rules.c.sku_id)
    with transaction(engine) as connection:
        return [Rule(**row) for row in connection.execute(query).mappings()]


def rules_at(engine: Engine, now: datetime, zone: tzinfo) -> Rules:
    """The rules that count today; asked once for a refresh or a frame."""
    return Rules.of(all_rules(engine), now.astimezone(zone).date())


# Whatever stands there now; a caller that has seen what stands there names its `created_at`, None for nothing.
ANY_VERSION: Final = "any"
Version = datetime | None | Literal["any"]


class OtherVersion(Exception):
    """Somebody else has changed, ended or made the rule meanwhile; nothing was changed."""


def save_rule(
    engine: Engine, rule: Rule, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> None:  # fmt: skip
    """Add it, or put it in the place of the one with the same scope. Raises OtherVersion."""
    with transaction(engine) as connection:
        bump(connection)  # first: it takes the write lock, and nobody else changes what is read next
        before = _stored(connection, rule.scope, version)
        upsert(connection, rules, [asdict(rule)])
        append(connection, entry.changed(before, document_of(rule)), at)


def delete_rule(
    engine: Engine, scope: Scope, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> bool:  # fmt: skip
    """End a rule; False when somebody else has ended it already. Raises OtherVersion."""
    with transaction(engine) as connection:
        bump(connection)
        before = _stored(connection, scope, version, gone_is_fine=True)
        if before is not None:
            connection.execute(delete(rules).where(*_at(scope)))
            append(connection, entry.changed(before, None), at)
    return before is not None


def replace_rules(engine: Engine, wanted: Sequence[Rule], entry: Entry, at: datetime) -> None:
    """Put these in the place of all there are, in one transaction."""
    with transaction(engine) as connection:
        bump(connection)
        before = [document_of(Rule(**row)) for row in connection.execute(select(rules)).mappings()]
        connection.execute(delete(rules))
        if wanted:
            connection.execute(insert(rules), [asdict(rule) for rule in wanted])
        append(connection, entry.changed(before, [document_of(rule) for rule in wanted]), at)


def document_of(rule: Rule) -> dict[str, Any]:
    """What a rule says, for the audit; empty fields are left out."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(rule).items()
        if value not in (None, "")
    }


def _stored(
    connection: Connection, scope: Scope, version: Version, *, gone_is_fine: bool = False
) -> dict[str, Any] | None:  # fmt: skip
    row = connection.execute(select(rules).where(*_at(scope))).mappings().first()
    now = row["created_at"] if row else None
    if version not in (ANY_VERSION, now) and not (row is None and gone_is_fine):
        raise OtherVersion(scope)
    return document_of(Rule(**row)) if row else None


def _at(scope: Scope) -> tuple[Any, Any]:
    return rules.c.tenant_id == scope[0], rules.c.sku_id == scope[1]
