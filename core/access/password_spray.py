"""Detect password spraying and report it: at most one log line and one audit row a minute, and a metric.

The report has counts and the network, never what was typed.
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
# An office behind one address stays below: of 200 people who sign in at once every twentieth would have to mistype.
ACCOUNTS_OF_A_NETWORK = 10
NETWORKS_OF_AN_ACCOUNT = 10
FAILURES_IN_A_MINUTE = 30


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt; `account` is the hash of its name, "" if it was refused before the name was read."""

    at: datetime
    network: str
    account: str


@dataclass(frozen=True, slots=True)
class Spray:
    """The attempts of the last WINDOW; `network` is the one with most of them."""

    reason: str
    attempts: int
    accounts: int
    networks: int
    network: str


def detect_spray(failures: Sequence[Failure], now: datetime) -> Spray | None:
    """Return the spray that these failures show, None if they look like ordinary mistakes."""
    recent = [one for one in failures if now - WINDOW < one.at <= now]
    pairs = {(one.network, one.account) for one in recent if one.account}
    networks = Counter(network for network, _ in pairs)
    accounts = Counter(account for _, account in pairs)
    if networks and max(networks.values()) >= ACCOUNTS_OF_A_NETWORK:
        reason = "many accounts"
    elif accounts and max(accounts.values()) >= NETWORKS_OF_AN_ACCOUNT:
        reason = "many networks"
    elif sum(now - one.at < MINUTE for one in recent) >= FAILURES_IN_A_MINUTE:
        reason = "many failures"
    else:
        return None
    busiest = Counter(one.network for one in recent).most_common(1)[0][0]
    return Spray(reason, len(recent), len(accounts), len({one.network for one in recent}), busiest)


class SprayWatch:
    """The failures of the last minutes; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: deque[Failure] = deque(maxlen=MOST_REMEMBERED)
        self._reported_at: datetime | None = None
        self._salt = secrets.token_bytes(16)

    def add_failure(self, address: str, name: str, now: datetime) -> Spray | None:
        """Add a failure; return a spray that is to be reported now, at most one a minute."""
        failure = Failure(now, networks_of(address)[-1], self._digest(name) if name else "")
        with self._lock:
            self._failures.append(failure)
            if self._reported_at is not None and timedelta(0) <= now - self._reported_at < MINUTE:
                return None
            spray = detect_spray(self._failures, now)
            if spray is not None:
                self._reported_at = now
            return spray

    def _digest(self, name: str) -> str:
        return hashlib.blake2b(name.encode("utf-8", "replace"), key=self._salt, digest_size=8).hexdigest()


_watch = SprayWatch()


def note_failure(engine: Engine, address: str, name: str, now: datetime, *, early: bool = False) -> None:
    """Count a failed sign-in and report a spray; `early`: it was refused before the password was checked.

    Raises DatabaseError.
    """
    metrics.sign_in_failed(early=early)
    if spray := _watch.add_failure(address, name, now):
        report_spray(engine, spray, now)


def report_spray(engine: Engine, spray: Spray, now: datetime) -> None:
    """Write a spray to log, metrics and audit. Raises DatabaseError."""
    metrics.spray_seen()
    log.warning(
        "Guessing at the sign-in (%s): %d attempts at %d accounts from %d networks in ten minutes, most from %s",
        spray.reason, spray.attempts, spray.accounts, spray.networks, spray.network,
    )  # fmt: skip
    counts = {"attempts": spray.attempts, "accounts": spray.accounts, "networks": spray.networks}
    address = "" if spray.network == UNKNOWN else spray.network
    actor = Actor("", "", "sign-in", address=address)
    audit.record(engine, actor, "sign_in.spray", after=counts, result="refused", reason=spray.reason, at=now)
