"""`worker`: carry out what the web processes on the same PostgreSQL ask for, until SIGTERM."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from types import FrameType
from typing import Any

from core.commands import OK
from core.operations.jobs import need_engine
from core.problems import Problem, ProblemError
from core.refresh.services import open_services
from core.runtime import open_engine_in_time
from core.settings import Settings, language_or_default
from core.texts import text

CONCURRENCY = 4
MOST = 64


def add_to(commands: Any, language: str) -> None:
    """Add the command to the parser, with help in `language`."""
    worker = commands.add_parser("worker", help=text("help.worker", language))
    worker.add_argument(
        "--concurrency", type=_count, default=CONCURRENCY, metavar="N", help=text("help.worker_concurrency", language)
    )
    worker.add_argument("--health", type=_port, metavar="PORT", help=text("help.worker_health", language))
    worker.set_defaults(call=_worker)


def _count(raw: str) -> int:
    return _number(raw, MOST)


def _port(raw: str) -> int:
    return _number(raw, 65_535)


def _number(raw: str, most: int) -> int:
    if not raw.isdecimal() or not 1 <= int(raw) <= most:
        raise argparse.ArgumentTypeError(text("help.number", language_or_default(), value=raw, most=most))
    return int(raw)


def _worker(options: argparse.Namespace, settings: Settings) -> int:
    if not settings.database.startswith("postgresql"):
        raise ProblemError(Problem("jobs.needs_postgresql"))
    need_engine()
    from core.operations.worker import Worker, serve_health  # loads a web server, which other commands do without

    settings = replace(settings, role="worker")
    services = open_services(open_engine_in_time(settings), settings)
    worker = Worker(services, options.concurrency)

    def end(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    health = serve_health(worker, settings.host, options.health) if options.health else None
    try:
        worker.run()
    finally:
        if health is not None:
            health.shutdown()
        services.close()
        services.engine.dispose()
    return OK
