"""Put a backup in place: everything or nothing, and what was there into dated folders beside it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyrage import x25519

from core.backup.archive import unpack
from core.backup.backup_error import BackupError, system_errors
from core.backup.contents import places_of
from core.backup.manifest import OUTSIDE, PARTS, SETTINGS, Manifest
from core.backup.restore_journal import Journal, backward, begun, end, forward, need_none_begun
from core.backup.scratch import scratch_folder
from core.backup.staging import delete_staged, stage
from core.cache.database import DatabaseError, sqlite_file
from core.cache.postgres_copy import check_dump, drop_schema_if_empty, present_schema, restored_postgres, schema_exists
from core.cache.schema_version import MIGRATIONS
from core.cache.sole_use import sole_connection
from core.cache.sqlite_copy import sqlite_row_counts
from core.cache.upgrade import is_known
from core.problems import Problem
from core.settings import PREFIX, Settings, load_settings
from core.text_files import shown


@dataclass(frozen=True, slots=True)
class Restored:
    """A finished restore: the folders and the schema that have what was there before.

    `outside`: the folder with keys that profiles name elsewhere; they are put back by hand. "" for none.
    """

    manifest: Manifest
    aside: Sequence[str]
    outside: str = ""

    @property
    def belongs(self) -> dict[str, str]:
        """Return the name of each key in the folder `outside` -> the path to which it belongs, as foreign text."""
        originals = (self.manifest.outside or {}) if self.outside else {}
        return {shown(name.removeprefix(f"{OUTSIDE}/")): shown(path, 300) for name, path in originals.items()}


def check(manifest: Manifest, folder: Path) -> None:
    """Raise BackupError or DatabaseError if the unpacked backup is of a newer program or its database is damaged."""
    if not is_known(MIGRATIONS, manifest.schema):
        raise BackupError(Problem("backup.newer", {"version": manifest.schema}))
    dump = folder / manifest.dump
    if manifest.database == "postgresql":
        check_dump(dump)
    elif sqlite_row_counts(dump) != dict(manifest.tables):
        raise BackupError(Problem("backup.changed", {"file": manifest.dump}))


def unpack_to(file: Path, keys: Sequence[x25519.Identity], folder: Path) -> Manifest:
    """Unpack into a new folder and change nothing else. Raises BackupError, DatabaseError."""
    with system_errors("backup.not_written", folder):
        folder.mkdir(mode=0o700, parents=True)
    try:
        manifest = unpack(file, keys, folder)
        check(manifest, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest


def restore(
    file: Path, keys: Sequence[x25519.Identity], settings: Settings, parts: Sequence[str] = tuple(PARTS)
) -> Restored:
    """Restore `parts` of the backup into the places of the settings; then everything is there, or all is as before.

    Raises BackupError, DatabaseError.
    """
    places, data_dir = places_of(settings), settings.data_dir
    need_none_begun(data_dir)
    need_alone(settings)
    stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    wanted = [first for part in parts for first in PARTS[part]]
    with scratch_folder(data_dir) as scratch:
        delete_staged(places, data_dir)
        manifest = unpack(file, keys, scratch)
        check(manifest, scratch)
        if manifest.dump in wanted:
            _need_kind(manifest, settings)
        if SETTINGS in wanted and SETTINGS in manifest.files and len(wanted) > 1:
            _need_same_places(settings, scratch / SETTINGS)
        try:
            with system_errors("backup.not_written", data_dir):
                journal = stage(Journal(file.name, stamp, []), manifest, places, scratch, data_dir, wanted)
                outside = _keep_outside(scratch, data_dir, stamp) if "profiles" in wanted else ""
            journal.save(data_dir)
            _begin(journal, settings)
        finally:
            if begun(data_dir) is None:
                delete_staged(places, data_dir)
    return Restored(manifest, _asides(journal), outside)


def _begin(journal: Journal, settings: Settings) -> None:
    """Carry the journal out, unless a process has started since: from now on none opens the database."""
    try:
        need_alone(settings)
    except BaseException:
        end(settings.data_dir)
        raise
    carry_out(journal, settings.data_dir, settings.database)


def _keep_outside(scratch: Path, data_dir: Path, stamp: str) -> str:
    """Keep the keys that belong elsewhere in a folder of their own; return it, "" if there are none."""
    if not (scratch / OUTSIDE).is_dir():
        return ""
    folder = data_dir / f"restored-keys-{stamp}"
    shutil.move(scratch / OUTSIDE, folder)
    return str(folder)


def continue_restore(settings: Settings) -> Journal:
    """Finish the restore that was interrupted. Raises BackupError, DatabaseError."""
    journal = begun(settings.data_dir)
    if journal is None:
        raise BackupError(Problem("backup.nothing_begun"))
    need_alone(settings)
    with scratch_folder(settings.data_dir):  # which deletes what the killed process had unpacked there
        carry_out(journal, settings.data_dir, settings.database)
        delete_staged(places_of(settings), settings.data_dir)
    return journal


def need_alone(settings: Settings) -> None:
    """Raise DatabaseError if another process, as a dashboard or `sync --watch`, has the database open."""
    try:
        with sole_connection(settings.database):
            pass
    except DatabaseError as error:
        # A file that is missing or damaged is what is to be replaced.
        if error.problem.code == "database.in_use" or sqlite_file(settings.database) is None:
            raise


def carry_out(journal: Journal, data_dir: Path, url: str) -> None:
    """Do all steps of the journal and load the database of a server, or undo all. Raises BackupError, DatabaseError."""
    try:
        with _loaded(journal, url), system_errors("backup.not_replaced", data_dir):
            forward(journal.steps)
    except BaseException:
        if not _is_loaded(journal, url):  # a connection may break after the commit
            backward(journal.steps)
            end(data_dir)
        raise
    if journal.schema_aside:
        drop_schema_if_empty(url, journal.schema_aside)
    end(data_dir)


def _loaded(journal: Journal, url: str) -> AbstractContextManager[None]:
    """Return a context that commits the database of a server at its end, if that is not done already."""
    if not journal.dump or _is_loaded(journal, url):
        return nullcontext()
    return restored_postgres(url, Path(journal.dump), journal.schema_aside)


def _is_loaded(journal: Journal, url: str) -> bool:
    return bool(journal.dump) and schema_exists(url, journal.schema_aside)


def _need_kind(manifest: Manifest, settings: Settings) -> None:
    if (manifest.database == "sqlite") != (sqlite_file(settings.database) is not None):
        raise BackupError(Problem("backup.other_kind", {"kind": manifest.database}))
    if manifest.database == "postgresql" and (own := present_schema(settings.database)) != manifest.namespace:
        raise BackupError(Problem("backup.other_schema", {"own": own, "schema": manifest.namespace}))


def _need_same_places(settings: Settings, env_file: Path) -> None:
    """Raise BackupError if the settings of the backup name other places than those that are about to be filled."""
    restored = load_settings(env_file=env_file)
    names = [
        name
        for name in ("data_dir", "database_url", "profiles_dir")
        if getattr(restored, name) != getattr(settings, name)
    ]
    if names:
        raise BackupError(
            Problem("backup.other_places", {"names": ", ".join(f"{PREFIX}{one.upper()}" for one in names)})
        )


def _asides(journal: Journal) -> list[str]:
    """Return the folders, and the schema, that have what was there before."""
    folders = sorted({str(Path(step.aside).parent) for step in journal.steps if Path(step.aside).exists()})
    return [*folders, *([journal.schema_aside] if journal.schema_aside else [])]
