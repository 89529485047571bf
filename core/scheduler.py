"""The background thread: a refresh at the start and then every REFRESH_MINUTES, and a duty once a day."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import schedule

from core.refresh import Refresher
from core.roles import schedule_actor

log = logging.getLogger(__name__)

TICK = 0.5  # seconds; how late a refresh may start


class BackgroundRefresh:
    """Calls the refresher by the clock, and `daily` at the start and once a day.

    What fails is logged, and the next time comes all the same.
    """

    def __init__(self, refresher: Refresher, minutes: float, daily: Callable[[], object] | None = None) -> None:
        self._refresher, self._minutes, self._daily = refresher, minutes, daily
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
        timetable = schedule.Scheduler()
        if self._daily:
            timetable.every().day.do(self._do_daily, self._daily)
            self._do_daily(self._daily)
        if self._minutes > 0:
            timetable.every(max(1, round(self._minutes * 60))).seconds.do(self._refresh)
            self._refresh()
        while not self._stop.wait(TICK):
            if self._unfinished:
                self._refresh()
            else:
                timetable.run_pending()

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
