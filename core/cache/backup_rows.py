"""Table of what became of each backup, drill and restore."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, select

from core.cache.audit_rows import Entry, append
from core.cache.schema import backups
from core.cache.sql import forget_older, transaction
from core.problems import Problem

Kind = Literal["backup", "drill", "restore"]
KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup, drill or restore that has ended; `problem` is None if it went well, `sha256` that of its file."""

    kind: Kind
    started_at: datetime
    seconds: float
    actor: str
    file: str = ""
    sha256: str = ""
    bytes: int = 0
    rows: int = 0
    problem: Problem | None = None
    backup_id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def finished_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.seconds)


def save_backup_row(engine: Engine, row: BackupRow, entry: Entry) -> None:
    """Store the row and its entry of the audit in one transaction. Raises DatabaseError."""
    values = asdict(row) | {"problem": row.problem.to_json() if row.problem else None}
    with transaction(engine) as connection:
        connection.execute(insert(backups).values(**values))
        forget_older(connection, backups.c.started_at, row.started_at - KEPT)
        append(connection, entry, row.finished_at)


def backup_rows(engine: Engine, kind: Kind, most: int) -> list[BackupRow]:
    """Return the latest rows of this kind, newest first, at most `most`. Raises DatabaseError."""
    query = select(backups).where(backups.c.kind == kind).order_by(backups.c.started_at.desc()).limit(most)
    with transaction(engine) as connection:
        return [_row(row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class LatestBackups:
    """The latest backup and drill, and the latest of each that went well; None if there is none."""

    backup: BackupRow | None = None
    good_backup: BackupRow | None = None
    drill: BackupRow | None = None
    good_drill: BackupRow | None = None


def latest_backups(engine: Engine) -> LatestBackups:
    """Return the latest backups and drills. Raises DatabaseError."""
    with transaction(engine) as connection:
        return latest_in(connection)


def latest_in(connection: Connection) -> LatestBackups:
    """Return the latest backups and drills, in a transaction of the caller."""

    def latest(kind: Kind, *conditions: Any) -> BackupRow | None:
        query = select(backups).where(backups.c.kind == kind, *conditions)
        row = connection.execute(query.order_by(backups.c.started_at.desc()).limit(1)).first()
        return _row(row) if row is not None else None

    def latest_and_good(kind: Kind) -> tuple[BackupRow | None, BackupRow | None]:
        last = latest(kind)
        return last, last if last is None or last.problem is None else latest(kind, backups.c.problem.is_(None))

    return LatestBackups(*latest_and_good("backup"), *latest_and_good("drill"))


def _row(row: Any) -> BackupRow:
    values = dict(row._mapping)
    return BackupRow(**values | {"problem": Problem.from_json(row.problem) if row.problem else None})
