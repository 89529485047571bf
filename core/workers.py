"""Daemon threads for work that waits on the network.

Unlike those of ThreadPoolExecutor they never keep the process from ending: one that waits on a dead
connection for its whole time-out is simply left behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Workers:
    """Up to `count` threads, started when first needed and kept, so that their connections are used again."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[..., T], *args: Any) -> Future[T]:
        """Call it on one of the threads, in the context (run id in the log) of the caller."""
        future: Future[T] = Future()
        context = copy_context()

        def task() -> None:
            try:
                future.set_result(context.run(call, *args))
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the result
                future.set_exception(error)

        with self._lock:
            if self._started < self._count:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        self._tasks.put(task)
        return future

    def map(self, call: Callable[[Any], T], items: Iterable[Any]) -> Iterator[T]:
        """The results in the order of `items`; an exception of a call is raised when its turn comes."""
        futures = [self.submit(call, item) for item in items]
        return (future.result() for future in futures)

    def close(self) -> None:
        """Let idle threads end; a busy one ends after its task."""
        with self._lock:
            for _ in range(self._started):
                self._tasks.put(None)
            self._started = 0

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # holds the result of a whole tenant otherwise, until the next one comes
