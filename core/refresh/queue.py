"""The queue of refreshes: a request joins an open run or waits; one process at a time carries runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.cache import run_rows
from core.cache.run_rows import Run
from core.refresh.lock import RefreshLock

log = logging.getLogger(__name__)

# A take-over that has waited longer is left out: its process may have died meanwhile, and shortages that began later,
# which nobody has seen, must be reported to the support team.
TAKE_OVER_WITHIN = timedelta(hours=1)


def covers(run: Run, wanted: Run) -> bool:
    """Return True if the open run `run` will do everything that `wanted` requests.

    A run that is already writing the lists does not: its figures are old. No run covers a take-over, because another
    run would report the shortages that it must not report. A waiting take-over covers no run, because it may be left
    out.
    """
    if wanted.take_over or run.pushing or run.give_way or (run.take_over and run.waiting):
        return False
    if run.read_only and not wanted.read_only:
        return False
    return not run.scope or (bool(wanted.scope) and set(wanted.scope) <= set(run.scope))


def too_late(run: Run, now: datetime) -> bool:
    """Return True if the run is a take-over that has waited longer than TAKE_OVER_WITHIN."""
    return run.take_over and now - run.requested_at > TAKE_OVER_WITHIN


class RefreshQueue:
    """The queue in the database, and the lock of the process that carries its runs out. Safe for any thread.

    With `shared` other processes carry them out, each a part: a run goes on although one of them has died.
    """

    def __init__(self, engine: Engine, lock: RefreshLock, now: Callable[[], datetime], *, shared: bool = False) -> None:
        self._engine, self._lock, self._now, self._shared = engine, lock, now, shared

    def join_or_wait(self, wanted: Run) -> Run:
        """Return the run that does what `wanted` requests: an open one that covers it, or `wanted` itself, now waiting.

        Raises DatabaseError.
        """
        running = [run.run_id for run in run_rows.open_runs(self._engine) if run.running]
        # A running run has the lock, unless its work is shared: if the lock is free its process has died.
        if running and not self._shared and self._lock.free():
            run_rows.close_lost(self._engine, running, self._now())
        return run_rows.join_or_wait(self._engine, wanted, covers)

    def has_work(self) -> bool:
        """Return True if a run is open: it waits, or its process may have died. Takes one indexed query."""
        return bool(run_rows.open_runs(self._engine))

    @contextmanager
    def next_run(self) -> Iterator[Run | None]:
        """Yield the run that has waited longest and hold the lock during the block, which must carry the run out.

        Yield None if no run waits, or if another process or thread carries a run out. Raises DatabaseError.
        """
        # `free` uses a connection of the pool, `take` opens a new one.
        if not (self._lock.free() and self._lock.take()):
            yield None
            return
        try:
            yield self.begin_next()
        finally:
            self._lock.release()

    def begin_next(self) -> Run | None:
        """Return the run that has waited longest, now running; for the owner of the lock alone."""
        while (run := run_rows.begin_next(self._engine, self._now())) and too_late(run, self._now()):
            log.warning("refresh %s has waited too long to mark shortages as told; it is left out", run.run_id)
            run_rows.finish_run(self._engine, run.run_id, "interrupted", None, 0.0, self._now())
        return run
