"""Rate limits of the API: calls per minute of each token, and wrong tokens per minute of each address."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from core.cache.call_count_rows import count_call
from core.runtime import Runtime
from web.api.errors import ApiError

WRONG_PER_MINUTE = 20


class CallLimits:
    """Counts in memory, or in the database of `runtime` where several processes serve pages."""

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._runtime = runtime
        self._threads = CapacityLimiter(1)

    async def count(self, token: str) -> dict[str, str]:
        """Count a call; return the headers with the remaining calls.

        Raises ApiError (429) if there are none, DatabaseError.
        """
        return await self._count(self._runtime().settings.api_requests_per_minute, "call", token)

    async def count_wrong(self, address: str) -> None:
        """Count a wrong token. Raises ApiError (429) if there were too many, DatabaseError.

        Valid tokens are not affected, so that nobody can lock out others behind the same address.
        """
        await self._count(WRONG_PER_MINUTE, "wrong", address)

    async def _count(self, most: int, *who: str) -> dict[str, str]:
        shared = self._runtime().settings.shares_work
        calls, seconds = await self._together(*who) if shared else self._here(RateLimitItemPerMinute(most), *who)
        headers = {
            "RateLimit-Limit": str(most),
            "RateLimit-Remaining": str(max(0, most - calls)),
            "RateLimit-Reset": str(seconds),
        }
        if calls > most:
            message = f"More than {most} calls in a minute. Try again in {seconds} seconds."
            raise ApiError(429, message, headers={**headers, "Retry-After": str(seconds)})
        return headers

    def _here(self, limit: RateLimitItem, *who: str) -> tuple[int, int]:
        """Count a call in memory; return the calls of the minute, at most one more than allowed, and its rest."""
        fits = self._limiter.hit(limit, *who)
        stats = self._limiter.get_window_stats(limit, *who)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        return (limit.amount - max(0, stats.remaining) if fits else limit.amount + 1), seconds

    async def _together(self, *who: str) -> tuple[int, int]:
        """Count a call in the database; return the calls of all processes in this minute, and the rest of it."""
        engine, now = self._runtime().engine, time.time()
        minute, name = int(now // 60), ":".join(who)[:200]
        calls = await to_thread.run_sync(lambda: count_call(engine, name, minute), limiter=self._threads)
        return calls, max(1, math.ceil((minute + 1) * 60 - now))
