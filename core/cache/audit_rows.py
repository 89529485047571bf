"""The audit: rows that are only ever added, each holding the hash of the one before.

Needed by whoever changes something in the same transaction (`append`), or has just done so elsewhere (`record`).
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

START = ""  # what the first row holds as the hash before it
PAGE = 5_000  # rows read at a time


@dataclass(frozen=True, slots=True)
class Entry:
    """One change as it is to be written; `before` and `after` are JSON documents, None for nothing."""

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
    """One row as stored; `before` and `after` are JSON text, "" for nothing."""

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
        """SHA-256 over every field but the hash itself, in their order."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        values = [at if name == "at" else getattr(self, name) for name in HASHED]
        return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


HASHED = tuple(field.name for field in fields(AuditRow) if field.name != "hash")


def record(engine: Engine, entry: Entry, at: datetime) -> None:
    """Write what was done outside the database, or refused."""
    with transaction(engine) as connection:
        append(connection, entry, at)


def append(connection: Connection, entry: Entry, at: datetime) -> None:
    """Write `entry` as the newest row, in the transaction of the change that it tells of."""
    # Takes the write lock of SQLite, or the row's in PostgreSQL: nobody else reads the same newest row.
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
    """Number and hash of the last row that retention has taken; (0, "") when none."""
    with transaction(engine) as connection:
        return _anchor(connection)


def rows_from(engine: Engine, after: int = 0) -> Iterator[AuditRow]:
    """Every row after the number `after`, oldest first; read piece by piece."""
    while True:
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(PAGE)
        with transaction(engine) as connection:
            found = [AuditRow(**row) for row in connection.execute(query).mappings()]
        yield from found
        if len(found) < PAGE:
            return
        after = found[-1].seq


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields do not restrict. `words` is looked for in target, actor, before and after."""

    words: str = ""
    actions: Sequence[str] = ()
    actors: Sequence[str] = ()
    results: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def find(engine: Engine, search: Search, *, limit: int, offset: int = 0) -> tuple[list[AuditRow], int]:
    """(the rows found, newest first, at most `limit` after `offset`; how many there are in all)."""
    condition = _condition(search)
    query = select(audit).where(*condition).order_by(audit.c.seq.desc()).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count()).select_from(audit).where(*condition)).scalar_one()
        return [AuditRow(**row) for row in connection.execute(query).mappings()], int(total)


def newest(engine: Engine) -> int:
    """The number of the newest row, 0 when there is none."""
    with transaction(engine) as connection:
        return int(connection.execute(select(func.max(audit.c.seq))).scalar() or 0)


def matching(engine: Engine, search: Search, *, up_to: int) -> Iterator[AuditRow]:
    """Every row that fits with a number of at most `up_to`, newest first; read piece by piece."""
    condition = _condition(search)
    while True:
        query = select(audit).where(*condition, audit.c.seq <= up_to).order_by(audit.c.seq.desc()).limit(PAGE)
        with transaction(engine) as connection:
            found = [AuditRow(**row) for row in connection.execute(query).mappings()]
        yield from found
        if len(found) < PAGE:
            return
        up_to = found[-1].seq - 1


def _condition(search: Search) -> list[Any]:
    column, found = audit.c, []
    for word in search_words(visible(search.words)):
        places = (column.target, column.actor, column.actor_name, column.before, column.after, column.reason)
        found.append(or_(*(place.icontains(word, autoescape=True) for place in places)))
    for place, wanted in (
        (column.action, search.actions),
        (column.actor, search.actors),
        (column.result, search.results),
    ):
        if wanted:
            found.append(place.in_(wanted))
    if search.since:
        found.append(column.at >= search.since)
    if search.until:
        found.append(column.at < search.until)
    return found


def names_in_use(engine: Engine) -> tuple[list[str], list[tuple[str, str]]]:
    """(the actions, the actors with their shown name) that occur; for the filters."""
    with transaction(engine) as connection:
        actions = list(connection.execute(select(audit.c.action).distinct().order_by(audit.c.action)).scalars())
        newest = select(audit.c.actor, func.max(audit.c.actor_name)).group_by(audit.c.actor).order_by(audit.c.actor)
        return actions, [(row[0], row[1]) for row in connection.execute(newest)]


def prune(engine: Engine, days: int, entry: Entry, now: datetime) -> int:
    """Take away rows that are older than `days`, the oldest first, at most a day's share; how many went.

    The clock alone is not believed, since what is gone is gone. The present is the earlier one of `now` and the times
    of the newest rows, of more than a day's share of them: some rows that a wrong clock has written count for nothing.
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
        gone = connection.execute(delete(audit).where(audit.c.seq <= last)).rowcount
        append(connection, entry.changed(None, {"rows": gone, "last": last}), now)
    return int(gone)


def _share_of_a_day(connection: Connection, oldest: datetime, days: int, now: datetime) -> int:
    """How many rows may go at a time: those of the oldest day, or one of `days` parts of all if that is more.

    The second is for a setting that was made smaller: what is too much goes bit by bit.
    """
    ends = connection.execute(select(func.min(audit.c.seq), func.max(audit.c.seq))).one()
    first, last = int(ends[0]), int(ends[1])
    next_day = _first_since(connection, oldest + timedelta(days=1), now) or first
    return max(next_day - first, math.ceil((last - first + 1) / days), 1)


def _first_since(connection: Connection, at: datetime, now: datetime) -> int | None:
    """The number of the first row that was written at `at` or later; a time that is yet to come is no time."""
    since = select(func.min(audit.c.seq)).where(audit.c.at >= at, audit.c.at <= now)
    seq: int | None = connection.execute(since).scalar()
    return seq
