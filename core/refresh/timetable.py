"""The background thread: a refresh at the start and then every REFRESH_MINUTES, and tasks once a day or minute.

Tenants whose level has an interval of its own are read when their turn comes (core/refresh/due_tenants.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from core.clock import Interval
from core.refresh.due_tenants import LOOK_EVERY, due_tenants, regular_scope
from core.refresh.refresher import Refresher
from core.roles import Actor, interval_actor, schedule_actor

log = logging.getLogger(__name__)

TICK = 0.5  # seconds; how late a refresh may start
DAY, MINUTE = 86_400.0, 60.0  # seconds


class BackgroundRefresh:
    """Runs a refresh every `minutes`, the task `daily` at the start and once a day, `minutely` once a minute.

    A failure is logged and does not end the timetable. `wall` returns the wall clock in seconds, as `time.time`.
    """

    def __init__(
        self,
        refresher: Refresher,
        minutes: float,
        daily: Callable[[], object] | None = None,
        minutely: Callable[[], object] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._refresher, self._minutes, self._wall = refresher, minutes, wall
        tasks = ((daily, DAY), (minutely, MINUTE))
        self._tasks = [(task, Interval(seconds, wall=wall)) for task, seconds in tasks if task]
        self._stop = threading.Event()
        self._changes_left = False
        self._thread = threading.Thread(target=self._work, name="schedule", daemon=True)

    def start(self) -> None:
        """Start the thread if there is a task for it; with 0 minutes there are no background refreshes."""
        if self._minutes > 0 or self._tasks:
            self._thread.start()

    def stop(self) -> None:
        """Stop the timetable and a running refresh; return when both have ended, after 5 seconds at most."""
        self._stop.set()
        self._refresher.stop()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _work(self) -> None:
        pause = Interval(max(1.0, self._minutes * 60), wall=self._wall)  # from the end of a refresh to the next
        look = Interval(LOOK_EVERY, wall=self._wall)
        while True:
            for task, pause_of_task in self._tasks:
                if pause_of_task.is_over():
                    self._run_task(task)
                    pause_of_task.restart()
            if self._minutes > 0 and (self._changes_left or pause.is_over()):
                self._refresh()
                pause.restart()
                look.restart()
            elif self._minutes > 0 and look.is_over():
                self._refresh_due()
                look.restart()
            if self._stop.wait(TICK):
                return

    def _run_task(self, task: Callable[[], object]) -> None:
        try:
            task()
        except Exception:
            log.exception("a task of the timetable failed; it is tried again when it is due")

    def _refresh(self) -> None:
        """Run a refresh; if its push ended early and left changes, the next refresh follows at once."""
        self._changes_left = False
        try:
            scope = regular_scope(self._refresher.services)
            if scope is not None:
                self._run(schedule_actor(), scope)
        except Exception:
            if not self._stop.is_set():
                log.exception("the background refresh failed; the next one comes as planned")

    def _refresh_due(self) -> None:
        """Run a refresh of the tenants with an interval of their own that are due, if there are any."""
        try:
            if due := due_tenants(self._refresher.services):
                self._run(interval_actor(), due)
        except Exception:
            if not self._stop.is_set():
                log.exception("the refresh of the tenants that are due failed; they are tried again")

    def _run(self, actor: Actor, tenants: Sequence[str]) -> None:
        summary = self._refresher.run(actor, tenants)
        self._changes_left = bool(summary["sharepoint"].get("remaining"))
