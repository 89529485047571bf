"""Rate limits of an account: presses of buttons are delayed, downloads of files beyond the limit are refused.

They hold for the account as a whole: more tabs or sessions do not raise them.
"""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from web.limits.token_bucket import TokenBucket

EXPORTS_PER_MINUTE = 30  # a person downloads a handful
PRESSES_PER_SECOND, PRESSES_AT_ONCE = 2.0, 30.0  # limits the audit, too: each press may write an entry


class AccountPace:
    """Counts in memory (there is one process), with one bucket for each account that has pressed a button."""

    def __init__(self) -> None:
        self._exports = MovingWindowRateLimiter(MemoryStorage())
        self._presses: dict[str, TokenBucket] = {}

    def may_export(self, account: str) -> bool:
        """Count a download; return False if there were too many in the last minute."""
        return self._exports.hit(RateLimitItemPerMinute(EXPORTS_PER_MINUTE), account)

    def until_press(self, account: str) -> float:
        """Count a press of a button; return the seconds to wait before it is carried out."""
        bucket = self._presses.setdefault(account, TokenBucket(PRESSES_AT_ONCE, PRESSES_PER_SECOND))
        return bucket.take()
