"""`prune`: delete what is older than the settings keep."""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.commands import OK
from core.operations.duties import remove_due
from core.operations.retention import prune_now
from core.refresh.services import open_services
from core.runtime import open_engine
from core.settings import Settings
from core.texts import plural, text


def add_to(commands: Any, language: str) -> None:
    """Add the command to the parser, with help in `language`."""
    command = commands.add_parser("prune", help=text("help.prune", language))
    command.add_argument("--json", action="store_true", help=text("help.prune_json", language))
    command.set_defaults(call=_prune)


def _prune(options: argparse.Namespace, settings: Settings) -> int:
    services = open_services(open_engine(settings), settings)
    try:
        deleted = prune_now(services.engine, settings)
        remove_due(services)  # for installations that only a timer of the system calls
    finally:
        services.close()
    if options.json:
        print(json.dumps(deleted))
    else:
        print("\n".join(plural(f"command.pruned.{name}", count, settings.language) for name, count in deleted.items()))
    return OK
