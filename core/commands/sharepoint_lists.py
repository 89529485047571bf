"""`lists`: let the lists in SharePoint be written again after something happened to them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from core.commands import OK
from core.refresh.list_refill import allow_refill
from core.refresh.list_take_over import take_over_lists
from core.refresh.services import open_services
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("lists", help=text("help.lists", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("refill", help=text("help.lists_refill", language)).set_defaults(call=_refill)
    actions.add_parser("take-over", help=text("help.lists_take_over", language)).set_defaults(call=_take_over)


def _refill(_options: argparse.Namespace, settings: Settings) -> int:
    problem = allow_refill(open_engine(settings), command_actor(), datetime.now(UTC))
    print(text("command.lists_refill", settings.language, **problem.params))
    return OK


def _take_over(_options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        before = take_over_lists(services, command_actor())
    finally:
        services.close()
    host = before.host if before else ""
    print(text("command.lists_taken_over" if before else "command.lists_marked", settings.language, host=host))
    return OK
