"""`lists`: let the lists in SharePoint be written again after something happened to them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from core.commands import OK
from core.refresh.list_refill import allow_refill
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("lists", help=text("help.lists", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("refill", help=text("help.lists_refill", language)).set_defaults(call=_refill)


def _refill(_options: argparse.Namespace, settings: Settings) -> int:
    problem = allow_refill(open_engine(settings), command_actor(), datetime.now(UTC))
    print(text("command.lists_refill", settings.language, **problem.params))
    return OK
