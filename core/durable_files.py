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
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def new_file(file: Path) -> Iterator[IO[bytes]]:
    """Yield a new file (mode 0600) that is on the disk when the block ends. Raises OSError, also if it exists."""
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
        yield opened
        opened.flush()
        os.fsync(opened.fileno())


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
