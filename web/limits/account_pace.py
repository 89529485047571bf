"""How fast one account may do what writes: buttons wait for their turn, files beyond the limit are refused.

Of the account and not of a tab: whoever signs in again, or opens more tabs, is no faster.
"""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from web.limits.token_bucket import TokenBucket

EXPORTS_PER_MINUTE = 30  # a person downloads a handful
PRESSES_PER_SECOND, PRESSES_AT_ONCE = 2.0, 30.0  # what each button writes into the audit grows no faster


class AccountPace:
    """In memory, for there is one process; one bucket for each account that has pressed a button."""

    def __init__(self) -> None:
        self._exports = MovingWindowRateLimiter(MemoryStorage())
        self._presses: dict[str, TokenBucket] = {}

    def may_export(self, account: str) -> bool:
        """Count a file; return False when there were too many."""
        return self._exports.hit(RateLimitItemPerMinute(EXPORTS_PER_MINUTE), account)

    def until_press(self, account: str) -> float:
        """Count a press of a button; return the seconds until it is its turn."""
        bucket = self._presses.setdefault(account, TokenBucket(PRESSES_AT_ONCE, PRESSES_PER_SECOND))
        return bucket.take()
