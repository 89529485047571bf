"""Refreshes that were asked for here and have not begun: the thread that waits with them lives in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.cache.run_rows import Run
from core.clock import elapsed

KEPT = 1000
PATIENCE = timedelta(minutes=1)  # for a run to begin once none is running


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who asked for which tenants (none for all), and when."""

    run_id: str
    requested_by: str
    tenants: Sequence[str]
    request_id: str
    at: datetime


class Asked:
    """The newest of them by the id of their run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Waiting] = {}

    def note(self, waiting: Waiting) -> None:
        with self._lock:
            self._waiting.setdefault(waiting.run_id, waiting)  # who joins it later has not asked for it
            for old in list(self._waiting)[:-KEPT]:
                del self._waiting[old]

    def still_waiting(self, run_id: str, latest: Run | None, now: datetime) -> Waiting | None:
        """The run with this id, if it waits for the running one; None when it will not come any more.

        `latest` is the running run, or the last there was.
        """
        with self._lock:
            waiting = self._waiting.get(run_id)
        if waiting is None or (latest is not None and latest.running):
            return waiting
        over = latest.finished_at if latest is not None else None
        return waiting if elapsed(max(waiting.at, over or waiting.at), now) < PATIENCE else None
