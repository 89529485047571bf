"""The queue of refreshes: whoever asks joins an open run or waits for a turn; one process works it off at a time."""

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

# So long after it was asked for a take-over is still carried out. Its process may have died while it waited, and
# shortages that nobody had seen then must not be kept from the support team.
TAKE_OVER_WITHIN = timedelta(hours=1)


def covers(run: Run, wanted: Run) -> bool:
    """Return True if `run`, which waits or runs, will do all that `wanted` asks for.

    One that has read its tenants and only writes the lists any more does not: its figures are old. A take-over is
    covered by nothing, for another run would tell the shortages that it is to keep quiet about; and one that waits
    covers nothing, for it may be left out.
    """
    if wanted.take_over or run.pushing or run.give_way or (run.take_over and run.waiting):
        return False
    if run.read_only and not wanted.read_only:
        return False
    return not run.scope or (bool(wanted.scope) and set(wanted.scope) <= set(run.scope))


def too_late(run: Run, now: datetime) -> bool:
    """Return True if the run has waited for so long that it must not be carried out any more."""
    return run.take_over and now - run.requested_at > TAKE_OVER_WITHIN


class RefreshQueue:
    """The queue in the database, and the lock of whoever works it off. Safe to use from any thread."""

    def __init__(self, engine: Engine, lock: RefreshLock, now: Callable[[], datetime]) -> None:
        self._engine, self._lock, self._now = engine, lock, now

    def ask(self, wanted: Run) -> Run:
        """Return the run that does what is asked: an open one that covers `wanted`, or `wanted` itself, which waits.

        Raises DatabaseError.
        """
        running = [run.run_id for run in run_rows.open_runs(self._engine) if run.running]
        if running and self._lock.free():  # whoever runs has the lock: these have lost their process
            run_rows.close_lost(self._engine, running, self._now())
        return run_rows.join_or_wait(self._engine, wanted, covers)

    def has_work(self) -> bool:
        """Return True if a run waits, or is left by a process that may have died; one indexed query."""
        return bool(run_rows.open_runs(self._engine))

    @contextmanager
    def turn(self) -> Iterator[Run | None]:
        """Give the run that has waited longest to the block, which has to carry it out, and the lock while it does.

        None if no run waits, or another process, or another thread of this one, carries a run out. Raises
        DatabaseError.
        """
        # `free` uses a connection of the pool; `take` would open one of its own each time.
        if not (self._lock.free() and self._lock.take()):
            yield None
            return
        try:
            yield self._next()
        finally:
            self._lock.release()

    def _next(self) -> Run | None:
        while (run := run_rows.begin_next(self._engine, self._now())) and too_late(run, self._now()):
            log.warning("refresh %s has waited too long to mark shortages as told; it is left out", run.run_id)
            run_rows.finish_run(self._engine, run.run_id, "interrupted", None, 0.0, self._now())
        return run
