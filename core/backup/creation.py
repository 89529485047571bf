"""Make a backup."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from core.backup.archive import Member, write_archive
from core.backup.backup_error import BackupBusy, BackupError, system_errors
from core.backup.backup_folder import delete_old, new_name
from core.backup.backup_keys import public_keys
from core.backup.contents import Places, names_from_environment, places_of, read_contents
from core.backup.failures import note_failure
from core.backup.manifest import DATABASE_MEMBERS, Manifest
from core.backup.scratch import scratch_folder
from core.cache.audit_rows import Entry
from core.cache.backup_rows import BackupRow, latest_backups, save_backup_row
from core.cache.postgres_copy import dump_postgres
from core.cache.sqlite_copy import copy_sqlite, sqlite_row_counts, sqlite_version
from core.clock import elapsed
from core.problems import Problem, ProblemError
from core.roles import Action, Actor
from core.settings import Settings

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=15)  # after a failed backup


@dataclass(frozen=True, slots=True)
class Created:
    """A finished backup."""

    file: Path
    sha256: str
    bytes: int
    manifest: Manifest
    seconds: float
    deleted: int = 0  # older backups that need not be kept


def is_due(engine: Engine, settings: Settings, now: datetime) -> bool:
    """Return True if the timetable is to make a backup now: none is recent enough. Raises DatabaseError."""
    if not settings.backup_hours or not settings.has_backups:
        return False
    last = latest_backups(engine).backup
    if last is None:
        return True
    pause = timedelta(hours=settings.backup_hours)
    return elapsed(last.started_at, now) >= (pause if last.problem is None else min(pause, RETRY))


def create(engine: Engine, settings: Settings, actor: Actor, now: datetime) -> Created:
    """Make a backup in LIZENZTOOL_BACKUP_DIR, note its result, delete what is too old; return the backup.

    Raises NotAllowed, BackupError, DatabaseError; a failure is noted, too, but not BackupBusy.
    """
    actor.need(Action.OPERATIONS)
    if not settings.has_backups:
        raise BackupError(Problem("backup.not_set_up"))
    start = time.monotonic()
    name = new_name(now)
    try:
        file = Path(settings.backup_dir) / name
        manifest, digest = _write(settings, places_of(settings), file, now)
        size = file.stat().st_size
    except BackupBusy:
        raise
    except ProblemError as error:
        note_failure(
            engine, BackupRow("backup", now, time.monotonic() - start, actor.shown, name), error.problem, actor
        )
        raise
    seconds = time.monotonic() - start
    row = BackupRow("backup", now, seconds, actor.shown, name, digest, size, manifest.rows)
    save_backup_row(engine, row, Entry(actor, "backup.created", name, after={"sha256": digest, "bytes": size}))
    deleted = delete_old(Path(settings.backup_dir), settings.backup_keep)
    log.info("backup %s: %d bytes, %d rows, %.1f s; %d older ones deleted", name, size, manifest.rows, seconds, deleted)
    return Created(file, digest, size, manifest, seconds, deleted)


def _write(settings: Settings, places: Places, file: Path, now: datetime) -> tuple[Manifest, str]:
    """Write the file and return its manifest and digest. Raises BackupError, DatabaseError."""
    contents = read_contents(places)
    with system_errors("backup.not_written", file.parent):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _delete_unfinished(file.parent, now)
    with scratch_folder(settings.data_dir) as scratch:
        kind, namespace, version, tables, dump = _database(settings, places, scratch)
        members = [Member(DATABASE_MEMBERS[kind], dump), *contents.members]
        manifest = Manifest(
            now, version, kind, namespace, tables, {member.name: member.described() for member in members},
            names_from_environment(), contents.outside,
        )  # fmt: skip
        return manifest, write_archive(file, manifest, members, public_keys(settings.backup_recipients))


def _database(settings: Settings, places: Places, scratch: Path) -> tuple[str, str, str, dict[str, int], Path]:
    """Copy the database into `scratch`; return its kind, schema, version, numbers of rows and the copy."""
    if places.database is None:
        copy = scratch / DATABASE_MEMBERS["postgresql"]
        dumped = dump_postgres(settings.database, copy)
        return "postgresql", dumped.namespace, dumped.version, dict(dumped.tables), copy
    copy = scratch / DATABASE_MEMBERS["sqlite"]
    copy_sqlite(places.database, copy)
    return "sqlite", "", sqlite_version(copy), sqlite_row_counts(copy), copy


def _delete_unfinished(folder: Path, now: datetime) -> None:
    """Delete what killed processes have left unfinished; a file of the last hours may still be written."""
    for part in folder.glob("lizenztool-*.age.part"):
        if now.timestamp() - part.stat().st_mtime > 6 * 3600:
            part.unlink(missing_ok=True)
