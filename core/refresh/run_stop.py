"""How everything that works for one refresh learns that it has to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):
    """The refresh is to end now, or the process."""


class RunStop:
    """Set when a refresh is over or has to end: its process ends, it has failed, or its lock is lost.

    `still_ours` returns False once the lock is lost. Safe to use from any thread.
    """

    def __init__(self, still_ours: Callable[[], bool]) -> None:
        self._event = threading.Event()
        self._still_ours = still_ours
        self.lost = False  # the lock

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def must_end(self) -> bool:
        """Return True if the refresh has to end; looks first whether the lock is still ours."""
        if not self._event.is_set() and not self._still_ours():
            self.lost = True
            self._event.set()
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; return True at once when the refresh has to end."""
        return self.must_end() or self._event.wait(seconds)


_of_this_run: ContextVar[RunStop | None] = ContextVar("run_stop", default=None)


def current() -> RunStop | None:
    """Return the RunStop of the refresh that this thread works for; None outside of a refresh."""
    return _of_this_run.get()


@contextmanager
def stops(stop: RunStop) -> Iterator[RunStop]:
    """Let all threads that work for this block see `stop`. It is set at the end: nothing goes on behind a refresh."""
    token = _of_this_run.set(stop)
    try:
        yield stop
    finally:
        stop.set()
        _of_this_run.reset(token)
