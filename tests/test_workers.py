"""The pool of threads: after its end none of its tasks is left."""

from __future__ import annotations

import threading

from core.workers import Workers


def test_closed_workers_leave_no_thread_behind() -> None:
    workers, go = Workers(3, "counter"), threading.Event()
    futures = [workers.submit(go.wait, 20) for _ in range(3)]
    go.set()

    workers.close()

    assert [future.done() for future in futures] == [True] * 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("counter")]
