"""Budgets that limit failed sign-ins: per network, and per account for all unknown devices together.

A budget is spent before the password is checked and given back if it was right, so people who know their passwords
never wait, however many they are. A known device spends nothing here: only its own waiting times
(`core.access.lockout`) apply, and no stranger can lock it out.

NETWORK lets four people behind one address fail five times each within the same minute.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.access import known_devices, lockout
from core.cache.sign_in_budget_rows import locked_budgets, whole_times
from core.caller_networks import networks_of


@dataclass(frozen=True, slots=True)
class Budget:
    """`most` failures at once; one more after each `interval`."""

    most: int
    interval: timedelta


MINUTE = timedelta(minutes=1)
NETWORK = (  # an IPv4 address or a /64; a /56; a /48
    Budget(20, MINUTE),
    Budget(40, MINUTE / 2),
    Budget(80, MINUTE / 4),
)
# All unknown devices together for one account: 288 guesses a day after the first 50.
ACCOUNT = Budget(50, 5 * MINUTE)
# After ACCOUNT is spent: for networks without a recent failure, so that guesses elsewhere do not lock the owner out.
FRESH = Budget(10, MINUTE / 6)


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt to sign in that is not checked yet; it may be checked in `wait` seconds."""

    name: str = ""  # of the account
    address: str = ""
    wait: int = 0
    device: str = ""  # id of the known device
    known_network: bool = False  # a stored session of the account came from this network
    spent: int = 0  # recent failures of its network; attempts with the fewest are checked first

    @property
    def source(self) -> str:
        """Return the device or network whose share of the queue this attempt takes."""
        return self.device or networks_of(self.address)[0]


@dataclass(frozen=True, slots=True)
class Charge:
    """The refunds of what an attempt has spent; if it must wait for `wait` seconds it has spent nothing."""

    wait: int = 0
    refunds: Mapping[str, timedelta] = field(
        default_factory=dict
    )  # key of a budget -> what a right password gives back


def wait_left(whole_at: datetime | None, budget: Budget, now: datetime) -> int:
    """Return the seconds until the budget has room for one more attempt."""
    left = _used(whole_at, budget, now) - budget.interval * (budget.most - 1)
    return max(0, math.ceil(left.total_seconds()))


def spent(whole_at: datetime | None, budget: Budget, now: datetime) -> int:
    """Return the number of failures that still count."""
    return math.ceil(_used(whole_at, budget, now) / budget.interval)


def charged(whole_at: datetime | None, budget: Budget, now: datetime) -> datetime:
    """Return the time at which the budget is full again after one more attempt."""
    return now + _used(whole_at, budget, now) + budget.interval


def _used(whole_at: datetime | None, budget: Budget, now: datetime) -> timedelta:
    """Return the spent part as a time, at most the whole budget, also if the clock was set back."""
    used = whole_at - now if whole_at else timedelta(0)
    return min(max(used, timedelta(0)), budget.interval * budget.most)


def wait_of_network(engine: Engine, address: str, now: datetime) -> int:
    """Return the seconds until an unknown device at `address` may try; spends nothing."""
    budgets = _of_network(address)
    times = whole_times(engine, budgets)
    return _longest_wait(times, budgets, now)


def attempt_of(engine: Engine, name: str, address: str, cookie: str, now: datetime) -> SignInAttempt:
    """Return the attempt to sign in as `name`; `cookie` is that of known devices.

    Spends nothing. Raises DatabaseError.
    """
    device = known_devices.device_of(engine, name, cookie, now)
    wait = lockout.wait_after(engine, lockout.key_of(name, address, device), now)
    if device:
        return SignInAttempt(name, address, wait, device)
    network = _of_network(address)
    narrowest = next(iter(network))
    known_network = known_devices.is_known_network(engine, name, networks_of(address)[0])
    times = whole_times(engine, network)
    wait = max(wait, _longest_wait(times, network, now))
    return SignInAttempt(name, address, wait, "", known_network, spent(times.get(narrowest), network[narrowest], now))


def spend(engine: Engine, attempt: SignInAttempt, now: datetime, *, password: bool = True) -> Charge:
    """Spend an attempt that is about to be checked, and return what it spent. Raises DatabaseError.

    A code (`password` False) spends the network's budget only, a known device spends nothing: both have waiting times
    of their own (`core.access.lockout`).
    """
    if attempt.device:
        return Charge()
    network = _of_network(attempt.address)
    account, fresh = (f"{kind}:{_digest(attempt.name)}" for kind in ("account", "fresh"))
    with locked_budgets(engine, [*network, account, fresh], now) as times:
        budgets = dict(network)
        if password and not attempt.known_network:
            over = wait_left(times.get(account), ACCOUNT, now) > 0
            budgets |= {fresh: FRESH} if over and not attempt.spent else {account: ACCOUNT}
        if wait := _longest_wait(times, budgets, now):
            return Charge(wait)
        times.update({key: charged(times.get(key), budget, now) for key, budget in budgets.items()})
    return Charge(refunds={key: budget.interval for key, budget in budgets.items()})


def give_back(engine: Engine, charge: Charge, now: datetime) -> None:
    """Give back what an attempt has spent, because it was right or was not checked."""
    if charge.refunds:
        with locked_budgets(engine, charge.refunds, now) as times:
            for key in times.keys() & charge.refunds.keys():
                times[key] -= charge.refunds[key]


def _longest_wait(times: Mapping[str, datetime], budgets: Mapping[str, Budget], now: datetime) -> int:
    return max(wait_left(times.get(key), budget, now) for key, budget in budgets.items())


def _of_network(address: str) -> dict[str, Budget]:
    return {f"from:{network}": budget for network, budget in zip(networks_of(address), NETWORK, strict=False)}


def _digest(name: str) -> str:
    """Return the hash of a typed name, which is stored in its place: it may be a password."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
