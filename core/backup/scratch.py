"""A folder for one backup at a time, in the data folder: for the copy of the database, and for what is unpacked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.backup.backup_error import BackupBusy, system_errors
from core.problems import Problem

FOLDER, LOCK = "backup.scratch", "backup.lock"


@contextmanager
def scratch_folder(data_dir: Path) -> Iterator[Path]:
    """Yield an empty folder that only this user may read; it is deleted afterwards.

    What a killed process has left is deleted first. Raises BackupBusy if another backup, check, drill or restore runs.
    """
    with system_errors("backup.not_written", data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(data_dir / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BackupBusy(Problem("backup.already_running")) from None
    folder = data_dir / FOLDER
    try:
        with system_errors("backup.not_written", folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
