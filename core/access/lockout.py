"""How long somebody has to wait after failed attempts: a password, or a code of the second factor."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.cache import account_rows
from core.cache.account_rows import Failures
from core.caller_networks import networks_of

FREE_FAILURES = 4  # mistyping is human
LONGEST_WAIT = timedelta(minutes=15)
FORGET_FAILURES = timedelta(days=1)


def key_of(name: str, address: str, device: str = "") -> str:
    """Return the key that wrong passwords for `name` count under: a known device has one of its own.

    All of an IPv6 /64 is one address.
    """
    return f"{name}|device {device}" if device else f"{name}|{networks_of(address)[0]}"


def count_attempt(engine: Engine, key: str, now: datetime) -> int:
    """Count one more failure for `key`, or return the seconds that are still to wait.

    Counted is before the attempt is looked at: a hundred at once get no further than one after the other.
    """
    while True:
        seen = account_rows.find_failures(engine, key)
        if seen is not None and seen.last_at > now:  # the clock was set back: the pause begins anew, and ends
            account_rows.record_failure(
                engine, key, seen, Failures(seen.count, now), forget_before=now - FORGET_FAILURES
            )
            continue
        if wait := wait_left(seen, now):
            return wait
        fresh = seen is None or now - seen.last_at >= FORGET_FAILURES
        count = 1 if fresh or seen is None else seen.count + 1
        if account_rows.record_failure(engine, key, seen, Failures(count, now), forget_before=now - FORGET_FAILURES):
            return 0


def wait_after(engine: Engine, key: str, now: datetime) -> int:
    """The seconds until the next attempt for `key` is looked at."""
    return wait_left(account_rows.find_failures(engine, key), now)


def wait_left(failures: Failures | None, now: datetime) -> int:
    """2, 4, 8 ... seconds after the fifth failure in a row, never more than LONGEST_WAIT."""
    if failures is None or failures.count <= FREE_FAILURES:
        return 0
    pause = min(timedelta(seconds=2 ** min(failures.count - FREE_FAILURES, 20)), LONGEST_WAIT)
    left = min(failures.last_at + pause - now, pause)  # a clock that was put back must not lock anybody out
    return max(0, math.ceil(left.total_seconds()))


def forget(engine: Engine, key: str) -> None:
    """The attempt was right: what failed before is forgotten."""
    account_rows.clear_failures(engine, key)
