"""The audit: record, search, export, verify and prune it. Reads are not recorded, exports are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from core.cache import audit_rows
from core.cache.audit_rows import AuditRow, Entry, Search, append
from core.roles import Action, Actor, schedule_actor

__all__ = ["AuditRow", "Entry", "Search", "Verification", "append", "export", "find", "names_in_use", "note_export",
           "prune", "record", "verify"]  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    `rows`: the number of correct rows; `broken_at`: the number of the first changed or missing row, None if all are
    correct; `head`: the newest hash, which shows a replaced chain if it was noted elsewhere.
    """

    rows: int
    head: str
    broken_at: int | None = None


def record(
    engine: Engine,
    actor: Actor,
    action: str,
    target: str = "",
    *,
    before: Any = None,
    after: Any = None,
    result: str = "done",
    reason: str = "",
    at: datetime | None = None,
) -> None:
    """Write an action that happened outside of the database, or was refused. Raises DatabaseError."""
    entry = Entry(actor, action, target, before, after, result, reason)
    audit_rows.record(engine, entry, at or datetime.now(UTC))


def note_export(engine: Engine, actor: Actor, what: str, rows: int) -> None:
    """Record an export; called before the file is given out. Raises NotAllowed, DatabaseError."""
    actor.need(Action.EXPORT)
    record(engine, actor, "export", what, after={"rows": rows})


def find(engine: Engine, actor: Actor, search: Search, *, limit: int, offset: int = 0) -> tuple[list[AuditRow], int]:
    """Return at most `limit` matching rows after `offset`, newest first, and the number of all that match.

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.AUDIT)
    return audit_rows.find(engine, search, limit=limit, offset=offset)


def names_in_use(engine: Engine, actor: Actor) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the actions, and the actors with their names for people. Raises NotAllowed, DatabaseError."""
    actor.need(Action.AUDIT)
    return audit_rows.names_in_use(engine)


def export(engine: Engine, actor: Actor, search: Search) -> Iterator[AuditRow]:
    """Return an iterator over all matching rows, newest first; the export is recorded before the first row.

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.AUDIT)
    newest, rows = audit_rows.newest(engine), audit_rows.find(engine, search, limit=0)[1]
    note_export(engine, actor, "audit", rows)
    return audit_rows.matching(engine, search, up_to=newest)


def verify(engine: Engine, actor: Actor) -> Verification:
    """Check the hash and number of every row. Raises NotAllowed, DatabaseError."""
    actor.need(Action.AUDIT)
    seq, previous = audit_rows.anchor(engine)
    count = 0
    for row in audit_rows.rows_from(engine):
        seq += 1
        if row.seq != seq or row.previous != previous or row.hash != row.computed_hash():
            return Verification(count, previous, broken_at=seq)
        previous = row.hash
        count += 1
    return Verification(count, previous)


def prune(engine: Engine, days: int, now: datetime) -> int:
    """Delete rows older than `days` (0: none), at most a day's share at a time; return how many.

    Called at the start and once a day.
    """
    if not days:
        return 0
    deleted = audit_rows.prune(engine, days, Entry(schedule_actor(), "audit.pruned"), now)
    if deleted:
        log.info("%d rows of the audit are older than %d days and were deleted", deleted, days)
    return deleted
