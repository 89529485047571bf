"""`backup`: make, list, check and restore backups, and rehearse the way back."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import shlex
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from core.backup.backup_error import BackupError, system_errors
from core.backup.backup_folder import backups_in
from core.backup.manifest import PARTS
from core.cache.audit_rows import Entry
from core.cache.backup_rows import BackupRow, save_backup_row
from core.commands import OK
from core.problems import Problem, ProblemError
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings, load_settings
from core.texts import plural, text

log = logging.getLogger(__name__)


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("backup", help=text("help.backup", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(
        name: str, call: Callable[[argparse.Namespace, Settings], int], file: str = ""
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(name, help=text(f"help.backup_{name}", language))
        if file:
            added.add_argument("file", type=Path, metavar="FILE", nargs=None if file == "needed" else "?")
        added.add_argument("--json", action="store_true", help=text("help.backup_json", language))
        added.set_defaults(call=call)
        return added

    key = action("key", _key, "needed")
    reading = [
        action("verify", _verify, "needed"),
        action("restore", _restore, "optional"),
        action("drill", _drill, "optional"),
    ]
    action("create", _create)
    action("list", _list)
    for one in reading:
        one.add_argument("--key", type=Path, metavar="KEYFILE", help=text("help.backup_keyfile", language))
    for one in [key, *reading]:
        one.add_argument("--passphrase-file", type=Path, metavar="FILE", help=text("help.backup_passphrase", language))
    restoring = reading[1]
    kinds = restoring.add_mutually_exclusive_group()
    kinds.add_argument("--to", type=Path, metavar="FOLDER", help=text("help.backup_to", language))
    kinds.add_argument("--only", action="append", choices=tuple(PARTS),
                       help=text("help.backup_only", language))  # fmt: skip
    kinds.add_argument("--continue", dest="go_on", action="store_true", help=text("help.backup_continue", language))


def _key(options: argparse.Namespace, settings: Settings) -> int:
    from core.backup.backup_keys import new_key_file

    words = _from_file(options.passphrase_file) if options.passphrase_file else ""
    public = new_key_file(options.file, words)
    _tell(options, {"file": str(options.file), "recipient": public},
          text("command.backup_key", settings.language, file=options.file, key=public))  # fmt: skip
    return OK


def _create(options: argparse.Namespace, settings: Settings) -> int:
    from core.backup.creation import create

    with _opened(settings) as engine:
        created = create(engine, settings, command_actor(), datetime.now(UTC))
    values = {
        "file": str(created.file),
        "sha256": created.sha256,
        "bytes": created.bytes,
        "rows": created.manifest.rows,
        "seconds": round(created.seconds, 1),
        "deleted": created.deleted,
    }
    _tell(options, values, text("command.backup_created", settings.language, **_shown(values)))
    return OK


def _list(options: argparse.Namespace, settings: Settings) -> int:
    """Print the backups in the folder; the database is not opened, for it may be what was lost."""
    if not settings.backup_dir:
        raise BackupError(Problem("backup.not_set_up"))
    backups = backups_in(Path(settings.backup_dir))
    if options.json:
        print(
            json.dumps(
                [
                    {"file": str(one.path), "created_at": one.created_at.isoformat(), "bytes": one.bytes}
                    for one in backups
                ]
            )
        )
        return OK
    for one in backups:
        print(f"{one.created_at.astimezone(settings.zone):%d.%m.%Y %H:%M:%S}  {_mega(one.bytes):>10} MB  {one.path}")
    print(plural("command.backup_count", len(backups), settings.language))
    return OK


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    from core.backup.archive import digest_of, unpack
    from core.backup.restoring import check
    from core.backup.scratch import scratch_folder

    keys = _keys(options, settings)
    with scratch_folder(settings.data_dir) as folder:
        manifest = unpack(options.file, keys, folder)
        check(manifest, folder)
    values = {
        "file": str(options.file),
        "sha256": digest_of(options.file),
        "created_at": manifest.created_at.isoformat(),
        "database": manifest.database,
        "schema": manifest.schema,
        "rows": manifest.rows,
        "files": len(manifest.files),
        "settings": list(manifest.settings),
    }
    _tell(options, values, text("command.backup_verified", settings.language, **_shown(values)))
    if manifest.settings and not options.json:
        names = ", ".join(manifest.settings)
        print(text("command.backup_environment", settings.language, names=names))
    return OK


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from core.backup import restoring

    if options.go_on:
        journal = restoring.continue_restore(settings)
        _note_restored(settings, journal.backup, "", 0, 0.0)
        _tell(
            options, {"file": journal.backup}, text("command.backup_continued", settings.language, file=journal.backup)
        )
        return OK
    file, start = _needed_file(options), time.monotonic()
    keys = _keys(options, settings)
    if options.to:
        manifest = restoring.unpack_to(file, keys, options.to)
        values = {"file": str(file), "to": str(options.to), "rows": manifest.rows, "files": len(manifest.files)}
        _tell(options, values, text("command.backup_unpacked", settings.language, **_shown(values)))
        return OK
    from core.backup.archive import digest_of
    from core.backup.returned_tenants import left_tenants

    digest, left = digest_of(file), left_tenants(settings)
    restored = restoring.restore(file, keys, settings, options.only or tuple(PARTS))
    seconds = time.monotonic() - start
    returned = _note_restored(load_settings(), file.name, digest, restored.manifest.rows, seconds, left)
    values = {"file": str(file), "sha256": digest, "rows": restored.manifest.rows, "seconds": round(seconds, 1),
              "aside": list(restored.aside), "outside": restored.outside, "belongs": restored.belongs,
              "returned": returned}  # fmt: skip
    _tell(options, values, text("command.backup_restored", settings.language, **_shown(values)))
    if not options.json:
        for place in restored.aside:
            print(text("command.backup_aside", settings.language, place=place))
        if restored.outside:
            print(text("command.backup_outside", settings.language, place=restored.outside))
            for name, path in restored.belongs.items():
                print(f"  {name} -> {path}")
        for slug, tenant in returned.items():
            values = {"tenant": tenant, "slug": slug, "typed": shlex.quote(tenant)}
            print(text("command.backup_returned", settings.language, **values))
    return OK


def _note_restored(
    settings: Settings, file: str, digest: str, rows: int, seconds: float, left: Collection[str] = ()
) -> dict[str, str]:
    """Note the restore in the restored database, and return the tenants in `left` that are back by it.

    The restore has succeeded, so a database that does not open is only told.
    """
    from core.backup.returned_tenants import returned_tenants

    actor, now = command_actor(), datetime.now(UTC)
    try:
        row = BackupRow("restore", now, seconds, actor.shown, file, digest, 0, rows)
        with _opened(settings) as engine:
            save_backup_row(engine, row, Entry(actor, "backup.restored", file, after={"sha256": digest}))
            return returned_tenants(engine, settings, left, now)
    except ProblemError as error:
        print(error.problem.text(settings.language), file=sys.stderr)
        return {}


def _drill(options: argparse.Namespace, settings: Settings) -> int:
    from core.backup.drill import drill

    file = options.file or _newest(settings)
    keys = _keys(options, settings)
    with _opened(settings) as engine:
        done = drill(engine, settings, file, keys, command_actor())
    values = {"file": str(file), "rows": done.manifest.rows, "pages": done.pages, "seconds": round(done.seconds, 1)}
    _tell(options, values, text("command.backup_drilled", settings.language, **_shown(values)))
    return OK


@contextmanager
def _opened(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()


def _newest(settings: Settings) -> Path:
    backups = backups_in(Path(settings.backup_dir)) if settings.backup_dir else []
    if not backups:
        raise BackupError(Problem("backup.none", {"place": settings.backup_dir or "-"}))
    return backups[0].path


def _needed_file(options: argparse.Namespace) -> Path:
    if options.file is None:
        raise BackupError(Problem("backup.file_needed"))
    return Path(options.file)


def _keys(options: argparse.Namespace, settings: Settings) -> Any:
    """Return the private keys of the key file. Raises BackupError."""
    from core.backup.backup_keys import read_key_file

    if options.key is None:
        raise BackupError(Problem("backup.key_needed"))
    ask = (
        partial(_from_file, options.passphrase_file) if options.passphrase_file else partial(_asked, settings.language)
    )
    return read_key_file(options.key, ask)


def _from_file(file: Path) -> str:
    with system_errors("backup.key_unreadable", file):
        return file.read_text(encoding="utf-8").rstrip("\r\n")


def _asked(language: str) -> str:
    """Return the passphrase that somebody types; without a terminal it has to come from a file."""
    if not sys.stdin.isatty():
        raise BackupError(Problem("backup.passphrase_needed"))
    return getpass.getpass(f"{text('command.backup_passphrase', language)}: ")


def _tell(options: argparse.Namespace, values: dict[str, Any], sentence: str) -> None:
    print(json.dumps(values, ensure_ascii=False) if options.json else sentence)


def _shown(values: dict[str, Any]) -> dict[str, str]:
    return {name: _mega(value) if name == "bytes" else str(value) for name, value in values.items()}


def _mega(size: int) -> str:
    return f"{size / 1_000_000:.1f}"
