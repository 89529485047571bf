"""One dashboard in a data folder: the second one says which is running, and ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from filelock import FileLock, Timeout

from core.problems import Problem, ProblemError

LOCK, OWNER = "dashboard.lock", "dashboard.json"
PATIENCE = 2.0  # seconds; the one before may just be ending


class AlreadyRunning(ProblemError):
    """Another dashboard uses the data folder."""


@contextmanager
def only_dashboard(data_dir: Path, zone: tzinfo, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the data folder during the block; it dies with its process, so a crash blocks nobody.

    `zone` is that of the time in the text. Raises AlreadyRunning if another dashboard still holds it after `patience`
    seconds, OSError if the folder cannot be written.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise AlreadyRunning(_who(data_dir, zone)) from error
    try:
        owner = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat()}
        (data_dir / OWNER).write_text(json.dumps(owner), "utf-8")
        yield
    finally:
        (data_dir / OWNER).unlink(missing_ok=True)
        lock.release()


def _who(data_dir: Path, zone: tzinfo) -> Problem:
    pid, since = "?", "?"
    with suppress(OSError, ValueError, KeyError, TypeError):
        owner = json.loads((data_dir / OWNER).read_text("utf-8"))
        pid, since = str(owner["pid"]), f"{datetime.fromisoformat(owner['since']).astimezone(zone):%d.%m.%Y %H:%M}"
    return Problem("server.already_running", {"folder": str(data_dir), "pid": pid, "since": since})
