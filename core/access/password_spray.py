"""Guessing on a large scale: one log line and one row of the audit a minute while it lasts, and a count for /metrics.

Told are counts and the network, never what was typed.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core import audit, metrics
from core.caller_networks import UNKNOWN, networks_of
from core.roles import Actor

log = logging.getLogger(__name__)

WINDOW, MINUTE = timedelta(minutes=10), timedelta(minutes=1)
MOST_REMEMBERED = 2_000
# More than an office behind one address mistypes: of 200 people at eight o'clock that would be every twentieth.
ACCOUNTS_OF_A_NETWORK = 10
NETWORKS_OF_AN_ACCOUNT = 10
FAILURES_IN_A_MINUTE = 30


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed or refused attempt; `account` is "" if it was refused before its name was read."""

    at: datetime
    network: str
    account: str


@dataclass(frozen=True, slots=True)
class Spray:
    """What was seen in the last WINDOW; `network` is the one with most attempts."""

    why: str
    attempts: int
    accounts: int
    networks: int
    network: str


def judge(failures: Sequence[Failure], now: datetime) -> Spray | None:
    """Return what these failures show, None if they look like people who mistype."""
    recent = [one for one in failures if now - WINDOW < one.at <= now]
    pairs = {(one.network, one.account) for one in recent if one.account}
    networks = Counter(network for network, _ in pairs)
    accounts = Counter(account for _, account in pairs)
    if networks and max(networks.values()) >= ACCOUNTS_OF_A_NETWORK:
        why = "many accounts"
    elif accounts and max(accounts.values()) >= NETWORKS_OF_AN_ACCOUNT:
        why = "many networks"
    elif sum(now - one.at < MINUTE for one in recent) >= FAILURES_IN_A_MINUTE:
        why = "many failures"
    else:
        return None
    busiest = Counter(one.network for one in recent).most_common(1)[0][0]
    return Spray(why, len(recent), len(accounts), len({one.network for one in recent}), busiest)


class SprayWatch:
    """Remembers the failures of the last minutes; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: deque[Failure] = deque(maxlen=MOST_REMEMBERED)
        self._told_at: datetime | None = None
        self._salt = secrets.token_bytes(16)

    def failed(self, address: str, name: str, now: datetime) -> Spray | None:
        """Note a failure; return what is to be told now, at most once a minute."""
        failure = Failure(now, networks_of(address)[-1], self._digest(name) if name else "")
        with self._lock:
            self._failures.append(failure)
            if self._told_at is not None and timedelta(0) <= now - self._told_at < MINUTE:
                return None
            found = judge(self._failures, now)
            if found is not None:
                self._told_at = now
            return found

    def _digest(self, name: str) -> str:
        return hashlib.blake2b(name.encode("utf-8", "replace"), key=self._salt, digest_size=8).hexdigest()


_watch = SprayWatch()


def note_failure(engine: Engine, address: str, name: str, now: datetime, *, early: bool = False) -> None:
    """Count a sign-in that failed, or that was refused before it was looked at (`early`), and tell of a spray.

    Raises DatabaseError.
    """
    metrics.sign_in_failed(early=early)
    if spray := _watch.failed(address, name, now):
        tell(engine, spray, now)


def tell(engine: Engine, spray: Spray, now: datetime) -> None:
    """Write a spray to log, metrics and audit. Raises DatabaseError."""
    metrics.spray_seen()
    log.warning(
        "Guessing at the sign-in (%s): %d attempts at %d accounts from %d networks in ten minutes, most from %s",
        spray.why, spray.attempts, spray.accounts, spray.networks, spray.network,
    )  # fmt: skip
    counts = {"attempts": spray.attempts, "accounts": spray.accounts, "networks": spray.networks}
    address = "" if spray.network == UNKNOWN else spray.network
    actor = Actor("", "", "sign-in", address=address)
    audit.record(engine, actor, "sign_in.spray", after=counts, result="refused", reason=spray.why, at=now)
