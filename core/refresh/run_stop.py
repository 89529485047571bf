"""The signal that a refresh must end, for all its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):
    """The refresh or the process must end now."""


class RunStop:
    """Is set if a refresh is over or must end: its process ends, it has failed, or its lock is lost.

    `holds_lock` returns False if the lock is lost; `may_go_on` does so too, as far as it knows without asking anybody.
    Safe for any thread.
    """

    def __init__(self, holds_lock: Callable[[], bool], may_go_on: Callable[[], bool] = lambda: True) -> None:
        self._event = threading.Event()
        self._holds_lock, self._may_go_on = holds_lock, may_go_on
        self.lock_lost = False

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set() or not self._may_go_on()

    def must_end(self) -> bool:
        """Return True if the refresh must end; checks the lock, too."""
        if not self._event.is_set() and not self._holds_lock():
            self.lock_lost = True
            self._event.set()
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds`; return True at once if the refresh must end."""
        return self.must_end() or self._event.wait(seconds)


_of_this_run: ContextVar[RunStop | None] = ContextVar("run_stop", default=None)


def current() -> RunStop | None:
    """Return the RunStop of the refresh that this thread works for; None outside of a refresh."""
    return _of_this_run.get()


@contextmanager
def stops(stop: RunStop) -> Iterator[RunStop]:
    """Make `stop` the result of `current` in all threads that work for this block; set it at the end of the block."""
    token = _of_this_run.set(stop)
    try:
        yield stop
    finally:
        stop.set()
        _of_this_run.reset(token)
