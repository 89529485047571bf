"""Table of the levels of service, and the level of each tenant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, delete, func, insert, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import cases, levels, tenants
from core.cache.sql import increase_version, of_tenants, transaction
from core.licenses.alarm_rules import LevelRule
from core.name_key import name_key, sort_key

STANDARD = "standard"  # key of the level of a tenant that nobody has given another one
BUILT_IN = ("basis", STANDARD, "premium")
PRIORITIES = ("critical", "high", "medium", "low")  # of a case
HOURS: Mapping[str, float] = {"critical": 4, "high": 24, "medium": 72, "low": 168}
AT_A_TIME = 500  # tenants in one statement
FOLLOW_MINUTES = 5  # between two refreshes of a tenant with an order under way, if its level follows orders


@dataclass(frozen=True, slots=True)
class Level:
    """A level of service: what is agreed about the tenants that have it.

    `refresh_minutes`: between two refreshes of a tenant, None for those of the setting. `threshold` and `warn` are
    those of an alarm rule, None if the level leaves them to the standard. `reaction_hours` and `solution_hours`: until
    the first reaction to a case, and until its end, by priority, in working time of `calendar`. `follow_orders`: a
    tenant with an order under way is read every few minutes. `needs_consent`: customers are asked before each order;
    else they have agreed once for all. `version` counts the changes.
    """

    key: str
    name: str
    refresh_minutes: int | None = None
    threshold: int | None = None
    warn: int | None = None
    reaction_hours: Mapping[str, float] = field(default_factory=lambda: dict(HOURS))
    solution_hours: Mapping[str, float] = field(default_factory=lambda: dict(HOURS))
    follow_orders: bool = False
    needs_consent: bool = True
    recipients: Sequence[str] = ()
    monthly_report: bool = False
    calendar: str = "standard"
    version: int = 1


class LevelChanged(Exception):
    """The level was added, changed or deleted by somebody else since it was read; nothing was changed."""


class LevelInUse(Exception):
    """Tenants have the level; `count` is their number."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


def all_levels(engine: Engine) -> dict[str, Level]:
    """Return key -> level: those that come with the product first, then the own ones by name."""
    with transaction(engine) as connection:
        return levels_in(connection)


def levels_in(connection: Connection) -> dict[str, Level]:
    """Return the same as `all_levels`, in a transaction that is open."""
    stored = [_level(row) for row in connection.execute(select(levels)).mappings()]
    rank = {key: number for number, key in enumerate(BUILT_IN)}
    stored.sort(key=lambda level: (rank.get(level.key, len(rank)), sort_key(level.name)))
    return {level.key: level for level in stored}


def level_of(tenant: Any, known: Mapping[str, Level]) -> Level:
    """Return the level of a row of the `tenants` table: the standard one if its own does not exist."""
    return known.get(tenant.level) or known.get(STANDARD) or Level(STANDARD, "Standard")


@dataclass(frozen=True, slots=True)
class OwnInterval:
    """An enabled tenant that is read in an interval of its own."""

    tenant_id: str
    name: str
    refresh_minutes: int
    last_attempt_at: datetime | None


def own_intervals(engine: Engine) -> list[OwnInterval]:
    """Return the enabled tenants with a profile that are read in an interval of their own. Takes one statement.

    That is the one of their level, or the short one while an order is under way and the level follows orders.
    """
    follows = and_(levels.c.follow_orders, _has_order_under_way())
    short = or_(levels.c.refresh_minutes.is_(None), levels.c.refresh_minutes > FOLLOW_MINUTES)
    minutes = case((and_(follows, short), FOLLOW_MINUTES), else_=levels.c.refresh_minutes).label("minutes")
    columns = (tenants.c.tenant_id, tenants.c.name, minutes, tenants.c.last_attempt_at)
    query = select(*columns).join(levels, levels.c.key == effective_level())
    query = query.where(or_(levels.c.refresh_minutes.is_not(None), follows), tenants.c.has_profile, tenants.c.enabled)
    with transaction(engine) as connection:
        return [OwnInterval(*row) for row in connection.execute(query)]


def _has_order_under_way() -> Any:
    """Return the condition that an open case of the tenant waits for ordered seats."""
    waits = cases.c.closed_at.is_(None) & (cases.c.ordered > cases.c.delivered)
    return select(cases.c.case_id).where(cases.c.tenant_id == tenants.c.tenant_id, waits).correlate(tenants).exists()


def minutes_in_use(connection: Connection) -> set[int | None]:
    """Return the intervals of the levels that enabled tenants have; None for that of the setting."""
    query = select(levels.c.refresh_minutes).join(tenants, levels.c.key == effective_level())
    return set(connection.execute(query.where(tenants.c.has_profile, tenants.c.enabled).distinct()).scalars())


def level_rules(connection: Connection, tenant_ids: Collection[str] | None = None) -> dict[str, LevelRule]:
    """Return tenant id -> what its level says about alarms; without the tenants whose level says nothing.

    With `tenant_ids` those of these tenants alone.
    """
    says_something = or_(levels.c.threshold.is_not(None), levels.c.warn.is_not(None))
    query = (
        select(tenants.c.tenant_id, levels.c.key, levels.c.name, levels.c.threshold, levels.c.warn)
        .join(levels, levels.c.key == effective_level())
        .where(says_something)
    )
    rules: dict[str, LevelRule] = {}
    by_tenant: dict[str, LevelRule] = {}
    for row in connection.execute(of_tenants(query, tenants, tenant_ids)):
        rule = rules.setdefault(row.key, LevelRule(row.name, row.threshold, row.warn))
        by_tenant[row.tenant_id] = rule
    return by_tenant


def levels_of_tenants(connection: Connection, tenant_ids: Collection[str]) -> dict[str, str]:
    """Return tenant id -> key of its level; the level need not exist any more."""
    query = select(tenants.c.tenant_id, tenants.c.level).where(tenants.c.tenant_id.in_(sorted(tenant_ids)))
    return {row.tenant_id: row.level for row in connection.execute(query)}


def effective_level() -> Any:
    """Return the expression for the key of a tenant's level: the standard one if its own does not exist."""
    exists = select(levels.c.key).where(levels.c.key == tenants.c.level).correlate(tenants).exists()
    return case((exists, tenants.c.level), else_=STANDARD)


def add_level(engine: Engine, level: Level, entry: Entry, at: datetime) -> bool:
    """Add a level; return False if key or name are taken."""
    with transaction(engine) as connection:
        increase_version(connection)  # first, because it takes the write lock before anything is read
        same = or_(levels.c.key == level.key, levels.c.name_key == name_key(level.name))
        if connection.execute(select(levels.c.key).where(same)).first():
            return False
        connection.execute(insert(levels).values(**_values(level)))
        append(connection, entry.changed(None, document_of(level)), at)
    return True


def change_level(engine: Engine, level: Level, entry: Entry, at: datetime) -> bool:
    """Store the level in the place of that with its key and `version`; return False if the name is taken.

    Raises LevelChanged.
    """
    with transaction(engine) as connection:
        increase_version(connection)
        before = levels_in(connection).get(level.key)
        if before is None or before.version != level.version:
            raise LevelChanged
        taken = select(levels.c.key).where(levels.c.name_key == name_key(level.name), levels.c.key != level.key)
        if connection.execute(taken).first():
            return False
        values = _values(level) | {"version": level.version + 1}
        connection.execute(update(levels).where(levels.c.key == level.key).values(**values))
        append(connection, entry.changed(document_of(before), document_of(level)), at)
    return True


def delete_level(engine: Engine, level: Level, entry: Entry, at: datetime) -> None:
    """Delete a level that no tenant has. Raises LevelInUse, LevelChanged."""
    with transaction(engine) as connection:
        increase_version(connection)
        before = levels_in(connection).get(level.key)
        if before is None or before.version != level.version:
            raise LevelChanged
        count = connection.execute(select(func.count()).where(tenants.c.level == level.key)).scalar_one()
        if count:
            raise LevelInUse(count)
        connection.execute(delete(levels).where(levels.c.key == level.key))
        append(connection, entry.changed(document_of(before), None), at)


def assign_level(engine: Engine, key: str, tenant_ids: Collection[str], entry: Entry, at: datetime) -> list[str]:
    """Give these tenants the level; return the names of those that had another one. Raises LevelChanged if it is gone.

    `entry` is written once, with the names by their former level.
    """
    with transaction(engine) as connection:
        increase_version(connection)
        if key not in levels_in(connection):
            raise LevelChanged
        wanted = sorted(tenant_ids)
        moved: list[Any] = []
        for start in range(0, len(wanted), AT_A_TIME):
            some = tenants.c.tenant_id.in_(wanted[start : start + AT_A_TIME])
            query = select(tenants.c.tenant_id, tenants.c.name, tenants.c.level).where(some, tenants.c.level != key)
            moved += connection.execute(query).all()
            connection.execute(update(tenants).where(some).values(level=key))
        if moved:
            before = {row.name: row.level for row in moved}
            append(connection, entry.changed(before, {"level": key}), at)
    return [row.name for row in moved]


def tenants_by_level(engine: Engine) -> dict[str, int]:
    """Return key of a level -> number of its tenants with a profile."""
    key = effective_level().label("key")
    query = select(key, func.count()).select_from(tenants).where(tenants.c.has_profile).group_by(key)
    with transaction(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def document_of(level: Level) -> dict[str, Any]:
    """Return the level as a JSON document, for the audit and for a case that keeps what it was judged by."""
    return asdict(level) | {"recipients": list(level.recipients)}


def _values(level: Level) -> dict[str, Any]:
    return document_of(level) | {"name_key": name_key(level.name)}


def _level(row: Mapping[Any, Any]) -> Level:
    values = {name: value for name, value in row.items() if name != "name_key"}
    return Level(**values | {"recipients": tuple(row["recipients"])})
