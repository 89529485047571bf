"""Sign-ins that have begun: in the memory of the only process, or in the database where several serve pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine

from core.access.sign_in_steps import keep_step, kept_step
from web.sign_in.expiring_store import ExpiringStore

T = TypeVar("T")
THREADS = 2


class BegunSignIns(Generic[T]):
    """Values under random keys for the time `lasting`; `encode` and `decode` make text of a value and back.

    `shared` returns True if several processes serve pages. For the event loop only. All may raise DatabaseError then.
    """

    def __init__(
        self,
        lasting: timedelta,
        engine: Callable[[], Engine],
        shared: Callable[[], bool],
        encode: Callable[[T], str],
        decode: Callable[[str], T],
    ) -> None:
        self._lasting, self._engine, self._shared = lasting, engine, shared
        self._encode, self._decode = encode, decode
        self._here: ExpiringStore[T] = ExpiringStore(lasting)
        self._threads = CapacityLimiter(THREADS)

    async def add(self, value: T, now: datetime) -> str:
        """Keep `value` and return its key."""
        if not self._shared():
            return self._here.add(value, now)
        engine, text = self._engine(), self._encode(value)
        return await to_thread.run_sync(lambda: keep_step(engine, text, now, self._lasting), limiter=self._threads)

    async def get(self, key: str, now: datetime) -> T | None:
        """Return the value, None if the key is unknown or its time is over."""
        return await self._kept(key, now, take=False) if self._shared() else self._here.get(key, now)

    async def pop(self, key: str, now: datetime) -> T | None:
        """Remove the value and return it, or None, so that each key can be used once."""
        return await self._kept(key, now, take=True) if self._shared() else self._here.pop(key, now)

    async def _kept(self, key: str, now: datetime, *, take: bool) -> T | None:
        engine = self._engine()
        text = await to_thread.run_sync(
            lambda: kept_step(engine, key, now, self._lasting, take=take), limiter=self._threads
        )
        return None if text is None else self._decode(text)
