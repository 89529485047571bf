"""How often one may call: each token so many times a minute, each address so many wrong tokens."""

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
    """In memory, for there is one process; a restart forgets."""

    def __init__(self, calls_per_minute: Callable[[], int]) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._calls_per_minute = calls_per_minute
        self._wrong = RateLimitItemPerMinute(WRONG_PER_MINUTE)

    def count(self, token: str) -> dict[str, str]:
        """Count a call; the headers that tell what is left. Raises ApiError when nothing is."""
        return self._count(RateLimitItemPerMinute(self._calls_per_minute()), "call", token)

    def count_wrong(self, address: str) -> None:
        """Count a wrong token. Raises ApiError when there were too many.

        A good token is let in all the same: nobody shuts those out who share an address with them.
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
