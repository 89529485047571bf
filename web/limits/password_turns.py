"""The order in which passwords are checked. A check takes 0.3 s of a core.

All attempts share one or two threads; devices that have signed in before go first and have one more thread.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from core.access.accounts import SignInAttempt

T = TypeVar("T")

FOR_ALL = min(2, max(1, (os.cpu_count() or 1) - 1))  # threads; one core stays free for signed-in people
FOR_DEVICES = 1  # one more thread for devices that have signed in before
MOST_WAITING = 200  # half a minute of work
MOST_OF_A_SOURCE = 40  # for a school class behind one address that signs in at the same moment
MOST_OF_A_DEVICE = 2


class Busy(Exception):
    """Too many attempts come before this one; its password was not checked."""


@dataclass(order=True, slots=True)
class _Waiting:
    """One waiting attempt; the smallest one is next."""

    # (0 for a known device, 1 for a known network of the account, else 2; earlier attempts of its network; number)
    rank: tuple[int, int, int]
    device: bool = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class PasswordTurns:
    """Runs the checks in threads, in order of rank. Not thread-safe: for the event loop only."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._of_source: Counter[str] = Counter()  # waiting and running
        self._running = self._running_strangers = 0
        self._numbers = itertools.count()
        self._threads = CapacityLimiter(FOR_ALL + FOR_DEVICES)

    async def run(self, attempt: SignInAttempt, work: Callable[[], T]) -> T:
        """Run `work` in a thread when it is this attempt's turn, and return its result. May raise Busy."""
        source, device = attempt.source, bool(attempt.device)
        before = self._of_source[source]
        if before >= (MOST_OF_A_DEVICE if device else MOST_OF_A_SOURCE):
            raise Busy
        self._of_source[source] += 1
        try:
            kind = 0 if device else 1 if attempt.known_network else 2
            await self._wait(_Waiting((kind, attempt.spent + before, next(self._numbers)), device, _future()))
            try:
                return await to_thread.run_sync(work, limiter=self._threads)
            finally:
                self._count(device, -1)
                self._start_next()
        finally:
            self._of_source[source] -= 1
            self._of_source += Counter()  # removes the sources at 0

    async def _wait(self, one: _Waiting) -> None:
        self._waiting.append(one)
        self._start_next()
        if len(self._waiting) > MOST_WAITING:
            last = max(self._waiting)
            self._waiting.remove(last)
            last.turn.set_exception(Busy())
        try:
            await one.turn
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
            elif one.turn.done() and not one.turn.cancelled() and one.turn.exception() is None:
                self._count(one.device, -1)  # its turn had come
                self._start_next()
            raise

    def _start_next(self) -> None:
        """Let waiting attempts run, in order of rank, as long as threads are free."""
        while self._waiting:
            first = min(self._waiting)
            free = self._running < FOR_ALL + FOR_DEVICES if first.device else self._running_strangers < FOR_ALL
            if not free or self._running >= FOR_ALL + FOR_DEVICES:
                return
            self._waiting.remove(first)
            if not first.turn.done():
                self._count(first.device, +1)
                first.turn.set_result(None)

    def _count(self, device: bool, change: int) -> None:
        self._running += change
        self._running_strangers += 0 if device else change


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
