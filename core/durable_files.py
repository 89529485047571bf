"""Files that survive a power failure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def sync_folder(folder: Path) -> None:
    """Write the folder to disk, so that a new name survives a power failure (not on every system)."""
    with contextlib.suppress(OSError):
        sync_file(folder)


def sync_file(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def new_file(file: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Yield a new file that is on the disk when the block ends; after an error there is none.

    Raises OSError; FileExistsError if there is one already, which stays.
    """
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as opened:
        try:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        except BaseException:
            file.unlink(missing_ok=True)
            raise


def write_durably(file: Path, content: bytes) -> None:
    """Replace `file` (mode 0600); after a crash it has the old content or the new. Raises OSError.

    Only one process may call this for a file at a time.
    """
    new = file.with_name(f"{file.name}.new")  # a fixed name, so that crashes leave at most one file
    new.unlink(missing_ok=True)
    with new_file(new) as opened:
        opened.write(content)
    new.replace(file)
    sync_folder(file.parent)
