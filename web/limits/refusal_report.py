"""Counts refused and closed connections and logs them once a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from core.logs.log_words import word

log = logging.getLogger(__name__)

REPORT_SECONDS = 60.0
MOST_ADDRESSES = 1000  # that are counted one by one


class RefusalReport:
    """Counts refused and closed connections and logs them in one line, at most once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged_at = float("-inf")
        self._reasons: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def count(self, reason: str, address: str) -> None:
        self._reasons[reason] += 1
        if address in self._addresses or len(self._addresses) < MOST_ADDRESSES:
            self._addresses[address] += 1

    def log_if_due(self) -> None:
        now = self._clock()
        if not self._reasons or now - self._logged_at < REPORT_SECONDS:
            return
        address, times = self._addresses.most_common(1)[0]
        log.warning(
            "%d connections were refused or closed in the last minute (%s), most of them from %s (%d)",
            self._reasons.total(),
            ", ".join(f"{reason}: {number}" for reason, number in sorted(self._reasons.items())),
            address or word("an unknown address"),
            times,
        )
        self._logged_at = now
        self._reasons.clear()
        self._addresses.clear()
