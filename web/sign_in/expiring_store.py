"""Values that are kept in memory for a few minutes, until the same browser comes back."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.clock import elapsed

T = TypeVar("T")

MOST = 5_000  # anyone can add values; beyond this the oldest are removed


class ExpiringStore(Generic[T]):
    """Values under random keys, lost at a restart. Not thread-safe: for the event loop only."""

    def __init__(self, lasting: timedelta) -> None:
        self.lasting = lasting
        self._values: dict[str, tuple[datetime, T]] = {}

    def add(self, value: T, now: datetime) -> str:
        """Keep `value` and return its key."""
        while self._values and (len(self._values) >= MOST or self._over(next(iter(self._values)), now)):
            del self._values[next(iter(self._values))]
        key = secrets.token_urlsafe(32)
        self._values[key] = (now, value)
        return key

    def get(self, key: str, now: datetime) -> T | None:
        """Return the value, or None if the key is unknown or its time is over."""
        return None if key not in self._values or self._over(key, now) else self._values[key][1]

    def pop(self, key: str, now: datetime) -> T | None:
        """Remove the value and return it, or None, so that each key can be used once."""
        value = self.get(key, now)
        self._values.pop(key, None)
        return value

    def _over(self, key: str, now: datetime) -> bool:
        return elapsed(self._values[key][0], now) >= self.lasting
