"""One refresh at a time, also across processes and machines: a lock that dies with its owner."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Engine

from core.cache.advisory_lock import AdvisoryLock

NAME = "lizenztool.refresh"


class _Claim(Protocol):
    def take(self) -> bool: ...
    def free(self) -> bool: ...
    def held(self) -> bool: ...
    def release(self) -> None: ...


class RefreshLock:
    """Held by whoever refreshes; taken back when its owner ends, however it ends. Safe to use from any thread.

    With PostgreSQL the database keeps the lock, for several machines may share one; else it is a file in `data_dir`.
    """

    def __init__(self, data_dir: Path, engine: Engine | None = None) -> None:
        shared = engine is not None and engine.dialect.name == "postgresql"
        self._claim: _Claim = AdvisoryLock(engine, NAME) if engine is not None and shared else _FileClaim(data_dir)
        # Neither of them tells the threads of a process apart.
        self._ours = threading.Lock()

    def take(self) -> bool:
        """Return True if the lock is ours now; False if somebody else, or another part of this process, has it."""
        if not self._ours.acquire(blocking=False):
            return False
        taken = False
        try:
            taken = self._claim.take()
        finally:
            if not taken:
                self._ours.release()
        return taken

    def free(self) -> bool:
        """Return True if nobody holds the lock just now."""
        if not self._ours.acquire(blocking=False):
            return False
        try:
            return self._claim.free()
        finally:
            self._ours.release()

    def held(self) -> bool:
        """Return True while the lock that was taken is still ours; False once others may have taken it."""
        return self._claim.held()

    def release(self) -> None:
        """Give back what `take` has taken."""
        try:
            self._claim.release()
        finally:
            self._ours.release()


class _FileClaim:
    """A lock of the operating system on a file, for all processes of this machine."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Taken by the thread that asks, given back by the one that refreshes.
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
