"""How many failed sign-ins one network, and all strangers together for one account, have in a while.

A budget is spent before an attempt is looked at and given back when it was right. So an office whose people know their
passwords never feels it, whatever its size. A device that has signed in to the account before spends nothing here:
only the waiting times of its own (`core.access.lockout`) hold it, and no stranger can keep it out.

NETWORK lets four people behind one address use up their five quick tries (`access.lockout`) within the same minute.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from core.access import known_devices, lockout
from core.cache.sign_in_budget_rows import budgets_alone, whole_times
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
# Of all strangers for one account: 288 guesses a day once the first 50 are spent.
ACCOUNT = Budget(50, 5 * MINUTE)
# Beyond ACCOUNT: for networks without a recent failure, so that guessers elsewhere do not lock the owner out.
FRESH = Budget(10, MINUTE / 6)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an attempt stands before it is looked at: it may come to its turn now, or in `wait` seconds."""

    name: str = ""  # the account
    address: str = ""
    wait: int = 0
    device: str = ""  # the known device that it comes from
    known_network: bool = False  # a session of the account came from there
    spent: int = 0  # recent failures of its network: those with the fewest come first

    @property
    def source(self) -> str:
        """Whose share of the queue it takes."""
        return self.device or networks_of(self.address)[0]


@dataclass(frozen=True, slots=True)
class Charge:
    """What an attempt has spent; with `wait` it has spent nothing and is not looked at for so many seconds."""

    wait: int = 0
    back: Mapping[str, timedelta] = field(default_factory=dict)  # key -> what a right password gives back


def wait_left(whole_at: datetime | None, budget: Budget, now: datetime) -> int:
    """Return the seconds until one more attempt fits in."""
    left = _used(whole_at, budget, now) - budget.interval * (budget.most - 1)
    return max(0, math.ceil(left.total_seconds()))


def spent(whole_at: datetime | None, budget: Budget, now: datetime) -> int:
    """Return how many failures are not forgotten yet."""
    return math.ceil(_used(whole_at, budget, now) / budget.interval)


def charged(whole_at: datetime | None, budget: Budget, now: datetime) -> datetime:
    """Return when the budget is whole again after one more attempt."""
    return now + _used(whole_at, budget, now) + budget.interval


def _used(whole_at: datetime | None, budget: Budget, now: datetime) -> timedelta:
    """A clock that was set back makes nobody wait for longer than an empty budget does."""
    used = whole_at - now if whole_at else timedelta(0)
    return min(max(used, timedelta(0)), budget.interval * budget.most)


def wait_of_network(engine: Engine, address: str, now: datetime) -> int:
    """Return the seconds until an attempt of a stranger at `address` is looked at; spends nothing."""
    budgets = _of_network(address)
    times = whole_times(engine, budgets)
    return _longest_wait(times, budgets, now)


def standing_of(engine: Engine, name: str, address: str, cookie: str, now: datetime) -> Standing:
    """Return how an attempt to sign in as `name` stands; `cookie` is what the browser holds of known devices.

    Spends nothing. Raises DatabaseError.
    """
    device = known_devices.device_of(engine, name, cookie, now)
    wait = lockout.wait_after(engine, lockout.key_of(name, address, device), now)
    if device:
        return Standing(name, address, wait, device)
    network = _of_network(address)
    narrowest = next(iter(network))
    known = known_devices.is_known_network(engine, name, networks_of(address)[0])
    times = whole_times(engine, network)
    wait = max(wait, _longest_wait(times, network, now))
    return Standing(name, address, wait, "", known, spent(times.get(narrowest), network[narrowest], now))


def spend(engine: Engine, standing: Standing, now: datetime, *, password: bool = True) -> Charge:
    """Spend an attempt whose turn has come; of a code only from the network's budget. Raises DatabaseError.

    Codes and known devices have waiting times of their own (`core.access.lockout`), the latter have nothing else.
    """
    if standing.device:
        return Charge()
    network = _of_network(standing.address)
    account, fresh = (f"{kind}:{_digest(standing.name)}" for kind in ("account", "fresh"))
    with budgets_alone(engine, [*network, account, fresh], now) as times:
        budgets = dict(network)
        if password and not standing.known_network:
            over = wait_left(times.get(account), ACCOUNT, now) > 0
            budgets |= {fresh: FRESH} if over and not standing.spent else {account: ACCOUNT}
        if wait := _longest_wait(times, budgets, now):
            return Charge(wait)
        times.update({key: charged(times.get(key), budget, now) for key, budget in budgets.items()})
    return Charge(back={key: budget.interval for key, budget in budgets.items()})


def give_back(engine: Engine, charge: Charge, now: datetime) -> None:
    """The attempt was right, or was not looked at."""
    if charge.back:
        with budgets_alone(engine, charge.back, now) as times:
            for key in times.keys() & charge.back.keys():
                times[key] -= charge.back[key]


def _longest_wait(times: Mapping[str, datetime], budgets: Mapping[str, Budget], now: datetime) -> int:
    return max(wait_left(times.get(key), budget, now) for key, budget in budgets.items())


def _of_network(address: str) -> dict[str, Budget]:
    return {f"from:{network}": budget for network, budget in zip(networks_of(address), NETWORK, strict=False)}


def _digest(name: str) -> str:
    """What was typed as a name may be a password: it is not stored."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
