"""Things that wait a few minutes for the same browser to come back, in memory."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.clock import elapsed

T = TypeVar("T")

MOST = 5_000  # of strangers: the oldest go first


class ExpiringStore(Generic[T]):
    """Values under keys that cannot be guessed. For the event loop's thread alone; a restart forgets them."""

    def __init__(self, lasting: timedelta) -> None:
        self.lasting = lasting
        self._values: dict[str, tuple[datetime, T]] = {}

    def add(self, value: T, now: datetime) -> str:
        """Keep `value`; returns its key."""
        while self._values and (len(self._values) >= MOST or self._over(next(iter(self._values)), now)):
            del self._values[next(iter(self._values))]
        key = secrets.token_urlsafe(32)
        self._values[key] = (now, value)
        return key

    def get(self, key: str, now: datetime) -> T | None:
        """The value, as long as it is kept."""
        return None if key not in self._values or self._over(key, now) else self._values[key][1]

    def pop(self, key: str, now: datetime) -> T | None:
        """The value for the one who asks first."""
        value = self.get(key, now)
        self._values.pop(key, None)
        return value

    def _over(self, key: str, now: datetime) -> bool:
        return elapsed(self._values[key][0], now) >= self.lasting
