"""`rules`: export and import the alarm rules as a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cache.rule_rows import all_rules
from core.commands import OK
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.tenants import tenant_rules
from core.texts import plural, text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("rules", help=text("help.rules", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, call, what in (
        ("export", _rules_export, text("help.rules_export", language)),
        ("import", _rules_import, text("help.rules_import", language)),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("file", type=Path, metavar="FILE")
        action.set_defaults(call=call)


def _rules_export(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    options.file.write_text(tenant_rules.export(engine, command_actor()), encoding="utf-8")
    print(plural("command.rules_exported", len(all_rules(engine)), settings.language))
    return OK


def _rules_import(options: argparse.Namespace, settings: Settings) -> int:
    content = options.file.read_text(encoding="utf-8")
    count = tenant_rules.import_(open_engine(settings), content, command_actor())
    print(plural("command.rules_imported", count, settings.language))
    return OK
