"""Request refreshes and carry them out, for pages, API, timetable and command line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core import tracing
from core.audit import record
from core.cache import run_rows
from core.cache.run_rows import READ_ONLY, Run
from core.logs.log_words import word
from core.logs.setup import request_in_log, run_in_log
from core.refresh import run_stop
from core.refresh.execution import execute
from core.refresh.lock import RefreshLock
from core.refresh.queue import RefreshQueue
from core.refresh.run_stop import RunStop, Stopped
from core.refresh.scope import scope_of
from core.refresh.services import Services
from core.refresh.shared_run import Hint
from core.roles import Action, Actor

log = logging.getLogger(__name__)

MOST_NAMES = 20  # of tenants in a line of log or audit
FOLLOW_EVERY = 0.2  # seconds between two reads of the queue while a run is open
IDLE_EVERY = 1.0  # seconds while no run is open; a request of this process starts at once


class Refresher:
    """Refreshes the cache and the lists, one run at a time across all processes. Safe for any thread.

    The runs of `request` are carried out by a background thread. A caller of `run` carries out the runs of the queue
    itself until its own run is over. Only the owner of the lock does so.

    With `hint` other processes carry the runs out (`core.refresh.shared_run`); this one only asks for them.
    """

    def __init__(self, services: Services, hint: Hint | None = None) -> None:
        self._hint = hint
        self._services, self._engine, self._now = services, services.engine, services.now
        self._lock = RefreshLock(services.settings.data_dir, services.engine)
        self._queue = RefreshQueue(services.engine, self._lock, services.now, shared=hint is not None)
        self._run_stop = RunStop(self._lock.held)  # of the present or last run of this process
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def services(self) -> Services:
        return self._services

    def start(self) -> None:
        """Start the thread that carries out the runs of the queue, also those that other processes have left."""
        with self._starting:
            if self._thread is None and self._hint is None:
                self._thread = threading.Thread(target=self._work, name="refresh", daemon=True)
                self._thread.start()

    def request(self, actor: Actor, tenants: Sequence[str] = ()) -> str:
        """Request a refresh, which this process or another one carries out; return the id of its run.

        `tenants` are tenant ids, short names or names; none means all. An open run that covers the request is joined.
        Raises NotAllowed, UnknownTenant, DatabaseError.
        """
        actor.need(Action.REFRESH)
        scope = scope_of(self._services, tenants)
        with request_in_log(actor.request_id, actor.name), tracing.span("refresh.request", source=actor.source):
            log.info("%s asks for a refresh of %s", actor.shown, _names(scope) or word("all tenants"))
            run = self._join_or_wait(self._wanted(actor, scope))
            if run.running:
                log.info("refresh %s is running already and does what is asked", run.run_id)
            self.start()
            self._wake.set()
            record(self._engine, actor, "refresh.asked", _names(scope), after={"run": run.run_id}, at=self._now())
        return run.run_id

    def run(
        self, actor: Actor, tenants: Sequence[str] = (), *, read_only: bool = False, take_over: bool = False
    ) -> dict[str, Any]:
        """Refresh now, or share the result of a run that covers the request; return the summary of `sync --json`.

        `read_only` does not write to SharePoint; `take_over` marks present shortages as reported without a message and
        never shares the result of another run. Raises NotAllowed, UnknownTenant, DatabaseError, Stopped.
        """
        actor.need(Action.SWITCHES if take_over else Action.REFRESH)
        scope = scope_of(self._services, tenants)
        with request_in_log(actor.request_id, actor.name), tracing.span("refresh.request", source=actor.source):
            wanted = self._wanted(actor, scope, read_only=read_only, take_over=take_over)
            if take_over:
                after = {"run": wanted.run_id}
                record(self._engine, actor, "alarms.taken_over", ", ".join(scope), after=after, at=self._now())
            while True:
                ended = self._until_over(self._join_or_wait(wanted))
                if ended.summary is not None and (ended.state != "interrupted" or self._services.ending.is_set()):
                    return ended.summary
                # The process of that run was stopped or has died, this one has not.
                wanted = replace(wanted, run_id=run_rows.new_run_id(), requested_at=self._now())

    def interrupt(self) -> None:
        """Make the run of this process end as soon as its arrived answers are stored; do not wait for that.

        For signal handlers. Runs of other processes go on, and waiting runs are left to them.
        """
        self._services.ending.set()
        self._run_stop.set()
        self._wake.set()

    def stop(self, seconds: float = 5.0) -> None:
        """Call `interrupt` and wait for the end of the thread, at most `seconds`."""
        self.interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _wanted(self, actor: Actor, scope: Sequence[str], *, read_only: bool = False, take_over: bool = False) -> Run:
        return run_rows.waiting_run(
            READ_ONLY if read_only else actor.source,
            actor.shown if actor.source != "schedule" else "",
            scope,
            self._now(),
            request_id=actor.request_id,
            account=actor.name,
            take_over=take_over,
            traceparent=tracing.carrier(),
        )

    def _join_or_wait(self, wanted: Run) -> Run:
        run = self._queue.join_or_wait(wanted)
        if self._hint is not None:
            self._hint("advance")
        return run

    def _until_over(self, run: Run) -> Run:
        """Carry out runs of the queue until `run` is over, here or in another process; return it as stored then.

        Raises the error of `run` if this process carried it out, and Stopped if the process ends.
        """
        if run.running:
            log.info("refresh %s is running already, waiting for it", run.run_id)
        while run.is_open:
            if not self._work_once(run.run_id) and self._services.ending.wait(FOLLOW_EVERY):
                raise Stopped
            run = run_rows.run(self._engine, run.run_id) or run
        return run

    def _work_once(self, own: str = "") -> bool:
        """Carry out the run that has waited longest; return False if none waits or the lock is taken.

        Raises the error of the run with the id `own`; errors of other runs are logged.
        """
        if self._hint is not None:
            return False
        with self._queue.next_run() as run:
            if run is None:
                return False
            try:
                self._carry_out(run)
            except Exception:
                if run.run_id == own:
                    raise
                log.exception("the refresh failed")
            return True

    def _carry_out(self, run: Run) -> None:
        self._run_stop = RunStop(self._lock.held)
        if self._services.ending.is_set():
            self._run_stop.set()
        with (
            request_in_log(run.request_id, run.account),
            run_in_log(run.run_id),
            tracing.span("refresh.run", run.traceparent, run=run.run_id),
            run_stop.stops(self._run_stop) as stop,
        ):
            execute(self._services, run, stop)

    def _work(self) -> None:
        """Carry out the runs of the queue until the process ends; an unreachable database is logged once."""
        unreachable = False
        while not self._services.ending.is_set():
            pause = IDLE_EVERY
            try:
                if self._queue.has_work():
                    pause = FOLLOW_EVERY
                    while not self._services.ending.is_set() and self._work_once():
                        pass
                unreachable = False
            except Exception:
                if not unreachable:
                    log.exception("the queue of refreshes cannot be worked off just now")
                unreachable = True
            self._wake.wait(pause)
            self._wake.clear()


def _names(scope: Sequence[str]) -> str:
    """Return the names of the tenants for log and audit; of many the first ones and their number."""
    names = ", ".join(scope[:MOST_NAMES])
    return names if len(scope) <= MOST_NAMES else f"{names}, ... ({len(scope)})"
