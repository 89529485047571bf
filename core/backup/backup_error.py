"""The error of this room, and the words for errors of the system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.problems import Problem, ProblemError


class BackupError(ProblemError):
    """A backup cannot be made, read or restored; `problem` says why and what to do."""


class BackupBusy(BackupError):
    """Another backup, check, drill or restore is at work; nothing has failed."""


@contextmanager
def system_errors(code: str, place: Path) -> Iterator[None]:
    """Turn an OSError of the block into BackupError with `code`; its text gets the place and the system's reason."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or place)
        raise BackupError(Problem(code, {"place": where, "why": reason(error)}, reason(error))) from error


def reason(error: OSError) -> str:
    """Return the system's words for an error, without a path."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
