"""`users`: accounts of the dashboard."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from core.access import accounts, second_factor
from core.access.passwords import random_password
from core.access.sign_in import account_key
from core.commands import OK
from core.roles import ROLES, Actor, command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.texts import text


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("users", help=text("help.users", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help=text("help.users_add", language))
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="support")
    add.set_defaults(call=_users_add)
    passwd = actions.add_parser("passwd", help=text("help.users_passwd", language))
    passwd.add_argument("name")
    passwd.set_defaults(call=_users_passwd)
    for parser_ in (add, passwd):
        parser_.add_argument("--random", action="store_true", help=text("help.users_random", language))
    role = actions.add_parser("role", help=text("help.users_role", language))
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    role.set_defaults(call=_users_role)
    disable = actions.add_parser("disable", help=text("help.users_disable", language))
    disable.add_argument("name")
    disable.set_defaults(call=lambda options, settings: _users(settings, accounts.disable, options.name))
    enable = actions.add_parser("enable", help=text("help.users_enable", language))
    enable.add_argument("name")
    enable.set_defaults(call=lambda options, settings: _users(settings, accounts.enable, options.name))
    factor = actions.add_parser("remove-factor", help=text("help.users_factor", language))
    factor.add_argument("name")
    factor.set_defaults(call=_users_remove_factor)
    actions.add_parser("list", help=text("help.users_list", language)).set_defaults(call=_users_list)


def _users_add(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    password = _password(options, settings.language)
    accounts.add(engine, command_actor(), options.name, password, options.role)
    return _print_random(options, password)


def _users_passwd(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine(settings)
    password = _password(options, settings.language)
    accounts.passwd(engine, command_actor(), options.name, password)
    return _print_random(options, password)


def _users_role(options: argparse.Namespace, settings: Settings) -> int:
    accounts.set_role(open_engine(settings), command_actor(), options.name, options.role)
    return OK


def _users_remove_factor(options: argparse.Namespace, settings: Settings) -> int:
    engine, name = open_engine(settings), account_key(options.name)
    second_factor.remove(engine, command_actor(), name, datetime.now(UTC))
    return OK


def _users(settings: Settings, call: Callable[[Engine, Actor, str], None], name: str) -> int:
    call(open_engine(settings), command_actor(), name)
    return OK


def _users_list(_options: argparse.Namespace, settings: Settings) -> int:
    for account in accounts.list_accounts(open_engine(settings), command_actor()):
        disabled = text("accounts.disabled", settings.language) if account.disabled else ""
        print(f"{account.name:30}{account.role:10}{disabled}".rstrip())
    return OK


def _password(options: argparse.Namespace, language: str) -> str:
    """Return the password: a random one, or from standard input; arguments are visible to every process."""
    if options.random:
        return random_password()
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, again = text("command.password", language), text("command.password_again", language)
    while (password := getpass.getpass(first)) != getpass.getpass(again):
        print(text("command.password_differs", language), file=sys.stderr)
    return password


def _print_random(options: argparse.Namespace, password: str) -> int:
    if options.random:
        print(password)
    return OK
