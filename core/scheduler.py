"""The background thread: a refresh at the start and then every REFRESH_MINUTES, come what may."""

from __future__ import annotations

import logging
import threading

import schedule

from core.refresh import Refresher
from core.roles import schedule_actor

log = logging.getLogger(__name__)

TICK = 0.5  # seconds; how late a refresh may start


class BackgroundRefresh:
    """Calls the refresher by the clock. A failed refresh is logged and the next one comes all the same."""

    def __init__(self, refresher: Refresher, minutes: float) -> None:
        self._refresher, self._minutes = refresher, minutes
        self._stop = threading.Event()
        self._unfinished = False
        self._thread = threading.Thread(target=self._work, name="schedule", daemon=True)

    def start(self) -> None:
        """Start the thread; 0 minutes means no background refresh at all."""
        if self._minutes > 0:
            self._thread.start()

    def stop(self) -> None:
        """End the timetable and a running refresh; returns when both are through, at most after some seconds."""
        self._stop.set()
        self._refresher.stop()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _work(self) -> None:
        timetable = schedule.Scheduler()
        timetable.every(max(1, round(self._minutes * 60))).seconds.do(self._refresh)
        self._refresh()
        while not self._stop.wait(TICK):
            if self._unfinished:
                self._refresh()
            else:
                timetable.run_pending()

    def _refresh(self) -> None:
        """A refresh whose push gave way to reading is followed by the next one at once."""
        self._unfinished = False
        try:
            summary = self._refresher.run(schedule_actor())
            self._unfinished = bool(summary["sharepoint"].get("remaining"))
        except Exception:
            if not self._stop.is_set():
                log.exception("the background refresh failed; the next one comes as planned")
