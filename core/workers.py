"""A pool of daemon threads for work that waits on the network.

Unlike the threads of ThreadPoolExecutor they do not keep the process from ending while they wait on a dead connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
END_SECONDS = 1.0


class Workers:
    """A pool of up to `count` threads; they are started on demand and kept, with their connections."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
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
            if len(self._threads) < self._count:
                name = f"{self._name}-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
                self._threads[-1].start()
        self._tasks.put(task)
        return future

    def map(self, call: Callable[[Any], T], items: Iterable[Any]) -> Iterator[T]:
        """Return an iterator over the results in the order of `items`; it raises the exception of a failed call."""
        futures = [self.submit(call, item) for item in items]
        return (future.result() for future in futures)

    def close(self) -> None:
        """End the threads, busy ones after their task, for which it waits at most END_SECONDS.

        A task that stores something would else meet a database that is closed already.
        """
        with self._lock:
            ending, self._threads = self._threads, []
            for _ in ending:
                self._tasks.put(None)
        until = time.monotonic() + END_SECONDS
        for thread in ending:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # else the result of a whole tenant stays in memory until the next task
