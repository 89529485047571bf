"""`audit`: verify and export the audit."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any

from core import audit
from core.commands import OK, SOME_FAILED
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.spreadsheets import ENCODING, write_row
from core.texts import plural, text

COLUMNS = [field.name for field in fields(audit.AuditRow)]


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    actions = commands.add_parser("audit", help=text("help.audit", language)).add_subparsers(
        required=True, metavar="ACTION"
    )
    verify = actions.add_parser("verify", help=text("help.audit_verify", language))
    verify.set_defaults(call=_verify)
    export = actions.add_parser("export", help=text("help.audit_export", language))
    export.add_argument("file", type=Path, metavar="FILE")
    export.set_defaults(call=_export)


def _verify(_options: argparse.Namespace, settings: Settings) -> int:
    verification = audit.verify(open_engine(settings), command_actor())
    language = settings.language
    print(plural("command.audit_whole", verification.rows, language, head=verification.head or "-"))
    if verification.broken_at is None:
        return OK
    print(text("command.audit_broken", language, row=verification.broken_at))
    return SOME_FAILED


def _export(options: argparse.Namespace, settings: Settings) -> int:
    rows = audit.export(open_engine(settings), command_actor(), audit.Search())
    as_csv, count = options.file.suffix.lower() == ".csv", 0
    # An older file is replaced only when the new one is complete.
    unfinished = options.file.with_name(f"{options.file.name}.part")
    with unfinished.open("w", encoding=ENCODING if as_csv else "utf-8", newline="") as file:
        write = _csv_writer(file, settings.language) if as_csv else _json_writer(file)
        for row in rows:
            write(asdict(row) | {"at": row.at.isoformat(timespec="microseconds")})
            count += 1
    os.replace(unfinished, options.file)
    print(plural("command.audit_exported", count, settings.language))
    return OK


def _json_writer(file: IO[str]) -> Callable[[dict[str, Any]], object]:
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv_writer(file: IO[str], language: str) -> Callable[[dict[str, Any]], object]:
    write_row(file, COLUMNS, language)
    return lambda row: write_row(file, row.values(), language)
