"""Rate limits of an address: so many requests at once, so many in the long run; more are refused and cost nothing."""

from __future__ import annotations

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

LOOKS_PER_MINUTE = 300  # the scanners of a mail system come from few addresses
ANSWERS_PER_HOUR = 60  # an answer takes a transaction


class AddressPace:
    """Counts in memory (each process its own requests)."""

    def __init__(self, looks_per_minute: int = LOOKS_PER_MINUTE, answers_per_hour: int = ANSWERS_PER_HOUR) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._looks, self._answers = RateLimitItemPerMinute(looks_per_minute), RateLimitItemPerHour(answers_per_hour)

    def may_look(self, address: str) -> bool:
        """Count a look; return False if there were too many in the last minute."""
        return self._limiter.hit(self._looks, "look", address)

    def may_answer(self, address: str) -> bool:
        """Count an answer; return False if there were too many in the last hour."""
        return self._limiter.hit(self._answers, "answer", address)
