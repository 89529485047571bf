"""Coroutines in tests: on a loop in a thread of its own, for a browser of an earlier test may hold that of this one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

T = TypeVar("T")


def on_a_loop(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` to its end and return what it returns."""
    with start_blocking_portal() as portal:
        return portal.call(work)
