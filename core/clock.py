"""Clocks that cannot be trusted: how long ago something was, and whether an interval is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)  # the clocks of two machines may be so far apart; Kerberos and Entra allow the same


def elapsed(at: datetime, now: datetime) -> timedelta:
    """Return how long ago `at` was; timedelta.max if it lies in the future by more than TOLERANCE.

    Such a moment was written by a clock that has been set back since, and nobody knows how long ago that was.
    """
    if at > now + TOLERANCE:
        return timedelta.max
    return max(now - at, timedelta(0))


def is_over(steady: float, wall: float, interval: float) -> bool:
    """Return True if `interval` has passed, by the monotonic clock (`steady`) or by the time of day (`wall`); seconds.

    The time of day counts because the monotonic clock stands still while a machine sleeps. When the time of day was
    set back the interval is over, too: whatever was stored last now lies in the future and passes for late.
    """
    return steady >= interval or wall >= interval or wall < -TOLERANCE.total_seconds()


class Interval:
    """Over when `seconds` have passed since the last `restart`, and before the first one."""

    def __init__(
        self,
        seconds: float,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._seconds, self._steady, self._wall = seconds, steady, wall
        self._since: tuple[float, float] | None = None

    def restart(self) -> None:
        self._since = self._steady(), self._wall()

    def is_over(self) -> bool:
        if self._since is None:
            return True
        steady, wall = self._since
        return is_over(self._steady() - steady, self._wall() - wall, self._seconds)
