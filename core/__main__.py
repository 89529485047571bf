"""Command line: `python -m core sync | check | cert | skus | rules | users`."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine

from core import access, rules
from core.cache.database import open_database
from core.cache.names import save_names
from core.cache.policies import all_policies
from core.certificates import new_certificate
from core.checks import Finding, check_all
from core.logs import set_up_logs
from core.passwords import random_password
from core.problems import Problem, ProblemError
from core.reading import Stopped
from core.refresh import Refresher, UnknownTenant
from core.roles import ROLES, Actor, command_actor
from core.settings import Settings, SettingsError, load_settings
from core.sharepoint import PushResult
from core.skus import SkuError, parse_product_names, read_product_names

NO_WRITES = PushResult().counts()
OK, SOME_FAILED, WRONG_CONFIGURATION = 0, 1, 2
LONGEST_DAYS = 3650
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 all well, 1 some tenant or item failed, 2 wrong configuration or use."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        os.umask(0o077)  # database and log tell who works where: for the service's own eyes
        set_up_logs(settings.log_dir, settings.log_level, settings.log_format)
        return int(options.call(options, settings))
    except SettingsError as error:
        print("\n".join(error.faults), file=sys.stderr)
    except ProblemError as error:
        print(error.problem.text(settings.language), file=sys.stderr)
    except access.AccessError as error:
        print(error.text(settings.language), file=sys.stderr)
    except (SkuError, rules.RuleFileError, UnicodeError, OSError) as error:
        print(error, file=sys.stderr)
    return WRONG_CONFIGURATION


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Lizenztool from the command line.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sync = commands.add_parser("sync", help="one refresh: read every tenant, write cache and SharePoint")
    sync.add_argument("--tenant", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    sync.add_argument("--read-only", action="store_true", help="leave SharePoint as it is")
    sync.add_argument("--watch", action="store_true", help="go on every REFRESH_MINUTES until SIGTERM")
    sync.add_argument("--json", action="store_true", help="one JSON object per refresh on stdout")
    sync.set_defaults(call=_sync)

    check = commands.add_parser("check", help="profiles, certificates, sign-in, permissions, lists: what is wrong")
    check.add_argument("--json", action="store_true", help="the findings as JSON on stdout")
    check.set_defaults(call=_check)

    cert = commands.add_parser("cert", help="certificates").add_subparsers(required=True, metavar="ACTION")
    new = cert.add_parser("new", help="make key and certificate for the tenant SLUG")
    new.add_argument("slug")
    new.add_argument("--days", type=_days, default=730, help="how long it is valid (730)")
    new.set_defaults(call=_cert_new)

    skus = commands.add_parser("skus", help="product names").add_subparsers(required=True, metavar="ACTION")
    imported = skus.add_parser("import", help="take Microsoft's CSV of product names into the database")
    imported.add_argument("source", metavar="FILE-OR-URL")
    imported.set_defaults(call=_skus_import)

    _add_rules(commands.add_parser("rules", help="exceptions from the standard of alarms"))
    _add_users(commands.add_parser("users", help="accounts of the dashboard"))
    return parser


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {LONGEST_DAYS}")
    return int(text)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, call, what in (
        ("export", _rules_export, "write all rules to a JSON file"),
        ("import", _rules_import, "put the rules of a JSON file in the place of all there are"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("file", type=Path, metavar="FILE")
        action.set_defaults(call=call)


def _add_users(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="a new account; asks for the password")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="support")
    add.set_defaults(call=_users_add)
    passwd = actions.add_parser("passwd", help="a new password; ends all sessions of the account")
    passwd.add_argument("name")
    passwd.set_defaults(call=_users_passwd)
    for parser_ in (add, passwd):
        parser_.add_argument("--random", action="store_true", help="make a password and print it, instead of asking")
    role = actions.add_parser("role", help="another role; ends all sessions of the account")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    role.set_defaults(call=_users_role)
    disable = actions.add_parser("disable", help="no sign-in any more; ends all sessions of the account")
    disable.add_argument("name")
    disable.set_defaults(call=lambda options, settings: _users(settings, access.disable, options.name))
    enable = actions.add_parser("enable", help="sign-in again")
    enable.add_argument("name")
    enable.set_defaults(call=lambda options, settings: _users(settings, access.enable, options.name))
    actions.add_parser("list", help="all accounts").set_defaults(call=_users_list)


def _sync(options: argparse.Namespace, settings: Settings) -> int:
    refresher = Refresher(open_database(settings.database), settings)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()
        refresher.interrupt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    code = OK
    try:
        while True:
            code = max(code, _sync_once(refresher, options, settings))
            if not options.watch or ended.wait(max(1.0, settings.refresh_minutes * 60)):
                return code
    except Stopped:
        return code
    finally:
        refresher.stop()


def _sync_once(refresher: Refresher, options: argparse.Namespace, settings: Settings) -> int:
    try:
        summary = refresher.run(command_actor(), options.tenant, read_only=options.read_only)
    except UnknownTenant:
        raise
    except ProblemError as error:
        if not options.watch:
            raise
        print(error.problem.text(settings.language), file=sys.stderr)
        return SOME_FAILED
    if options.json:
        print(json.dumps(summary, ensure_ascii=False), flush=True)
    else:
        _print_summary(summary)
    if not summary["tenants"]:
        problem = Problem("check.no_profile", {"folder": str(settings.profiles_dir)})
        print(problem.text(settings.language), file=sys.stderr)
        return WRONG_CONFIGURATION
    lists = summary["sharepoint"]
    return SOME_FAILED if summary["failed"] or lists["failed"] or lists.get("problem") else OK


def _print_summary(summary: dict[str, Any]) -> None:
    lists = summary["sharepoint"]
    print(
        f"{summary['ok']} of {summary['tenants']} tenants read, {summary['licenses']} licences, "
        f"{summary['shortages']} shortages, {summary['seconds']:.1f} s"
    )
    print("SharePoint: " + ", ".join(f"{name} {lists[name]}" for name in NO_WRITES))
    if lists.get("remaining"):
        print(f"- {lists['remaining']} items follow with the next refresh")
    for entry in summary["skipped"]:
        print(f"- {entry['tenant']}: {entry['reason']}")
    for entry in [*summary["failed"], *([lists["problem"]] if lists.get("problem") else [])]:
        print(f"- {entry['message']}")


def _check(options: argparse.Namespace, settings: Settings) -> int:
    refresher = Refresher(open_database(settings.database), settings)
    try:
        findings = check_all(refresher.tools)
    finally:
        refresher.stop()
    if options.json:
        print(json.dumps([_as_json(finding, settings.language) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            text = finding.problem.text(settings.language) if finding.problem else finding.note
            print(f"{finding.level:8}{finding.subject}: {text}")
    return SOME_FAILED if any(finding.level == "error" for finding in findings) else OK


def _as_json(finding: Finding, language: str) -> dict[str, str]:
    problem = finding.problem
    return {
        "subject": finding.subject,
        "level": finding.level,
        "code": problem.code if problem else "",
        "message": problem.text(language) if problem else finding.note,
        "detail": problem.detail if problem else "",
    }


def _cert_new(options: argparse.Namespace, settings: Settings) -> int:
    if not SLUG.fullmatch(options.slug):
        print(f"{options.slug!r}: use lower-case letters, digits, - and _ only.", file=sys.stderr)
        return WRONG_CONFIGURATION
    folder = settings.profiles_dir.resolve().parent / "certs" / options.slug
    try:
        certificate = new_certificate(folder, options.slug, days=options.days)
    except FileExistsError as error:
        print(f"{error.filename} exists already and is not overwritten; move it away first.", file=sys.stderr)
        return WRONG_CONFIGURATION
    relative = Path("certs") / options.slug / certificate.path.name
    print(f"Key and certificate (keep it here):     {certificate.path}")
    print(f"Public part for the app registration:   {certificate.path.with_suffix('.cer')}")
    entries = {
        "thumbprint": certificate.thumbprint,
        "cert_path": relative.as_posix(),
        "expires": certificate.expires.date().isoformat(),
    }
    print(f"For profiles/config-{options.slug}-profile.json:")
    print(",\n".join(f'  "{name}": "{value}"' for name, value in entries.items()))
    return OK


def _skus_import(options: argparse.Namespace, settings: Settings) -> int:
    names, skipped = parse_product_names(read_product_names(options.source))
    save_names(open_database(settings.database), names)
    print(f"{len(names)} product names imported, {len(skipped)} rows skipped.")
    for line in skipped:
        print(f"- {line}")
    return OK


def _rules_export(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_database(settings.database)
    options.file.write_text(rules.export(engine, command_actor()), encoding="utf-8")
    print(f"{len(all_policies(engine))} rules exported.")
    return OK


def _rules_import(options: argparse.Namespace, settings: Settings) -> int:
    content = options.file.read_text(encoding="utf-8")
    print(f"{rules.import_(open_database(settings.database), content, command_actor())} rules imported.")
    return OK


def _users_add(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_database(settings.database)
    password = _password(options)
    access.add(engine, command_actor(), options.name, password, options.role)
    return _told(options, password)


def _users_passwd(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_database(settings.database)
    password = _password(options)
    access.passwd(engine, command_actor(), options.name, password)
    return _told(options, password)


def _users_role(options: argparse.Namespace, settings: Settings) -> int:
    access.set_role(open_database(settings.database), command_actor(), options.name, options.role)
    return OK


def _users(settings: Settings, call: Callable[[Engine, Actor, str], None], name: str) -> int:
    call(open_database(settings.database), command_actor(), name)
    return OK


def _users_list(_options: argparse.Namespace, settings: Settings) -> int:
    for account in access.list_accounts(open_database(settings.database)):
        print(f"{account.name:30}{account.role:10}{'disabled' if account.disabled else ''}".rstrip())
    return OK


def _password(options: argparse.Namespace) -> str:
    """Never from the command line, where every process of the machine could read it."""
    if options.random:
        return random_password()
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    while (password := getpass.getpass("Password: ")) != getpass.getpass("Again: "):
        print("The two differ; please type them once more.", file=sys.stderr)
    return password


def _told(options: argparse.Namespace, password: str) -> int:
    if options.random:
        print(password)
    return OK


if __name__ == "__main__":
    sys.exit(main())
