"""`sync`: one refresh, or one after the other."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from core.cache.lists_read import sharepoint_status
from core.clock import Interval
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.operations import duties
from core.operations.message_duty import message_sender
from core.problems import Problem, ProblemError
from core.profiles.profile_store import folder_problem
from core.refresh.due_tenants import LOOK_EVERY, due_tenants, regular_scope
from core.refresh.refresher import Refresher
from core.refresh.run_stop import Stopped
from core.refresh.scope import UnknownTenant, scope_of
from core.refresh.services import Services, open_services
from core.refresh.timetable import DAY, MINUTE, TICK
from core.roles import Actor, command_actor, interval_actor, schedule_actor
from core.runtime import open_engine, open_engine_in_time, refresher_of
from core.settings import Settings
from core.sharepoint import PushResult
from core.texts import plural, text
from core.workers import Workers

log = logging.getLogger(__name__)

END_SECONDS = 3.0  # for what has arrived to be written
SEND_SECONDS = 60.0  # for messages, where no process sends them in the background
NO_WRITES = PushResult().counts()


@dataclass(frozen=True, slots=True)
class DueRefresh:
    """A refresh that is due: who asks for it, and of which tenants, none for all."""

    actor: Actor
    tenants: Sequence[str]
    regular: bool = True


def add_to(commands: Any, language: str) -> None:
    """Add the command to the parser, with help in `language`."""
    sync = commands.add_parser("sync", help=text("help.sync", language))
    sync.add_argument("--tenant", action="append", default=[], metavar="NAME", help=text("help.sync_tenant", language))
    kinds = sync.add_mutually_exclusive_group()
    kinds.add_argument("--read-only", action="store_true", help=text("help.sync_read_only", language))
    kinds.add_argument("--take-over", action="store_true", help=text("help.sync_take_over", language))
    sync.add_argument("--watch", action="store_true", help=text("help.sync_watch", language))
    sync.add_argument("--json", action="store_true", help=text("help.sync_json", language))
    sync.set_defaults(call=_sync)


def _sync(options: argparse.Namespace, settings: Settings) -> int:
    engine = open_engine_in_time(settings) if options.watch else open_engine(settings)
    services = open_services(engine, settings)
    refresher, sender = refresher_of(services), message_sender(services)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()
        refresher.interrupt()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    code, day, due = OK, Interval(DAY), DueRefresh(command_actor(), options.tenant)
    pause = Interval(max(1.0, settings.refresh_minutes * 60))
    if options.watch:
        sender.start()
    try:
        while True:
            if options.watch and day.is_over():
                _prune(services)
                day.restart()
            code = max(code, _sync_once(services, refresher, options, due, ended))
            if due.regular:
                pause.restart()
            following = _wait(ended, services, options.tenant, pause) if options.watch else None
            if following is None:
                if not options.watch:
                    sender.send_due(SEND_SECONDS)
                return code
            due = following
    except Stopped:
        _say_stopped(settings)
        return OK
    finally:
        sender.stop()
        refresher.stop()
        services.close()


def _prune(services: Services) -> None:
    try:
        duties.daily(services)
    except ProblemError as error:  # the refresh goes on, and says what is wrong with the database
        log.warning("what is too old could not be deleted: %s", error)


def _say_stopped(settings: Settings) -> None:
    print(text("command.sync_stopped", settings.language), file=sys.stderr)


def _result_of(refresh: Callable[[], dict[str, Any]], ended: threading.Event) -> dict[str, Any]:
    """Return the summary of the refresh, or raise what it raises.

    Raises Stopped if it goes on for END_SECONDS after `ended` is set: no answer of a silent server is waited for.
    """
    future = Workers(1, "sync").submit(refresh)
    while not ended.is_set() and not future.done():
        wait([future], TICK)
    if not wait([future], END_SECONDS).done:  # not by `result`, for a refresh may raise TimeoutError, too
        raise Stopped
    return future.result()


def _wait(ended: threading.Event, services: Services, wanted: Sequence[str], pause: Interval) -> DueRefresh | None:
    """Wait until a refresh is due, and do the duties; return that refresh, or None if the command is to end instead."""
    minute, look = Interval(MINUTE), Interval(LOOK_EVERY)
    look.restart()
    while not ended.wait(TICK):
        if minute.is_over():
            duties.minutely(services)
            minute.restart()
        if pause.is_over() or look.is_over():
            if due := _due_refresh(services, wanted, regular=pause.is_over()):
                return due
            (pause if pause.is_over() else look).restart()
    return None


def _due_refresh(services: Services, wanted: Sequence[str], *, regular: bool) -> DueRefresh | None:
    """Return the refresh of those of the tenants `wanted` (none: all) that are due; None if none is."""
    try:
        if not regular:
            due = due_tenants(services, scope_of(services, wanted))
            return DueRefresh(interval_actor(), due, regular=False) if due else None
        scope = regular_scope(services, wanted)
    except ProblemError as error:  # the regular refresh goes on, and says what is wrong
        log.warning("the tenants that are due cannot be told: %s", error)
        return DueRefresh(command_actor(), wanted) if regular else None
    if scope is None:
        return None
    return DueRefresh(command_actor() if list(scope) == list(wanted) else schedule_actor(), scope)


def _sync_once(
    services: Services, refresher: Refresher, options: argparse.Namespace, due: DueRefresh, ended: threading.Event
) -> int:
    actor = command_actor() if options.take_over else due.actor
    refresh = partial(refresher.run, actor, due.tenants, read_only=options.read_only, take_over=options.take_over)
    try:
        summary = _result_of(refresh, ended)
    except UnknownTenant:
        raise
    except ProblemError as error:
        if not options.watch:
            raise
        print(error.problem.text(services.settings.language), file=sys.stderr)
        return SOME_FAILED
    if ended.is_set():  # half a refresh says nothing about the tenants that were not asked
        _say_stopped(services.settings)
        return OK
    if options.json:
        print(json.dumps(summary, ensure_ascii=False), flush=True)
    else:
        _print_summary(summary, services.settings.language)
    if "taken_over" in summary["sharepoint"]:
        options.take_over = False  # shortages that begin while the command runs on are reported
    elif options.take_over and not sharepoint_status(services.engine).configured:
        print(Problem("check.no_sharepoint").text(services.settings.language), file=sys.stderr)
        return SOME_FAILED
    return _exit_code(summary, services.settings)


def _exit_code(summary: dict[str, Any], settings: Settings) -> int:
    """Print the problems to stderr and return the exit code."""
    for problem in summary["problems"]:
        print(problem["message"], file=sys.stderr)
    if not summary["tenants"]:
        none = Problem("check.no_profile", {"folder": str(settings.profiles_dir)})
        print((folder_problem(settings.profiles_dir) or none).text(settings.language), file=sys.stderr)
        return WRONG_CONFIGURATION
    lists = summary["sharepoint"]
    failed = summary["failed"] or lists["failed"] or lists.get("problem")
    wrong = any(problem["level"] == "error" for problem in summary["problems"])
    return SOME_FAILED if failed or wrong else OK


def _print_summary(summary: dict[str, Any], language: str) -> None:
    lists = summary["sharepoint"]
    read = (
        plural("command.sync_read", summary["tenants"], language, ok=summary["ok"]),
        plural("command.sync_licenses", summary["licenses"], language),
        plural("command.sync_shortages", summary["shortages"], language),
        f"{summary['seconds']:.1f} s",
    )
    print(", ".join(read))
    writes = (f"{lists[name]} {text(f'command.sync_lists.{name}', language)}" for name in NO_WRITES)
    print(f"SharePoint: {', '.join(writes)}")
    for name in ("taken_over", "remaining"):
        if name in lists:
            print(f"- {plural(f'command.sync_{name}', lists[name], language)}")
    for entry in summary["skipped"]:
        reason = text(f"command.skipped.{entry['reason']}", language)
        print(f"- {entry['tenant']}: {reason}")
    on_stderr = {problem["message"] for problem in summary["problems"]}
    for entry in [*summary["failed"], *lists.get("problems", [])]:
        if entry["message"] not in on_stderr:
            print(f"- {entry['message']}")
