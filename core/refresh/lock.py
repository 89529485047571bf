"""The lock of the refresh: one at a time over all processes and machines; the end of its owner releases it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Engine

from core.cache import lease_rows
from core.cache.advisory_lock import AdvisoryLock
from core.cache.sql import transaction

NAME = "lizenztool.refresh"


class _Claim(Protocol):
    def take(self) -> bool: ...
    def free(self) -> bool: ...
    def held(self) -> bool: ...
    def release(self) -> None: ...


class RefreshLock:
    """The lock that a process holds while it refreshes; its end, also a crash, releases it. Safe for any thread.

    With PostgreSQL it is in the database, which several machines may share; else it is a file in `data_dir`.
    """

    def __init__(self, data_dir: Path, engine: Engine | None = None) -> None:
        shared = engine is not None and engine.dialect.name == "postgresql"
        self._claim: _Claim = AdvisoryLock(engine, NAME) if engine is not None and shared else _FileClaim(data_dir)
        self._shared_with = engine if shared else None
        # Neither kind of lock distinguishes the threads of a process.
        self._ours = threading.Lock()

    def take(self) -> bool:
        """Take the lock; return False if another process, or another thread of this one, has it."""
        if not self._ours.acquire(blocking=False):
            return False
        taken = False
        try:
            taken = self._claim.take()
            if taken and self._is_shared():  # looked at last: who takes a lease looks at this lock afterwards
                taken = False
                self._claim.release()
        finally:
            if not taken:
                self._ours.release()
        return taken

    def free(self) -> bool:
        """Return True if nobody holds the lock at present."""
        if not self._ours.acquire(blocking=False):
            return False
        try:
            return self._claim.free() and not self._is_shared()
        finally:
            self._ours.release()

    def held_by_others(self) -> bool:
        """Return True if a process that refreshes alone holds the lock; leases of those that share do not count."""
        return not self._claim.free()

    def _is_shared(self) -> bool:
        """Return True if processes that share a refresh are at work."""
        if self._shared_with is None:
            return False
        with transaction(self._shared_with) as connection:
            return lease_rows.any_live(connection)

    def held(self) -> bool:
        """Return True while this process holds the lock; False if it was lost and another one may have it."""
        return self._claim.held()

    def release(self) -> None:
        """Release the lock after a successful `take`."""
        try:
            self._claim.release()
        finally:
            self._ours.release()


class _FileClaim:
    """A lock of the operating system on a file, for all processes of this machine."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        # One thread takes the lock, another one releases it.
        self._file = FileLock(data_dir / "refresh.lock", thread_local=False)

    def take(self) -> bool:
        try:
            self._file.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def free(self) -> bool:
        if not self.take():
            return False
        self._file.release()
        return True

    def held(self) -> bool:
        return bool(self._file.is_locked)

    def release(self) -> None:
        self._file.release()
