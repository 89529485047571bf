"""One refresh at a time, also across processes: a lock that dies with its owner."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout


class RefreshLock:
    """Held by whoever refreshes. The operating system takes it back when its owner ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Taken by the thread that asks, given back by the one that refreshes.
        self._lock = FileLock(data_dir / "refresh.lock", thread_local=False)

    def take(self) -> bool:
        """True when it is ours now; False when somebody else, or another part of this process, has it."""
        if self._lock.is_locked:
            return False
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self._lock.release()
