"""Carry out a run and store its end, also after an error."""

from __future__ import annotations

import logging
import time
from typing import Any

from core import metrics
from core.cache import run_rows
from core.cache.catalogue import load_catalogue
from core.cache.health_reading import need_fitting_schema
from core.cache.run_rows import Run
from core.graph.http import RequestCount, requests_counted
from core.logs.log_words import word
from core.problems import Problem, ProblemError
from core.refresh.run import RefreshRun
from core.refresh.run_stop import RunStop, Stopped
from core.refresh.run_summary import empty_summary
from core.refresh.services import Services

log = logging.getLogger(__name__)


ENDS = {"done": word("done"), "failed": word("failed"), "interrupted": word("interrupted")}  # state -> its word


class LockLost(ProblemError):
    """The lock of the running refresh is lost, and another process may begin one."""


def execute(services: Services, run: Run, stop: RunStop) -> None:
    """Carry out `run` and store its summary; `stop` ends it early.

    Raises the error with which the refresh failed: DatabaseError, LockLost, ProfilesAway, or any unforeseen one.
    """
    started = time.monotonic()
    state, summary, requests = "failed", empty_summary(), RequestCount()
    try:
        need_fitting_schema(services.engine)
        with requests_counted(requests):
            summary = _carry_out(refresh_run(services, run, stop))
        state = "interrupted" if stop.is_set() else "done"
    except Stopped:
        state = "interrupted"
    except Exception as error:
        summary |= problem_of(error, services.settings.language)
        raise
    finally:
        end_run(services, run.run_id, state, summary, requests.sent, time.monotonic() - started)


def refresh_run(services: Services, run: Run, stop: RunStop) -> RefreshRun:
    """Return the steps of `run` with the product names of now."""
    catalogue, fault = load_catalogue(services.engine)
    if fault:
        log.warning("the product names cannot be used: %s", fault)
    return RefreshRun(services, run, stop, catalogue, fault)


def problem_of(error: Exception, language: str) -> dict[str, Any]:
    """Return the field of the summary that says why the refresh failed."""
    problem = error.problem if isinstance(error, ProblemError) else Problem("refresh.failed")
    return {"problem": {"code": problem.code, "message": problem.text(language)}}


def end_run(
    services: Services, run_id: str, state: str, summary: dict[str, Any], requests: int, seconds: float
) -> None:
    """Store the end of the run with its summary, and tell it to pages, metrics and log."""
    seconds = round(seconds, 3)
    summary |= {"requests": requests, "seconds": seconds}
    run_rows.finish_run(services.engine, run_id, state, summary, seconds, services.now())
    services.run_watch.tell(run_id)
    metrics.refresh_ended(state, seconds, summary)
    _log_end(state, summary)


def _carry_out(refresh: RefreshRun) -> dict[str, Any]:
    """Return the summary. Raises Stopped if the process ends, LockLost if another process may refresh now."""
    try:
        summary = refresh.carry_out()
    except Stopped:
        if not refresh.stop.lock_lost:
            raise
    if refresh.stop.lock_lost:
        raise LockLost(Problem("refresh.lock_lost"))
    return summary


def _log_end(state: str, summary: dict[str, Any]) -> None:
    names = ("ok", "tenants", "licenses", "shortages", "requests", "seconds")
    log.info(
        "refresh %s: %d of %d tenants read, %d failed; %d licences, %d shortages; %d requests, %.3f s",
        ENDS[state],
        *(summary[name] for name in names[:2]),
        len(summary["failed"]),
        *(summary[name] for name in names[2:]),
    )
