"""Table of the alarm rules: one for each scope (all tenants, a tenant, a SKU of a tenant)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, delete, insert, select

from core.cache.audit_rows import Entry, append
from core.cache.level_rows import level_rules
from core.cache.schema import rules
from core.cache.sql import increase_version, transaction, upsert
from core.licenses.alarm_rules import LevelRule, Rule, Rules, Scope


def all_rules(engine: Engine) -> list[Rule]:
    """Return every rule, also expired ones, the widest scope first."""
    with transaction(engine) as connection:
        return _all_rules(connection)


def all_level_rules(engine: Engine) -> dict[str, LevelRule]:
    """Return tenant id -> what its level of service says about alarms; without the tenants whose level says nothing."""
    with transaction(engine) as connection:
        return level_rules(connection)


def rules_at(engine: Engine, now: datetime, zone: tzinfo, tenant_ids: Collection[str] | None = None) -> Rules:
    """Return the rules that are valid today, with those of the levels; read once per refresh or frame.

    With `tenant_ids` the levels of these tenants alone.
    """
    with transaction(engine) as connection:
        levels = level_rules(connection, tenant_ids)
        return Rules.of(_all_rules(connection), now.astimezone(zone).date(), levels)


def _all_rules(connection: Connection) -> list[Rule]:
    query = select(rules).order_by(rules.c.tenant_id, rules.c.sku_id)
    return [Rule(**row) for row in connection.execute(query).mappings()]


# Any stored rule. A caller that has read the rule passes its `created_at` instead, None if there was none.
ANY_VERSION: Final = "any"
Version = datetime | None | Literal["any"]


class OtherVersion(Exception):
    """The rule was added, changed or deleted by somebody else since it was read; nothing was changed."""


def save_rule(
    engine: Engine, rule: Rule, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> None:  # fmt: skip
    """Add a rule, or replace the one with the same scope. Raises OtherVersion."""
    with transaction(engine) as connection:
        increase_version(connection)  # first, because it takes the write lock before the rule is read
        before = _stored(connection, rule.scope, version)
        upsert(connection, rules, [asdict(rule)])
        append(connection, entry.changed(before, document_of(rule)), at)


def delete_rule(
    engine: Engine, scope: Scope, entry: Entry, at: datetime, *, version: Version = ANY_VERSION
) -> bool:  # fmt: skip
    """Delete a rule; return False if there is none any more. Raises OtherVersion."""
    with transaction(engine) as connection:
        increase_version(connection)
        before = _stored(connection, scope, version, may_be_missing=True)
        if before is not None:
            connection.execute(delete(rules).where(*_at(scope)))
            append(connection, entry.changed(before, None), at)
    return before is not None


def replace_rules(engine: Engine, new: Sequence[Rule], entry: Entry, at: datetime) -> None:
    """Replace all rules by `new`, in one transaction."""
    with transaction(engine) as connection:
        increase_version(connection)
        before = [document_of(Rule(**row)) for row in connection.execute(select(rules)).mappings()]
        connection.execute(delete(rules))
        if new:
            connection.execute(insert(rules), [asdict(rule) for rule in new])
        append(connection, entry.changed(before, [document_of(rule) for rule in new]), at)


def document_of(rule: Rule) -> dict[str, Any]:
    """Return the fields of a rule for the audit, without empty ones."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(rule).items()
        if value not in (None, "")
    }


def _stored(
    connection: Connection, scope: Scope, version: Version, *, may_be_missing: bool = False
) -> dict[str, Any] | None:  # fmt: skip
    row = connection.execute(select(rules).where(*_at(scope))).mappings().first()
    now = row["created_at"] if row else None
    if version not in (ANY_VERSION, now) and not (row is None and may_be_missing):
        raise OtherVersion(scope)
    return document_of(Rule(**row)) if row else None


def _at(scope: Scope) -> tuple[Any, Any]:
    return rules.c.tenant_id == scope[0], rules.c.sku_id == scope[1]
