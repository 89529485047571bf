"""Move the data of the product into another database, of the same or the other kind."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import make_url

from core import audit
from core.audit import Entry, Verification
from core.cache.database import DatabaseError, open_database, sqlite_file
from core.cache.database_copy import copy_database, rows_to_copy
from core.cache.table_copy import Contents, Progress
from core.masking import without_credentials
from core.problems import Problem
from core.roles import Action, Actor


@dataclass(frozen=True, slots=True)
class Move:
    """A finished move: what each table has in both databases, and the verified audit of the new one."""

    tables: Mapping[str, Contents]
    audit: Verification
    seconds: float

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


def look(source: str, target: str, actor: Actor) -> Mapping[str, int]:
    """Return how many rows of each table a move would copy; change nothing. Raises NotAllowed, DatabaseError."""
    actor.need(Action.OPERATIONS)
    _need_two(source, target)
    return rows_to_copy(source, target)


def move(source: str, target: str, actor: Actor, now: datetime, progress: Progress) -> Move:
    """Copy everything from the database at `source` to the one at `target`, compare both, and verify the audit.

    The source stays as it is. A move that was interrupted is continued by the same call. Raises NotAllowed,
    DatabaseError.
    """
    actor.need(Action.OPERATIONS)
    _need_two(source, target)
    start = time.monotonic()
    tables = copy_database(source, target, Entry(actor, "database.moved", without_credentials(target)), now, progress)
    engine = open_database(target)
    try:
        return Move(tables, audit.verify(engine, actor), time.monotonic() - start)
    finally:
        engine.dispose()


def _need_two(source: str, target: str) -> None:
    if _place(source) == _place(target):
        raise DatabaseError(Problem("move.same", {"file": target}))


def _place(url: str) -> object:
    """Return what tells one database from another, without user and password."""
    if (file := sqlite_file(url)) is not None:
        return file.resolve()
    parts = make_url(url)
    return parts.host or parts.query.get("host"), parts.port or 5432, parts.database
