"""One refresh carried out by several processes: prepared by one, read in pieces by all, written by one.

What is to be done is in the tables, and what a process does it does under a lease. A hint only says that there may be
something to do: it may be lost, come twice or come late.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Literal, Protocol
from uuid import uuid4

from core import tracing
from core.cache import chunk_rows, run_rows
from core.cache.chunk_rows import Chunk
from core.cache.database import DatabaseError
from core.cache.lease import Lease, LeaseLost, kept, take_lease
from core.cache.planner_statistics import renew_statistics
from core.cache.readings import stored_licenses, trial_skus
from core.cache.run_rows import Run
from core.cache.sql import Transaction, transaction
from core.cache.tenant_rows import tenant_rows
from core.graph.http import RequestCount, requests_counted
from core.logs.setup import request_in_log, run_in_log
from core.problems import Problem
from core.refresh import run_stop
from core.refresh.execution import end_run, problem_of, refresh_run
from core.refresh.lock import RefreshLock
from core.refresh.preparation import Prepared
from core.refresh.queue import RefreshQueue
from core.refresh.run_stop import RunStop, Stopped
from core.refresh.run_summary import Part, empty_summary, unread_part
from core.refresh.services import Services
from core.refresh.usual_pieces import UsualPieces

log = logging.getLogger(__name__)

Step = Literal["advance", "read"]
CHUNK = 25  # tenants in a piece, at least
MOST_CHUNK = 100  # tenants in a piece, at most: about a second of reading
PIECES = 200  # of a run, before its pieces get twice as large; each costs about 50 transactions
MOST_HINTS = 16  # at once, from the sweep: as many pieces as a few processes read side by side
MOST_TERMS = 5  # a piece that was begun so often and never ended is given up
REFRESH = "refresh"  # the lease of who prepares and writes


class Hint(Protocol):
    """Says to whatever process that there may be something to do, `count` times; in a transaction if one is given."""

    def __call__(self, step: Step, count: int = 1, connection: Transaction | None = None) -> None: ...


class SharedRuns:
    """The steps of runs, for the processes that share them. Safe for any thread."""

    def __init__(self, services: Services, hint: Hint) -> None:
        self._services, self._engine, self._now = services, services.engine, services.now
        self._hint = hint
        self._owner = uuid4().hex
        self._usual = UsualPieces(services.engine)
        # Held by a process that refreshes alone on the same database; here it is only looked at.
        self._lock = RefreshLock(services.settings.data_dir, services.engine)
        self._queue = RefreshQueue(services.engine, self._lock, services.now)

    def advance(self) -> None:
        """Prepare the run that is next, or write the lists if all its tenants are read; else do nothing.

        A hint that came while another process had the lease did nothing; so whoever ends a lease looks once more.
        Raises DatabaseError; the next hint goes on with what is left.
        """
        while self._is_wanted() and (lease := take_lease(self._engine, REFRESH, self._owner)):
            with kept(lease):
                if not self._advance_under(lease):
                    return

    def _is_wanted(self) -> bool:
        """Return True if a run waits and none is under way, or if the one under way is to be prepared or written."""
        runs = run_rows.open_runs(self._engine)
        if not runs or self._services.ending.is_set() or self._lock.held_by_others():
            return False
        running = next((run for run in runs if run.running), None)
        return running is None or not chunk_rows.chunks_of(self._engine, running.run_id).left

    def _advance_under(self, lease: Lease) -> bool:
        """Do one step after the other until something must be read first; return False if a step was stopped."""
        while not self._services.ending.is_set() and (run := self._next_run()):
            chunks = chunk_rows.chunks_of(self._engine, run.run_id)
            if chunks.left:
                return True
            if not self._carry_out(run, lease, planned=chunks.planned):
                return False
        return True

    def _next_run(self) -> Run | None:
        """Return the run that is under way, or begin the next one; None if there is none, or a process works alone."""
        if self._lock.held_by_others():
            return None
        running = next((run for run in run_rows.open_runs(self._engine) if run.running), None)
        return running or self._queue.begin_next()

    def _carry_out(self, run: Run, lease: Lease, *, planned: bool) -> bool:
        """Do the next step of `run`; return False if it was stopped, so that it is to be done again.

        An error ends the run as failed, except one of the database, which may be away for a moment.
        """
        with self._working_on(run, lease) as stop:
            try:
                if planned:
                    self._write(run, stop)
                else:
                    self._prepare(run, stop)
            except (Stopped, LeaseLost):
                return False
            except DatabaseError:
                raise
            except Exception as error:
                log.exception("the refresh failed")
                summary = empty_summary() | problem_of(error, self._services.settings.language)
                end_run(self._services, run.run_id, "failed", summary, 0, _seconds(run, self._now()))
            return not stop.is_set()

    @contextmanager
    def _working_on(self, run: Run, lease: Lease) -> Iterator[RunStop]:
        stop = RunStop(lambda: not self._services.ending.is_set() and lease.held(), lease.lasts)
        with ExitStack() as stack:
            stack.enter_context(request_in_log(run.request_id, run.account))
            stack.enter_context(run_in_log(run.run_id))
            stack.enter_context(tracing.span("refresh.run", run.traceparent, run=run.run_id))
            token = stack.enter_context(run_stop.stops(stop))
            yield token

    def _prepare(self, run: Run, stop: RunStop) -> None:
        """Store the pieces in which the tenants of `run` are to be read."""
        requests = RequestCount()
        with requests_counted(requests):
            prepared = refresh_run(self._services, run, stop).prepare()
        ids = [profile.tenant_id for profile in prepared.chosen]
        size = piece_size(len(ids))
        pieces = [ids[start : start + size] for start in range(0, len(ids), size)]
        with transaction(self._engine) as connection:
            chunk_rows.forget_chunks(connection)  # of runs that were closed by a process that works alone
            chunk_rows.add_chunks(connection, run.run_id, pieces, prepared.unread, requests.sent, self._now())
            self._hint("read", len(pieces), connection)

    def _write(self, run: Run, stop: RunStop) -> None:
        """Write the lists and end the run."""
        services, requests = self._services, RequestCount()
        refresh = refresh_run(services, run, stop)
        with requests_counted(requests):
            profiles = services.profiles.site(services.now())
            lists_read = services.publisher.read_lists(profiles, services.now())
            prepared = Prepared(profiles, lists_read, {}, [], unread_part([], [], services.settings.language))
            items = refresh.license_items(lists_read)
            lists = refresh.push(prepared, items, lambda: (stored_licenses(self._engine), trial_skus(self._engine)))
        if stop.must_end():  # what it has not written is planned anew by who goes on
            raise Stopped
        parts, sent = chunk_rows.stored_parts(self._engine, run.run_id)
        summary = refresh.summary(parts, lists)
        end_run(services, run.run_id, "done", summary, sent + requests.sent, _seconds(run, self._now()))

    def read(self) -> None:
        """Read a piece of a run that nobody reads; do nothing if there is none. Raises DatabaseError."""
        first = self._usual.numbers()
        claimed = chunk_rows.claim_chunk(self._engine, self._owner, first)
        if claimed is None or (run := run_rows.run(self._engine, claimed.chunk.run_id)) is None:
            return
        self._usual.note(claimed.chunk, first)
        renew_statistics(self._engine)
        lease = Lease(self._engine, claimed.term, claimed.asked_at)
        with kept(lease), self._working_on(run, lease) as stop:
            requests = RequestCount()
            with requests_counted(requests):
                part = self._read(run, claimed.chunk, stop, last_try=claimed.term.term > MOST_TERMS)
            if stop.must_end():
                return
            with transaction(self._engine) as connection:
                if chunk_rows.finish_chunk(connection, claimed.chunk, part, requests.sent, self._now()):
                    self._hint("advance", 1, connection)

    def _read(self, run: Run, chunk: Chunk, stop: RunStop, *, last_try: bool) -> Part:
        services = self._services
        rows = tenant_rows(self._engine, chunk.tenants)
        names = {tenant_id: row.name for tenant_id, row in rows.items()}
        # The run knows what may be read; here the files of the piece are enough, whatever the number of all others.
        usable = [] if last_try else services.profiles.some((row.slug for row in rows.values()), self._now())
        profiles = {profile.tenant_id: profile for profile in usable if profile.tenant_id in rows}
        refresh = refresh_run(services, run, stop)
        refresh.shared = True
        part = refresh.part_of(names, refresh.read(list(profiles.values()), rows))
        # Without a name: the tenant has begun to leave since the run was prepared.
        missing = [(names[one], _unread(names[one])) for one in chunk.tenants if one in names and one not in profiles]
        part["failed"] += unread_part(missing, [], services.settings.language)["failed"]
        return part

    def sweep(self) -> None:
        """Give the hints that nobody else gives: for runs that wait or whose process has died. Raises DatabaseError."""
        if run_rows.open_runs(self._engine):
            self._hint("advance")
            if free := chunk_rows.free_chunks(self._engine, MOST_HINTS):
                self._hint("read", free)


def piece_size(tenants: int) -> int:
    """Return how many tenants each piece of a run of so many `tenants` has.

    By doubling: so the pieces stay what they were, and with them who has the tokens, while tenants come and go.
    """
    size = CHUNK
    while size < MOST_CHUNK and tenants > size * PIECES:
        size *= 2
    return size


def _seconds(run: Run, now: datetime) -> float:
    return max(0.0, (now - (run.started_at or now)).total_seconds())


def _unread(tenant: str) -> Problem:
    """Return the problem of a tenant whose piece was begun again and again, or whose profile is not at hand here."""
    return Problem("refresh.unexpected", {"tenant": tenant}, "no process could read it")
