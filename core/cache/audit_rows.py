"""The audit table: rows are only added, and each has the hash of the row before.

`append` writes in the transaction of a change, `record` in its own, for what happens outside of the database.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from core.bounds import bounded_text, search_words, visible
from core.cache.schema import audit, audit_anchor
from core.cache.sql import transaction
from core.roles import Actor

START = ""  # the previous hash in the first row
PAGE = 5_000  # rows read at a time


@dataclass(frozen=True, slots=True)
class Entry:
    """A change to be written; `before` and `after` are JSON documents, None for nothing."""

    actor: Actor
    action: str
    target: str = ""
    before: Any = None
    after: Any = None
    result: str = "done"  # done, refused, failed
    reason: str = ""

    def changed(self, before: Any, after: Any) -> Entry:
        return replace(self, before=before, after=after)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A stored row; `before` and `after` are JSON text, "" for nothing."""

    seq: int
    at: datetime
    actor: str
    actor_name: str
    role: str
    source: str
    address: str
    request_id: str
    action: str
    target: str
    before: str
    after: str
    result: str
    reason: str
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """Return the SHA-256 of all fields except the hash, in their order."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        values = [at if name == "at" else getattr(self, name) for name in HASHED]
        return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


HASHED = tuple(field.name for field in fields(AuditRow) if field.name != "hash")


def record(engine: Engine, entry: Entry, at: datetime) -> None:
    """Write an action that happened outside of the database, or was refused."""
    with transaction(engine) as connection:
        append(connection, entry, at)


def append(connection: Connection, entry: Entry, at: datetime) -> None:
    """Write `entry` as the newest row, in the transaction of the change that it describes."""
    # Takes the write lock of SQLite, or the row lock in PostgreSQL: nobody else reads the same newest row.
    connection.execute(update(audit_anchor).values(seq=audit_anchor.c.seq))
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    seq, previous = last or _anchor(connection)
    actor = entry.actor
    row = AuditRow(
        seq=seq + 1,
        at=at.astimezone(UTC),
        actor=bounded_text(actor.name, 100),
        actor_name=bounded_text(actor.shown, 255),
        role=actor.role,
        source=actor.source,
        address=bounded_text(actor.address, 64),
        request_id=actor.request_id,
        action=entry.action,
        target=bounded_text(entry.target, 400),
        before=_json(entry.before),
        after=_json(entry.after),
        result=entry.result,
        reason=visible(entry.reason),
        previous=previous,
        hash="",
    )
    connection.execute(insert(audit).values(asdict(replace(row, hash=row.computed_hash()))))


def _json(value: Any) -> str:
    return "" if value is None else visible(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))


def _anchor(connection: Connection) -> tuple[int, str]:
    row = connection.execute(select(audit_anchor.c.seq, audit_anchor.c.hash)).first()
    return (row.seq, row.hash) if row else (0, START)


def anchor(engine: Engine) -> tuple[int, str]:
    """Return number and hash of the last row that retention has deleted; (0, "") if there is none."""
    with transaction(engine) as connection:
        return _anchor(connection)


def rows_from(engine: Engine, after: int = 0) -> Iterator[AuditRow]:
    """Yield every row after the number `after`, oldest first, in pieces of PAGE rows."""
    while True:
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(PAGE)
        with transaction(engine) as connection:
            rows = [AuditRow(**row) for row in connection.execute(query).mappings()]
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].seq


@dataclass(frozen=True, slots=True)
class Search:
    """A filter; empty fields match all. All `words` must be in target, actor, before, after or reason."""

    words: str = ""
    actions: Sequence[str] = ()
    actors: Sequence[str] = ()
    results: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def find(engine: Engine, search: Search, *, limit: int, offset: int = 0) -> tuple[list[AuditRow], int]:
    """Return at most `limit` matching rows after `offset`, newest first, and the number of all that match."""
    condition = _condition(search)
    query = select(audit).where(*condition).order_by(audit.c.seq.desc()).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count()).select_from(audit).where(*condition)).scalar_one()
        return [AuditRow(**row) for row in connection.execute(query).mappings()], int(total)


def newest(engine: Engine) -> int:
    """Return the number of the newest row, 0 if there is none."""
    with transaction(engine) as connection:
        return int(connection.execute(select(func.max(audit.c.seq))).scalar() or 0)


def matching(engine: Engine, search: Search, *, up_to: int) -> Iterator[AuditRow]:
    """Yield every matching row with a number up to `up_to`, newest first, in pieces of PAGE rows."""
    condition = _condition(search)
    while True:
        query = select(audit).where(*condition, audit.c.seq <= up_to).order_by(audit.c.seq.desc()).limit(PAGE)
        with transaction(engine) as connection:
            rows = [AuditRow(**row) for row in connection.execute(query).mappings()]
        yield from rows
        if len(rows) < PAGE:
            return
        up_to = rows[-1].seq - 1


def _condition(search: Search) -> list[Any]:
    column, conditions = audit.c, []
    for word in search_words(visible(search.words)):
        places = (column.target, column.actor, column.actor_name, column.before, column.after, column.reason)
        conditions.append(or_(*(place.icontains(word, autoescape=True) for place in places)))
    for place, values in (
        (column.action, search.actions),
        (column.actor, search.actors),
        (column.result, search.results),
    ):
        if values:
            conditions.append(place.in_(values))
    if search.since:
        conditions.append(column.at >= search.since)
    if search.until:
        conditions.append(column.at < search.until)
    return conditions


def names_in_use(engine: Engine) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the actions, and the actors with their names for people, that occur in the audit."""
    with transaction(engine) as connection:
        actions = list(connection.execute(select(audit.c.action).distinct().order_by(audit.c.action)).scalars())
        newest = select(audit.c.actor, func.max(audit.c.actor_name)).group_by(audit.c.actor).order_by(audit.c.actor)
        return actions, [(row[0], row[1]) for row in connection.execute(newest)]


def prune(engine: Engine, days: int, entry: Entry, now: datetime) -> int:
    """Delete rows that are older than `days`, the oldest first, at most a day's share; return how many.

    A wrong clock must not delete too much. So the present is the earliest of `now` and the times of the newest rows, of
    more than a day's share of them: a few rows with a wrong time have no effect.
    """
    with transaction(engine) as connection:
        connection.execute(update(audit_anchor).values(seq=audit_anchor.c.seq))
        first = connection.execute(select(audit.c.seq, audit.c.at).order_by(audit.c.seq).limit(1)).first()
        if first is None:
            return 0
        share = _share_of_a_day(connection, first.at, days, now)
        times = connection.execute(select(audit.c.at).order_by(audit.c.seq.desc()).limit(share + 1)).scalars()
        oldest_kept = _first_since(connection, min([now, *times]) - timedelta(days=days), now)
        last = min(oldest_kept or first.seq, first.seq + share) - 1
        if last < first.seq:
            return 0
        digest = connection.execute(select(audit.c.hash).where(audit.c.seq == last)).scalar_one()
        connection.execute(update(audit_anchor).values(seq=last, hash=digest))
        deleted = connection.execute(delete(audit).where(audit.c.seq <= last)).rowcount
        append(connection, entry.changed(None, {"rows": deleted, "last": last}), now)
    return int(deleted)


def _share_of_a_day(connection: Connection, oldest: datetime, days: int, now: datetime) -> int:
    """Return how many rows may be deleted at a time: those of the oldest day, or the number of all / `days` if larger.

    The latter counts after the setting was made smaller: the surplus is deleted in several steps.
    """
    ends = connection.execute(select(func.min(audit.c.seq), func.max(audit.c.seq))).one()
    first, last = int(ends[0]), int(ends[1])
    next_day = _first_since(connection, oldest + timedelta(days=1), now) or first
    return max(next_day - first, math.ceil((last - first + 1) / days), 1)


def _first_since(connection: Connection, at: datetime, now: datetime) -> int | None:
    """Return the number of the first row written between `at` and `now`, None if there is none."""
    since = select(func.min(audit.c.seq)).where(audit.c.at >= at, audit.c.at <= now)
    seq: int | None = connection.execute(since).scalar()
    return seq
