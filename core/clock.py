"""Elapsed times and intervals that stay correct if a clock is wrong or set back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

FRIDAY = 4  # as `date.weekday` counts
TOLERANCE = timedelta(minutes=5)  # allowed difference between the clocks of two machines, as in Kerberos and Entra


def elapsed(at: datetime, now: datetime) -> timedelta:
    """Return how long ago `at` was; timedelta.max if it lies in the future by more than TOLERANCE.

    Such a time was written before the clock was set back, so its age is unknown.
    """
    if at > now + TOLERANCE:
        return timedelta.max
    return max(now - at, timedelta(0))


def working_day_before(now: datetime, zone: tzinfo) -> datetime:
    """Return the beginning of the last day from Monday to Friday before today in `zone`, in UTC."""
    day = now.astimezone(zone).date() - timedelta(days=1)
    day -= timedelta(days=max(0, day.weekday() - FRIDAY))
    return datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)


def is_over(steady: float, wall: float, interval: float) -> bool:
    """Return True if `interval` has passed, by the monotonic clock (`steady`) or by the time of day (`wall`); seconds.

    The time of day counts because the monotonic clock stops while a machine sleeps. If the time of day was set back the
    interval is over, too: the time stored last lies in the future and counts as late.
    """
    return steady >= interval or wall >= interval or wall < -TOLERANCE.total_seconds()


class Interval:
    """An interval of `seconds` since the last `restart`; it is over before the first one."""

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
