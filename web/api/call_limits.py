"""Rate limits of the API: calls per minute of each token, and wrong tokens per minute of each address."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from web.api.errors import ApiError

WRONG_PER_MINUTE = 20


class CallLimits:
    """Counts in memory (there is one process); a restart resets the counts."""

    def __init__(self, calls_per_minute: Callable[[], int]) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._calls_per_minute = calls_per_minute
        self._wrong = RateLimitItemPerMinute(WRONG_PER_MINUTE)

    def count(self, token: str) -> dict[str, str]:
        """Count a call; return the headers with the remaining calls. Raise ApiError (429) if there are none."""
        return self._count(RateLimitItemPerMinute(self._calls_per_minute()), "call", token)

    def count_wrong(self, address: str) -> None:
        """Count a wrong token. Raise ApiError (429) if there were too many.

        Valid tokens are not affected, so that nobody can lock out others behind the same address.
        """
        self._count(self._wrong, "wrong", address)

    def _count(self, limit: RateLimitItem, *who: str) -> dict[str, str]:
        fits = self._limiter.hit(limit, *who)
        stats = self._limiter.get_window_stats(limit, *who)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        headers = {
            "RateLimit-Limit": str(limit.amount),
            "RateLimit-Remaining": str(max(0, stats.remaining)),
            "RateLimit-Reset": str(seconds),
        }
        if not fits:
            message = f"More than {limit.amount} calls in a minute. Try again in {seconds} seconds."
            raise ApiError(429, message, headers={**headers, "Retry-After": str(seconds)})
        return headers
