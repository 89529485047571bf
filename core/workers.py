"""A pool of daemon threads for work that waits on the network.

Unlike the threads of ThreadPoolExecutor they do not keep the process from ending while they wait on a dead connection.
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
    """A pool of up to `count` threads; they are started on demand and kept, with their connections."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[..., T], *args: Any) -> Future[T]:
        """Run `call` on one of the threads, in the context (run id in the log) of the caller."""
        future: Future[T] = Future()
        context = copy_context()

        def task() -> None:
            try:
                future.set_result(context.run(call, *args))
            except BaseException as error:  # noqa: BLE001 - raised by `result()` of the future
                future.set_exception(error)

        with self._lock:
            if self._started < self._count:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        self._tasks.put(task)
        return future

    def map(self, call: Callable[[Any], T], items: Iterable[Any]) -> Iterator[T]:
        """Return an iterator over the results in the order of `items`; it raises the exception of a failed call."""
        futures = [self.submit(call, item) for item in items]
        return (future.result() for future in futures)

    def close(self) -> None:
        """End the threads, busy ones after their task."""
        with self._lock:
            for _ in range(self._started):
                self._tasks.put(None)
            self._started = 0

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # else the result of a whole tenant stays in memory until the next task
