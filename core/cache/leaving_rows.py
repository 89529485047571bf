"""Table of the tenants that leave. What is due can no longer be undone, what is not yet due always can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from core.cache.audit_rows import Entry, append
from core.cache.case_rows import CASES_VERSION
from core.cache.schema import leavings, tenants
from core.cache.sql import increase_version, insert_new, transaction
from core.problems import Problem


@dataclass(frozen=True, slots=True)
class Leaving:
    """A tenant that leaves; `removed`: what has gone so far -> how many; `problem`: what the removal waits for."""

    tenant_id: str
    slug: str
    name: str
    started_by: str
    started_at: datetime
    due_at: datetime
    export_file: str
    export_sha256: str
    state: str = "leaving"
    removed: Mapping[str, int] = field(default_factory=dict)
    tried_at: datetime | None = None
    problem: Problem | None = None

    def can_be_undone(self, now: datetime) -> bool:
        return self.state == "leaving" and now < self.due_at


def add_leaving(engine: Engine, new: Leaving, entry: Entry) -> bool:
    """Store that a tenant leaves, and hide it; return False if it leaves already."""
    values = {column.name: getattr(new, column.name) for column in leavings.columns}
    with transaction(engine) as connection:
        if not insert_new(connection, leavings, values):
            return False
        _show(connection, new.tenant_id, shown=False)
        append(connection, entry, new.started_at)
    return True


def undo_leaving(engine: Engine, tenant_id: str, entry: Entry, now: datetime) -> bool:
    """Let the tenant stay; return False if it is due, or does not leave."""
    where = (leavings.c.tenant_id == tenant_id, leavings.c.state == "leaving", leavings.c.due_at > now)
    with transaction(engine) as connection:
        if connection.execute(delete(leavings).where(*where).returning(leavings.c.tenant_id)).first() is None:
            return False
        _show(connection, tenant_id, shown=True)
        append(connection, entry, now)
    return True


def begin_removal(engine: Engine, now: datetime) -> None:
    """Note of every tenant that is due that it can no longer be undone."""
    with transaction(engine) as connection:
        due = update(leavings).where(leavings.c.state == "leaving", leavings.c.due_at <= now)
        connection.execute(due.values(state="going"))


def all_leavings(engine: Engine) -> list[Leaving]:
    """Return the tenants that leave, the next one due first."""
    with transaction(engine) as connection:
        rows = connection.execute(select(leavings).order_by(leavings.c.due_at, leavings.c.name)).mappings().all()
    return [
        Leaving(**{**row, "problem": Problem.from_json(row["problem"]) if row["problem"] else None}) for row in rows
    ]


def leaving_keys(engine: Engine) -> set[str]:
    """Return the tenant ids and short names of the tenants that leave: they are not read."""
    with transaction(engine) as connection:
        rows = connection.execute(select(leavings.c.tenant_id, leavings.c.slug)).all()
    return {key for row in rows for key in row}


def save_progress(
    engine: Engine, leaving: Leaving, removed: Mapping[str, int], problem: Problem | None, now: datetime
) -> None:
    """Store what has gone so far, and what the removal waits for."""
    values = {"removed": dict(removed), "tried_at": now, "problem": problem.to_json() if problem else None}
    with transaction(engine) as connection:
        connection.execute(update(leavings).where(leavings.c.tenant_id == leaving.tenant_id).values(**values))


def finish_leaving(engine: Engine, leaving: Leaving, remove: Callable[[Connection], Entry], now: datetime) -> bool:
    """Call `remove`, delete the row and write the proof, all in one transaction; return False if it is gone already."""
    mine = leavings.c.tenant_id == leaving.tenant_id
    with transaction(engine) as connection:
        touched = update(leavings).where(mine, leavings.c.state == "going").values(state="going")
        if connection.execute(touched.returning(leavings.c.tenant_id)).first() is None:
            return False
        entry = remove(connection)
        connection.execute(delete(leavings).where(mine))
        append(connection, entry, now)
        increase_version(connection)
    return True


def _show(connection: Connection, tenant_id: str, *, shown: bool) -> None:
    connection.execute(update(tenants).where(tenants.c.tenant_id == tenant_id).values(has_profile=shown))
    increase_version(connection)
    increase_version(connection, CASES_VERSION)


def leaves(connection: Connection) -> set[str]:
    """Return the ids of the tenants that leave, in the transaction of a change that must leave them alone."""
    return set(connection.execute(select(leavings.c.tenant_id)).scalars().all())


def leaving_of(engine: Engine, wanted: str) -> Leaving | None:
    """Return the tenant that leaves with this id or short name; None if there is none."""
    return next((one for one in all_leavings(engine) if wanted in (one.tenant_id, one.slug)), None)


def as_row(leaving: Leaving) -> dict[str, Any]:
    """Return a tenant that leaves for `--json`."""
    return {
        "tenant": leaving.name, "tenant_id": leaving.tenant_id, "slug": leaving.slug, "state": leaving.state,
        "since": leaving.started_at.isoformat(), "due": leaving.due_at.isoformat(), "by": leaving.started_by,
        "export": leaving.export_file, "sha256": leaving.export_sha256,
    }  # fmt: skip
