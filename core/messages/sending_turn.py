"""Only one process at a time sends the messages of a channel: a lease with PostgreSQL, a lock on a file with SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from sqlalchemy import Engine

from core.cache.lease import renewed, take_lease
from core.cache.lease_rows import OUTBOX
from core.cache.sql import Transaction

Check = Callable[[Transaction], None]  # raises LeaseLost if another process may send now


@contextmanager
def sending_turn(engine: Engine, data_dir: Path, channel_id: str) -> Iterator[Check | None]:
    """Yield what checks in a transaction that this process may still send; None if another one sends just now."""
    if engine.dialect.name == "postgresql":
        lease = take_lease(engine, f"{OUTBOX}{channel_id}", uuid4().hex)
        if lease is None:
            yield None
            return
        with renewed(lease):
            yield lease.check
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / f"messages-{channel_id}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield None
        return
    try:
        yield lambda _connection: None
    finally:
        lock.release()
