"""`secrets`: show and rotate the keys that encrypt secrets in the database; prints no secret."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from core.commands import OK, SOME_FAILED
from core.encryption import new_key
from core.roles import command_actor
from core.runtime import open_engine
from core.secrets import secret_rotation, stored_secrets
from core.secrets.stored_secrets import Status
from core.settings import Settings
from core.texts import plural, text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("secrets", help=text("help.secrets", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("status", help=text("help.secrets_status", language)).set_defaults(call=_status)
    actions.add_parser("rotate", help=text("help.secrets_rotate", language)).set_defaults(call=_rotate)
    actions.add_parser("generate", help=text("help.secrets_generate", language)).set_defaults(call=_generate)


def _status(_options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    problems = stored_secrets.problems(engine)
    if not any(problem.code == "secrets.key_unreadable" for problem in problems):
        _print_status(stored_secrets.status(engine), settings.language)
    for problem in problems:
        print(problem.text(settings.language), file=sys.stderr)
    return SOME_FAILED if any(problem.code not in stored_secrets.PASSING for problem in problems) else OK


def _rotate(_options: argparse.Namespace, settings: Settings) -> int:
    status = secret_rotation.rotate(open_engine(settings), command_actor(), datetime.now(UTC))
    _print_status(status, settings.language)
    print(text("command.secrets_rotated", settings.language))
    return OK


def _generate(_options: argparse.Namespace, _settings: Settings) -> int:
    print(new_key())
    return OK


def _print_status(status: Status, language: str) -> None:
    key = status.key_id or text("command.secrets_no_key", language)
    print(text("command.secrets_keys", language, where=status.where, key=key))
    for name, count in status.keys.items():
        print(f"{name:10}{plural('command.secrets_count', count, language)}")
    for secret in status.lost:
        print(text("command.secrets_lost", language, purpose=secret.purpose, owner=secret.owner))
