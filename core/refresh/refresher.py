"""One refresh: profiles -> lists -> tenants -> cache -> SharePoint. Pages, schedule and command all come here."""

from __future__ import annotations

import difflib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from core import metrics
from core.audit import record
from core.cache import run_rows
from core.cache.catalogue import load_catalogue
from core.cache.readings import tenant_rows
from core.cache.run_rows import Run
from core.logs.setup import request_in_log, run_in_log
from core.name_key import guid_key, name_key
from core.problems import Problem, ProblemError
from core.refresh import run_stop
from core.refresh.lock import RefreshLock
from core.refresh.run import RefreshRun, empty_summary
from core.refresh.run_stop import RunStop, Stopped
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint import GiveWay

log = logging.getLogger(__name__)

READ_ONLY = "read-only"  # the source of a run that leaves SharePoint as it is
PUSH_MINUTES = 30.0  # without a timetable
FOLLOW_EVERY = 0.2  # seconds between two looks at somebody else's run


class UnknownTenant(ProblemError):
    """A refresh was asked for a tenant that no profile knows."""


class LockLost(ProblemError):
    """The lock of the running refresh is lost, and another process may begin one."""


class Refresher:
    """Refreshes the cache and the lists, one run at a time across all processes. Safe to call from any thread."""

    def __init__(self, services: Services) -> None:
        self._services, self._engine, self._now = services, services.engine, services.now
        self._stop = services.ending
        self._lock = RefreshLock(services.settings.data_dir, services.engine)
        self._run_stop = RunStop(self._lock.held)  # of the refresh that this process carries out, or did last
        self._thread: threading.Thread | None = None
        self._gives_way = ""  # the run whose push ends early because somebody asked for newer figures
        self._asking = threading.Lock()
        self._coming: tuple[str, Sequence[str]] | None = None  # id and scope of a run that waits for its turn
        self._give_way = GiveWay(max(1.0, services.settings.refresh_minutes or PUSH_MINUTES) * 60)

    def request(self, actor: Actor, tenants: Sequence[str] = ()) -> str:
        """Start a refresh in the background, or join the running one; gives the run's id.

        `tenants` are tenant ids or names, none for all. A running refresh that does not cover what is
        asked is waited for; the id is then that of a run to come, which others join, too. One that has
        read all and is writing SharePoint gives way to it. Raises NotAllowed, UnknownTenant.
        """
        actor.need(Action.REFRESH)
        scope = self._names(tenants)
        with request_in_log(actor.request_id, actor.name):
            log.info("%s asks for a refresh of %s", actor.shown, ", ".join(scope) or "all tenants")
            with self._asking:
                run_id = self._start_or_join(run_rows.new_run_id(), actor, scope)
            record(self._engine, actor, "refresh.asked", ", ".join(scope), after={"run": run_id}, at=self._now())
        return run_id

    def _start_or_join(self, run_id: str, actor: Actor, scope: Sequence[str]) -> str:
        if self._lock.take():
            self._begin(run_id, actor, scope)
            self._background(self._execute, run_id, scope)
            return run_id
        running = run_rows.latest_run(self._engine)
        if running is not None and running.running and self._joins(running, scope):
            log.info("refresh %s is running already and does what is asked", running.run_id)
            return running.run_id
        if self._coming is not None and _includes(self._coming[1], scope):
            log.info("refresh %s is to come and does what is asked", self._coming[0])
            return self._coming[0]
        self._coming = run_id, scope
        self._background(self._run_after, run_id, actor, scope)
        return run_id

    def _run_after(self, run_id: str, actor: Actor, scope: Sequence[str]) -> None:
        """Begin once the running refresh has ended. Never by joining another: somebody follows this id already."""
        try:
            while not self._lock.take():
                self._follow(scope, read_only=False)
            self._begin(run_id, actor, scope)
        finally:
            with self._asking:
                if self._coming is not None and self._coming[0] == run_id:
                    self._coming = None
        self._execute(run_id, scope)

    def run(
        self, actor: Actor, tenants: Sequence[str] = (), *, read_only: bool = False, take_over: bool = False
    ) -> dict[str, Any]:
        """Refresh now, or wait for the running refresh and share its result; gives the summary of the run.

        The summary is what `sync --json` prints. `read_only` leaves SharePoint as it is; `take_over` marks
        shortages that exist already as told, without a message, and never shares another run's result. Raises
        NotAllowed, UnknownTenant, DatabaseError.
        """
        actor.need(Action.SWITCHES if take_over else Action.REFRESH)
        scope, run_id = self._names(tenants), run_rows.new_run_id()
        with request_in_log(actor.request_id, actor.name):
            if take_over:
                at = self._now()
                record(self._engine, actor, "alarms.taken_over", ", ".join(scope), after={"run": run_id}, at=at)
            return self._run(run_id, actor, scope, read_only, take_over)

    def interrupt(self) -> None:
        """End a running refresh as soon as what has arrived is written; does not wait (for a signal handler)."""
        self._stop.set()
        self._run_stop.set()

    def stop(self, seconds: float = 5.0) -> None:
        """End a running refresh as soon as what has arrived is written; wait for that as long as `seconds`."""
        self.interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _run(self, run_id: str, actor: Actor, scope: Sequence[str], read_only: bool, take_over: bool) -> dict[str, Any]:
        while not self._lock.take():
            joined = self._follow(scope, read_only)
            if joined is not None and not take_over:
                return joined
        self._begin(run_id, actor, scope, read_only)
        return self._execute(run_id, scope, read_only, take_over)

    def _background(self, call: Callable[..., Any], *args: Any) -> None:
        def guarded() -> None:
            try:
                call(*args)
            except Stopped:
                log.info("the refresh was stopped")
            except Exception:
                log.exception("the refresh failed")

        # In the caller's context: its request is in the log of the run, too.
        self._thread = threading.Thread(target=copy_context().run, args=(guarded,), name="refresh", daemon=True)
        self._thread.start()

    def _sleep(self, seconds: float) -> None:
        if (run_stop.current() or self._stop).wait(seconds):
            raise Stopped

    def _follow(self, scope: Sequence[str], read_only: bool) -> dict[str, Any] | None:
        """Wait until the running refresh ends; its summary if it did what we were asked for, else None."""
        running = run_rows.latest_run(self._engine)
        followed = running is not None and running.running and self._joins(running, scope, read_only)
        if running is not None and running.running:
            log.info("refresh %s is running already, waiting for it", running.run_id)
        self._sleep(FOLLOW_EVERY)
        while running is not None and running.running:
            ownerless = self._lock.free()
            running = run_rows.run(self._engine, running.run_id)
            if ownerless and running is not None and running.running:
                return None  # its process has died; the next run closes it
            self._sleep(FOLLOW_EVERY)
        return running.summary if running is not None and followed else None

    def _joins(self, running: Run, scope: Sequence[str], read_only: bool = False) -> bool:
        """Whether the running refresh is what is asked for. Not when it only pushes any more: its figures are old."""
        if self._give_way.ask():
            self._gives_way = running.run_id
        return running.run_id != self._gives_way and _covers(running, scope, read_only)

    def _begin(self, run_id: str, actor: Actor, scope: Sequence[str], read_only: bool = False) -> None:
        source, asker = READ_ONLY if read_only else actor.source, actor.shown if actor.source != "schedule" else ""
        try:
            run_rows.start_run(
                self._engine, source, asker[:100], scope, self._now(), run_id=run_id, request_id=actor.request_id
            )
        except BaseException:
            self._lock.release()
            raise

    def _execute(
        self, run_id: str, scope: Sequence[str], read_only: bool = False, take_over: bool = False
    ) -> dict[str, Any]:
        """Carry a begun run out and close it, whatever happens; then give the lock back."""
        http = self._services.http
        started, sent = time.monotonic(), http.sent
        state, summary = "failed", empty_summary()
        with run_in_log(run_id), self._stopping() as stop:
            try:
                catalogue, fault = load_catalogue(self._engine)
                if fault:
                    log.warning("the product names cannot be used: %s", fault)
                run = RefreshRun(self._services, stop, self._give_way, run_id, scope, catalogue, fault, take_over)
                summary = self._carry_out(run, read_only)
                state = "interrupted" if stop.is_set() else "done"
            except Stopped:
                state = "interrupted"
            except Exception as error:
                problem = error.problem if isinstance(error, ProblemError) else Problem("refresh.failed")
                summary["problem"] = {"code": problem.code, "message": problem.text(self._services.settings.language)}
                raise
            finally:
                seconds = round(time.monotonic() - started, 3)
                summary |= {"requests": http.sent - sent, "seconds": seconds}
                try:
                    run_rows.finish_run(self._engine, run_id, state, summary, seconds, self._now())
                finally:
                    self._lock.release()
                metrics.refresh_ended(state, seconds, summary)
                log.info("refresh %s: %s", state, _in_short(summary))
        return summary

    def _carry_out(self, run: RefreshRun, read_only: bool) -> dict[str, Any]:
        """The summary of `run`. Raises Stopped when the process ends, LockLost when somebody else may refresh now."""
        try:
            summary = run.carry_out(read_only=read_only)
        except Stopped:
            if not run.stop.lost:
                raise
        if run.stop.lost:
            raise LockLost(Problem("refresh.lock_lost"))
        return summary

    @contextmanager
    def _stopping(self) -> Iterator[RunStop]:
        """What ends the refresh in the block, and nothing else of this process."""
        self._run_stop = RunStop(self._lock.held)
        if self._stop.is_set():
            self._run_stop.set()
        with run_stop.stops(self._run_stop) as stop:
            yield stop

    def _names(self, wanted: Sequence[str]) -> list[str]:
        """Tenant ids, slugs or names -> names; raises UnknownTenant with the nearest name."""
        if not wanted:
            return []
        profiles = self._services.profiles.load(self._now())
        rows = tenant_rows(self._engine).values()
        good = [*rows, *profiles.tenants]  # what a profile says now wins over what it said before
        known = {name_key(fault.slug): fault.name for fault in profiles.faults if not fault.of_sharepoint}
        known |= {guid_key(tenant.tenant_id): tenant.name for tenant in good}
        known |= {name_key(tenant.slug): tenant.name for tenant in good}
        present = {tenant.tenant_id: tenant.name for tenant in good}
        known |= {name_key(tenant.name): present[tenant.tenant_id] for tenant in good}
        keys = [guid_key(name) if guid_key(name) in known else name_key(name) for name in wanted]
        for name, key in zip(wanted, keys, strict=True):
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = known[near[0]] if near else ", ".join(sorted(set(known.values()))[:5])
                raise UnknownTenant(Problem("refresh.unknown_tenant", {"tenant": name, "near": hint}))
        return [known[key] for key in keys]


def _covers(running: Run, scope: Sequence[str], read_only: bool = False) -> bool:
    """Whether a run does all that is asked for."""
    if running.source == READ_ONLY and not read_only:
        return False
    return _includes(running.scope, scope)


def _includes(wide: Sequence[str], scope: Sequence[str]) -> bool:
    """Whether these tenants, none for all, are all of `scope` and perhaps more."""
    return not wide or (bool(scope) and set(scope) <= set(wide))


def _in_short(summary: dict[str, Any]) -> str:
    numbers = {name: summary[name] for name in ("tenants", "ok", "licenses", "shortages", "requests", "seconds")}
    return ", ".join(f"{name} {value}" for name, value in (numbers | {"failed": len(summary["failed"])}).items())
