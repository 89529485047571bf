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


def add_to(commands: Any) -> None:
    """Add the command and its actions to the parser."""
    parser = commands.add_parser("secrets", help="keys of the secrets in the database (second factors)")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("status", help="which keys there are, and what each has encrypted").set_defaults(call=_status)
    actions.add_parser("rotate", help="encrypt all with a new key").set_defaults(call=_rotate)
    actions.add_parser("generate", help="print a new key for LIZENZTOOL_SECRET_KEYS").set_defaults(call=_generate)


def _status(_options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    problems = stored_secrets.problems(engine)
    if not any(problem.code == "secrets.key_unreadable" for problem in problems):
        _print_status(stored_secrets.status(engine))
    for problem in problems:
        print(problem.text(settings.language), file=sys.stderr)
    return SOME_FAILED if any(problem.code not in stored_secrets.PASSING for problem in problems) else OK


def _rotate(_options: argparse.Namespace, settings: Settings) -> int:
    _print_status(secret_rotation.rotate(open_engine(settings), command_actor(), datetime.now(UTC)))
    print(
        "All secrets are encrypted with the first key now. Backups made before need the former key: keep it with them."
    )
    return OK


def _generate(_options: argparse.Namespace, _settings: Settings) -> int:
    print(new_key())
    return OK


def _print_status(status: Status) -> None:
    print(f"Keys in {status.where}; the database was last encrypted with {status.key_id or 'none'}.")
    for name, count in status.keys.items():
        print(f"{name:10}{count} secrets")
    for secret in status.lost:
        print(f"{'no key':10}{secret.purpose} of {secret.owner}")
