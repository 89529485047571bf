"""The first campaign: refreshes in this process, with faults at the wire, in the lists and of the clock."""

from __future__ import annotations

import time
from typing import Any

from core.graph.http import TIMEOUT
from core.sharepoint.pace import LONGEST, Pace
from tests.chaos.ledger import Key
from tests.chaos.stage import Stage
from tests.chaos.trouble import CLIENT_TIMEOUT, Trouble
from tests.office import Office

LONGEST_PAUSE = 0.002  # what the product waits for throttling and before repetitions


class Attack(Stage):
    """An episode: a few refreshes under attack while shortages come and go."""

    def __init__(self, office: Office, seed: int, *, lists: bool = True) -> None:
        super().__init__(office, seed, lists=lists)
        self.trouble = Trouble(office, self.cast, self.ledger, self.draw, self.desk.work)
        self._skipped = 0.0  # seconds of waiting that only seem to have passed
        services = office.services
        services.http.sleep = self._sleep
        services.publisher.pace = Pace(services.http, clock=lambda: time.monotonic() + self._skipped)

    def sync(self) -> dict[str, Any]:
        return self.office.refresh()

    def episode(self) -> None:
        self.office.services.http.timeout = CLIENT_TIMEOUT
        for _ in range(self.draw.randint(2, 7)):
            self.trouble.strike()
            monitored = self.cast.monitored()
            summary = self.refresh()
            if summary and self.lists and not self._meddled():
                self._check_claim(summary, monitored)
            if self.draw.random() < 0.5:
                self.trouble.run_flow()
                self.listen()
            self.desk.work()
            self.cast.change(0.08)
            if self.lists:
                self.cast.switch(0.05)

    def settle(self) -> None:
        self.trouble.end()
        self._skipped += LONGEST  # whatever SharePoint has asked to wait is over, too
        self.office.services.http.timeout = TIMEOUT
        super().settle()
        self.trouble.known_changes = self.office.sharepoint.licenses.sequence

    def _sleep(self, seconds: float) -> None:
        short = min(seconds, LONGEST_PAUSE)
        time.sleep(short)
        self._skipped += seconds - short

    def _meddled(self) -> bool:
        return self.trouble.meddled or time.monotonic() < self.trouble.late_until

    def _check_claim(self, summary: dict[str, Any], monitored: set[Key]) -> None:
        """A refresh that reports no fault has put every alarm into the list."""
        lists = summary["sharepoint"]
        if lists["failed"] or "problem" in lists:
            return
        waiting = self.cast.with_trigger()
        for key, period in self.ledger.all_open():
            if key in monitored and not period.messages and key not in waiting:
                self.result.wrong.append(f"{key}: no alarm after a refresh that says all is well: {period}")
