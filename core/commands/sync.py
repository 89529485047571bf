"""`sync`: one refresh, or one after the other."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from types import FrameType
from typing import Any

from core.cache.database import open_database
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.problems import Problem, ProblemError
from core.profiles import folder_problem
from core.reading import Stopped
from core.refresh import Refresher, UnknownTenant
from core.roles import command_actor
from core.settings import Settings
from core.sharepoint import PushResult

NO_WRITES = PushResult().counts()


def add_to(commands: Any) -> None:
    """The command and its options."""
    sync = commands.add_parser("sync", help="one refresh: read every tenant, write cache and SharePoint")
    sync.add_argument("--tenant", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    sync.add_argument("--read-only", action="store_true", help="leave SharePoint as it is")
    sync.add_argument("--watch", action="store_true", help="go on every REFRESH_MINUTES until SIGTERM")
    sync.add_argument("--json", action="store_true", help="one JSON object per refresh on stdout")
    sync.set_defaults(call=_sync)


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
        problem = folder_problem(settings.profiles_dir) or Problem(
            "check.no_profile", {"folder": str(settings.profiles_dir)}
        )
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
