"""The timetable of several processes: what is due is claimed in the database, so that one of them does it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from core.cache import run_rows
from core.cache.database import DatabaseError
from core.cache.duty_rows import claim_duty, put_off_duty
from core.refresh.due_tenants import LOOK_EVERY, due_tenants, regular_scope
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.refresh.shared_run import SharedRuns
from core.refresh.timetable import DAY, MINUTE
from core.roles import Actor, interval_actor, schedule_actor

log = logging.getLogger(__name__)

TICK = 2.0  # seconds; how late something may begin
SWEEP_EVERY = 60.0  # seconds
REFRESH, DUE, SWEEP, DAILY, MINUTELY = "refresh", "due", "sweep", "daily", "minutely"
REGULAR = schedule_actor().name


class SharedTimetable:
    """Asks for a refresh `minutes` after the end of the last one, and in between for one of the tenants that are due.

    It sweeps, and runs the tasks `daily` once a day and `minutely` once a minute.
    A failure is logged and does not end the timetable. `beat_at` is the time (monotonic) of the last look at the
    database that succeeded.
    """

    def __init__(
        self,
        services: Services,
        refresher: Refresher,
        runs: SharedRuns,
        daily: Callable[[], object],
        minutely: Callable[[], object],
    ) -> None:
        self._services, self._engine, self._ending = services, services.engine, services.ending
        self._minutes = services.settings.refresh_minutes
        self._refresher, self._runs, self._daily, self._minutely = refresher, runs, daily, minutely
        self.beat_at = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="timetable", daemon=True)

    def start(self) -> None:
        """Start the thread, which ends with the process."""
        self._thread.start()

    def tick(self) -> None:
        """Do what is due. Raises DatabaseError."""
        if self._minutes > 0 and not self._refreshing() and claim_duty(self._engine, REFRESH, self._seconds):
            self._request(schedule_actor(), regular_scope(self._services))
        elif self._minutes > 0 and claim_duty(self._engine, DUE, LOOK_EVERY):
            self._request(interval_actor(), due_tenants(self._services) or None)
        if claim_duty(self._engine, SWEEP, SWEEP_EVERY):
            self._runs.sweep()
        if claim_duty(self._engine, DAILY, DAY):
            self._daily()
        if claim_duty(self._engine, MINUTELY, MINUTE):
            self._minutely()
        self.beat_at = time.monotonic()

    def _request(self, actor: Actor, tenants: Sequence[str] | None) -> None:
        if tenants is not None:
            self._refresher.request(actor, tenants)

    @property
    def _seconds(self) -> float:
        return max(1.0, self._minutes * 60)

    def _refreshing(self) -> bool:
        """Return True if a regular refresh is open; the next one is due some time after its end."""
        if not any(run.account == REGULAR for run in run_rows.open_runs(self._engine)):
            return False
        put_off_duty(self._engine, REFRESH, self._seconds)
        return True

    def _work(self) -> None:
        away = False
        while not self._ending.wait(TICK):
            try:
                self.tick()
                away = False
            except DatabaseError as error:
                if not away:
                    log.warning("the timetable waits for the database: %s", error)
                away = True
            except Exception:
                log.exception("what was due has failed; it comes again as planned")
