"""Rehearse the way back: restore a backup into a scratch place, compare it with its manifest, read every page."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pyrage import x25519
from sqlalchemy import Engine

from core.backup.archive import digest_of, unpack
from core.backup.backup_error import BackupBusy, BackupError
from core.backup.backup_folder import created_at
from core.backup.failures import note_failure
from core.backup.manifest import Manifest
from core.backup.page_queries import QUERIES, Reader
from core.backup.restoring import check
from core.backup.scratch import scratch_folder
from core.cache.audit_rows import Entry
from core.cache.backup_rows import BackupRow, save_backup_row
from core.cache.database import open_database, sqlite_file
from core.cache.postgres_copy import restored_postgres, scratch_postgres, table_counts
from core.problems import Problem, ProblemError
from core.profiles.profile_store import ProfileStore
from core.roles import Action, Actor
from core.secrets import secret_rotation, stored_secrets
from core.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that went well: the backup, the pages whose data was read, and the time that it took."""

    file: str
    manifest: Manifest
    pages: int
    seconds: float


def drill(engine: Engine, settings: Settings, file: Path, keys: Sequence[x25519.Identity], actor: Actor) -> Drill:
    """Rehearse the restore of the backup `file`, note the result in the database of `engine`, and return it.

    The installation itself is not changed. Raises NotAllowed, BackupError, DatabaseError; a failure is noted, too, but
    not BackupBusy.
    """
    actor.need(Action.OPERATIONS)
    now, start = datetime.now(UTC), time.monotonic()
    try:
        manifest, pages = _rehearse(settings, file, keys, actor, now)
    except BackupBusy:
        raise
    except ProblemError as error:
        note_failure(
            engine, BackupRow("drill", now, time.monotonic() - start, actor.shown, file.name), error.problem, actor
        )
        raise
    seconds = time.monotonic() - start
    row = BackupRow("drill", now, seconds, actor.shown, file.name, digest_of(file), manifest.total_bytes, manifest.rows)
    save_backup_row(
        engine, row, Entry(actor, "backup.drilled", file.name, after={"rows": manifest.rows, "pages": pages})
    )
    log.info("drill with %s: %d rows, %d pages, %.1f s", file.name, manifest.rows, pages, seconds)
    return Drill(file.name, manifest, pages, seconds)


def _rehearse(
    settings: Settings, file: Path, keys: Sequence[x25519.Identity], actor: Actor, now: datetime
) -> tuple[Manifest, int]:
    with scratch_folder(settings.data_dir) as scratch:
        manifest = unpack(file, keys, scratch)
        check(manifest, scratch)
        with _scratch_database(settings, manifest, scratch) as url:
            return manifest, _read_everything(settings, url, scratch, actor, created_at(file.name) or now)


@contextmanager
def _scratch_database(settings: Settings, manifest: Manifest, scratch: Path) -> Iterator[str]:
    """Yield the URL of the restored database. Raises DatabaseError; BackupError if it is not what the manifest says."""
    if manifest.database == "sqlite":
        yield f"sqlite:///{scratch / manifest.dump}"
        return
    if sqlite_file(settings.database) is not None:
        raise BackupError(Problem("backup.other_kind", {"kind": manifest.database}))
    name = f"lizenztool_drill_{hashlib.sha256(settings.database.encode()).hexdigest()[:12]}"
    with scratch_postgres(settings.database, name, manifest.namespace) as url:
        with restored_postgres(url, scratch / manifest.dump, "before_restore"):
            pass
        if table_counts(url) != dict(manifest.tables):
            raise BackupError(Problem("backup.changed", {"file": manifest.dump}))
        yield url


def _read_everything(settings: Settings, url: str, scratch: Path, actor: Actor, now: datetime) -> int:
    """Upgrade the restored database, decrypt its secrets and read what every page shows; return the number of pages."""
    restored = replace(settings, database_url=url, data_dir=scratch, profiles_dir=scratch / "profiles")
    engine = open_database(url)
    try:
        secret_rotation.prepare(engine, restored)
        faults = [one for one in stored_secrets.problems(engine) if one.code not in stored_secrets.PASSING]
        if faults:
            raise BackupError(faults[0])
        ProfileStore(restored.profiles_dir).load(now)
        for page, query in QUERIES.items():
            _ask(page, query, Reader(engine, restored, actor, now))
    finally:
        engine.dispose()
    return len(QUERIES)


def _ask(page: str, query: Callable[[Reader], object], reader: Reader) -> None:
    """Read what one page shows; an unexpected error becomes BackupError, so that the drill fails with words."""
    try:
        query(reader)
    except ProblemError:
        raise
    except Exception as error:
        log.exception("the page %r cannot be read from the restored database", page)
        raise BackupError(Problem("backup.page_fails", {"page": page or "start"}, type(error).__name__)) from error
