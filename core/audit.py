"""Who changed what, when and from where. Reading is not recorded, exporting is."""

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

__all__ = ["AuditRow", "Entry", "Search", "Verdict", "append", "export", "find", "names_in_use", "note_export", "prune",
           "record", "verify"]  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rows` were looked at; `broken_at` is the number of the first row that is not as it was written, None if all
    are. `head` is the newest hash: noted elsewhere, it also shows a chain that was replaced as a whole."""

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
    """Write what was done outside the database, or refused. Raises DatabaseError."""
    entry = Entry(actor, action, target, before, after, result, reason)
    audit_rows.record(engine, entry, at or datetime.now(UTC))


def note_export(engine: Engine, actor: Actor, what: str, rows: int) -> None:
    """To be called before a file is handed over. Raises NotAllowed, DatabaseError."""
    actor.need(Action.EXPORT)
    record(engine, actor, "export", what, after={"rows": rows})


def find(
    engine: Engine, actor: Actor, search: Search, *, limit: int, offset: int = 0
) -> tuple[list[AuditRow], int]:  # fmt: skip
    """(the rows found, newest first, at most `limit` after `offset`; how many there are in all).

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.AUDIT)
    return audit_rows.find(engine, search, limit=limit, offset=offset)


def names_in_use(engine: Engine, actor: Actor) -> tuple[list[str], list[tuple[str, str]]]:
    """(the actions, the actors with their shown name) that occur. Raises NotAllowed, DatabaseError."""
    actor.need(Action.AUDIT)
    return audit_rows.names_in_use(engine)


def export(engine: Engine, actor: Actor, search: Search) -> Iterator[AuditRow]:
    """Every row that fits, newest first, read piece by piece; recorded before the first is handed over.

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.AUDIT)
    newest, rows = audit_rows.newest(engine), audit_rows.find(engine, search, limit=0)[1]
    note_export(engine, actor, "audit", rows)
    return audit_rows.matching(engine, search, up_to=newest)


def verify(engine: Engine, actor: Actor) -> Verdict:
    """Compute every hash anew; also a missing row breaks the chain. Raises NotAllowed, DatabaseError."""
    actor.need(Action.AUDIT)
    seq, previous = audit_rows.anchor(engine)
    count = 0
    for row in audit_rows.rows_from(engine):
        seq += 1
        if row.seq != seq or row.previous != previous or row.hash != row.computed_hash():
            return Verdict(count, previous, broken_at=seq)
        previous = row.hash
        count += 1
    return Verdict(count, previous)


def prune(engine: Engine, days: int, now: datetime) -> int:
    """Take away what is older than `days`, at most a day's share at a time; 0 keeps everything. How many rows went.

    To be called at the start and once a day.
    """
    if not days:
        return 0
    gone = audit_rows.prune(engine, days, Entry(schedule_actor(), "audit.pruned"), now)
    if gone:
        log.info("%d rows of the audit are older than %d days and were taken away", gone, days)
    return gone
