"""The background thread: a refresh at the start and then every REFRESH_MINUTES, and a duty once a day."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.clock import Interval
from core.refresh.refresher import Refresher
from core.roles import schedule_actor

log = logging.getLogger(__name__)

TICK = 0.5  # seconds; how late a refresh may start
DAY = 86_400.0  # seconds


class BackgroundRefresh:
    """Calls the refresher every `minutes`, and `daily` at the start and once a day.

    What fails is logged, and the next time comes all the same. `wall` gives the time of day in seconds.
    """

    def __init__(
        self,
        refresher: Refresher,
        minutes: float,
        daily: Callable[[], object] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._refresher, self._minutes, self._daily, self._wall = refresher, minutes, daily, wall
        self._stop = threading.Event()
        self._unfinished = False
        self._thread = threading.Thread(target=self._work, name="schedule", daemon=True)

    def start(self) -> None:
        """Start the thread if it has anything to do; 0 minutes means no background refresh at all."""
        if self._minutes > 0 or self._daily:
            self._thread.start()

    def stop(self) -> None:
        """End the timetable and a running refresh; returns when both are through, at most after some seconds."""
        self._stop.set()
        self._refresher.stop()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _work(self) -> None:
        day = Interval(DAY, wall=self._wall)
        pause = Interval(max(1.0, self._minutes * 60), wall=self._wall)  # from the end of a refresh to the next
        while True:
            if self._daily and day.is_over():
                self._do_daily(self._daily)
                day.restart()
            if self._minutes > 0 and (self._unfinished or pause.is_over()):
                self._refresh()
                pause.restart()
            if self._stop.wait(TICK):
                return

    def _do_daily(self, duty: Callable[[], object]) -> None:
        try:
            duty()
        except Exception:
            log.exception("the daily duty failed; it is tried again tomorrow")

    def _refresh(self) -> None:
        """A refresh whose push gave way to reading is followed by the next one at once."""
        self._unfinished = False
        try:
            summary = self._refresher.run(schedule_actor())
            self._unfinished = bool(summary["sharepoint"].get("remaining"))
        except Exception:
            if not self._stop.is_set():
                log.exception("the background refresh failed; the next one comes as planned")
