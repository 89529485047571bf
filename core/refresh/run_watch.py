"""The pages of this process that wait for a refresh, so that its figures and its end reach them at once.

A page looks at the database several times a second, too, because a run may be carried out by another process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST = 1_000  # pages; the one that has waited longest is forgotten for another


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page that waits: the session in which it is open, and the frame that makes it look at its run."""

    session: str
    frame: bytes


class RunWatch:
    """The waiting pages, one of each session, by the run that they wait for. Safe for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[str, tuple[str, WaitingPage]] = {}  # session -> id of the run, page
        self._deliver: Callable[[WaitingPage], object] = _nobody
        self.told_at = float("-inf")  # monotonic seconds; what was read before may lack what was told

    def deliver_with(self, deliver: Callable[[WaitingPage], object]) -> None:
        """Set the function that gives a page its frame; without one nobody is woken."""
        self._deliver = deliver

    def add(self, run_id: str, page: WaitingPage) -> None:
        """Wake this page at the next `tell` about the run, once. It replaces the last page of its session."""
        with self._lock:
            self._pages.pop(page.session, None)
            self._pages[page.session] = run_id, page
            if len(self._pages) > MOST:
                del self._pages[next(iter(self._pages))]

    def tell(self, run_id: str) -> None:
        """Wake the pages that wait for this run, because it has stored new figures or its end."""
        with self._lock:
            self.told_at = time.monotonic()
            pages = [page for waiting_for, page in self._pages.values() if waiting_for == run_id]
            for page in pages:
                del self._pages[page.session]
        for page in pages:
            self._deliver(page)


def _nobody(_page: WaitingPage) -> None:
    """Wake no page: the process serves none."""
