"""Waiting times after wrong passwords and wrong codes of the second factor."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.cache import sign_in_failure_rows
from core.cache.sign_in_failure_rows import Failures
from core.caller_networks import networks_of

FREE_FAILURES = 4  # without a wait
LONGEST_WAIT = timedelta(minutes=15)
FORGET_FAILURES = timedelta(days=1)


def key_of(name: str, address: str, device: str = "") -> str:
    """Return the key under which wrong passwords for `name` are counted: per known device, else per network.

    The network is an IPv4 address or an IPv6 /64.
    """
    return f"{name}|device {device}" if device else f"{name}|{networks_of(address)[0]}"


def count_attempt(engine: Engine, key: str, now: datetime) -> int:
    """Count one more failure for `key` and return 0, or return the seconds that are still to wait.

    Called before the password is checked: so a hundred attempts at once get no further than one after the other.
    """
    while True:
        stored = sign_in_failure_rows.find_failures(engine, key)
        if stored is not None and stored.last_at > now:  # the clock was set back: the wait starts anew
            sign_in_failure_rows.record_failure(
                engine, key, stored, Failures(stored.count, now), forget_before=now - FORGET_FAILURES
            )
            continue
        if wait := wait_left(stored, now):
            return wait
        count = 1 if stored is None or now - stored.last_at >= FORGET_FAILURES else stored.count + 1
        if sign_in_failure_rows.record_failure(
            engine, key, stored, Failures(count, now), forget_before=now - FORGET_FAILURES
        ):
            return 0


def wait_after(engine: Engine, key: str, now: datetime) -> int:
    """Return the seconds until the next attempt for `key` is allowed."""
    return wait_left(sign_in_failure_rows.find_failures(engine, key), now)


def wait_left(failures: Failures | None, now: datetime) -> int:
    """Return the seconds left: 2, 4, 8 ... after the fifth failure in a row, at most LONGEST_WAIT."""
    if failures is None or failures.count <= FREE_FAILURES:
        return 0
    pause = min(timedelta(seconds=2 ** min(failures.count - FREE_FAILURES, 20)), LONGEST_WAIT)
    left = min(failures.last_at + pause - now, pause)  # a clock that was set back locks nobody out for longer
    return max(0, math.ceil(left.total_seconds()))


def forget(engine: Engine, key: str) -> None:
    """Forget the failures of `key`, after a right attempt."""
    sign_in_failure_rows.clear_failures(engine, key)
