"""A token bucket: limits events to a burst at once and a rate per second in the long run."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Holds `burst` tokens when full and fills by `per_second`."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._tokens, self._at = burst, clock()

    def take(self, cost: float = 1.0) -> float:
        """Take `cost` tokens, even if there are too few; return the seconds until the missing ones have come."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second) - cost
        self._at = now
        return max(0.0, -self._tokens / self._per_second)
