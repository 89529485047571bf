"""`db`: show and upgrade the version of the database, and move the data into another one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.backup.restore_journal import need_none_begun
from core.cache.database import open_database, schema_at
from core.cache.schema_version import Fit, newest_version
from core.commands import OK, SOME_FAILED
from core.masking import without_credentials
from core.operations import jobs
from core.operations.database_move import look, move
from core.roles import command_actor
from core.setting_faults import SettingFault
from core.setting_values import database_url
from core.settings import PREFIX, Settings, language_or_default
from core.texts import plural, text

SETTING = f"{PREFIX}DATABASE_URL"
EVERY = 500_000  # rows of a table between two lines of progress


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("db", help=text("help.db", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, call in (("status", _status), ("upgrade", _upgrade)):
        action = actions.add_parser(name, help=text(f"help.db_{name}", language))
        action.add_argument("--json", action="store_true", help=text("help.db_json", language))
        action.set_defaults(call=call)
    action = actions.add_parser("move", help=text("help.db_move", language))
    action.add_argument("--to", required=True, type=_url, metavar="URL", help=text("help.db_to", language))
    action.add_argument("--dry-run", action="store_true", help=text("help.db_dry_run", language))
    action.add_argument("--json", action="store_true", help=text("help.db_json", language))
    action.set_defaults(call=_move)


def _status(options: argparse.Namespace, settings: Settings) -> int:
    """Show the version of the tables and that of the program; return SOME_FAILED if they do not work together."""
    fit, stored = schema_at(settings.database)
    _print_status(fit, stored, settings, as_json=options.json)
    return OK if fit is Fit.FITS else SOME_FAILED


def _upgrade(options: argparse.Namespace, settings: Settings) -> int:
    _, before = schema_at(settings.database)
    engine = open_database(settings.database)
    if engine.dialect.name == "postgresql" and jobs.is_installed():
        jobs.apply_schema(engine)
    engine.dispose()
    fit, stored = schema_at(settings.database)
    _print_status(fit, stored, settings, as_json=options.json, before=before)
    return OK


def _print_status(fit: Fit, stored: str | None, settings: Settings, *, as_json: bool, **more: str | None) -> None:
    own, where = newest_version(), without_credentials(settings.database)
    if as_json:
        print(json.dumps({"database": where, "version": stored, "program": own, "fit": fit.value, **more}))
    else:
        values = {"file": where, "version": stored or "-", "own": own}
        print(text(f"command.db_fit.{fit.value}", settings.language, **values))


def _url(raw: str) -> str:
    try:
        return database_url(raw)
    except SettingFault as fault:  # whose text has no password
        raise argparse.ArgumentTypeError(text(f"settings.fault.{fault.kind}", language_or_default())) from None


def _move(options: argparse.Namespace, settings: Settings) -> int:
    source, shown = settings.database, without_credentials(options.to)
    need_none_begun(settings.data_dir)  # a restore
    if options.dry_run:
        rows = look(source, options.to, command_actor())
        answer = {"moved": False, "to": shown, "rows": sum(rows.values()), "tables": rows}
        _print(answer, rows, plural("command.db_would_move", sum(rows.values()), settings.language, to=shown), options)
        return OK
    moved = move(source, options.to, command_actor(), datetime.now(UTC), _progress)
    rows, broken_at = {name: contents.rows for name, contents in moved.tables.items()}, moved.audit.broken_at
    answer = {"moved": True, "to": shown, "rows": moved.rows, "tables": rows, "seconds": round(moved.seconds, 1),
              "audit_whole": broken_at is None, "setting": SETTING}  # fmt: skip
    values = {"to": shown, "seconds": f"{moved.seconds:.1f}", "setting": SETTING}
    _print(answer, rows, plural("command.db_moved", moved.rows, settings.language, **values), options)
    if broken_at is not None:
        print(text("command.audit_broken", settings.language, row=broken_at), file=sys.stderr)
    return OK if broken_at is None else SOME_FAILED


def _print(answer: Mapping[str, Any], rows: Mapping[str, int], sentence: str, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(answer))
        return
    print("\n".join(f"{count:>12,} {name}" for name, count in rows.items() if count))
    print(sentence)


def _progress(table: str, rows: int) -> None:
    """Write a line about a large table, on which a move works for minutes, to stderr."""
    if rows % EVERY == 0:
        print(f"{table}: {rows:,}", file=sys.stderr, flush=True)
