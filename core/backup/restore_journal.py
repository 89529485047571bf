"""Put many files in place, all or none: a journal names every step before the first one.

The new files lie ready beside their places before anything moves. After a crash the product does not start until
`backup restore --continue` has done the rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.backup.backup_error import BackupError, system_errors
from core.durable_files import sync_folder, write_durably
from core.problems import Problem

FILE = "restore.journal"


@dataclass(frozen=True, slots=True)
class Step:
    """One place: the file or folder there goes to `aside`, then `staged` goes there; "" if nothing comes."""

    place: str
    aside: str
    staged: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """A restore that has begun: its steps, and for a database on a server the dump and the schema of what was there.

    `backup` is the name of the file, `dump` "" for SQLite, whose file is one of the steps.
    """

    backup: str
    stamp: str
    steps: Sequence[Step]
    dump: str = ""
    schema_aside: str = ""

    def save(self, data_dir: Path) -> None:
        """Write the journal: from now on the restore is finished, also after a crash. Raises BackupError."""
        with system_errors("backup.not_written", data_dir):
            write_durably(data_dir / FILE, json.dumps(asdict(self)).encode())


def begun(data_dir: Path) -> Journal | None:
    """Return the restore that was interrupted, None if there is none. Raises BackupError."""
    file = data_dir / FILE
    with system_errors("backup.file_unreadable", file):
        if not file.exists():
            return None
        values = json.loads(file.read_bytes())
    return Journal(**values | {"steps": [Step(**step) for step in values["steps"]]})


def need_none_begun(data_dir: Path) -> None:
    """Raise BackupError if a restore was interrupted: half of the files would be those of the backup."""
    if (data_dir / FILE).exists():
        raise BackupError(Problem("backup.interrupted", {"place": str(data_dir)}))


def end(data_dir: Path) -> None:
    """Delete the journal: every step is done, or every step is undone."""
    (data_dir / FILE).unlink(missing_ok=True)
    sync_folder(data_dir)


def forward(steps: Sequence[Step]) -> None:
    """Do every step that is not done yet. Raises OSError."""
    for step in steps:
        place, aside, staged = Path(step.place), Path(step.aside), Path(step.staged) if step.staged else None
        if (staged is None or staged.exists()) and place.exists() and not aside.exists():
            aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.rename(aside)
        if staged is not None and staged.exists():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            staged.rename(place)
        sync_folder(place.parent)


def backward(steps: Sequence[Step]) -> None:
    """Undo every step that is done. Raises OSError."""
    for step in reversed(steps):
        place, aside, staged = Path(step.place), Path(step.aside), Path(step.staged) if step.staged else None
        if staged is not None and not staged.exists() and place.exists():
            place.rename(staged)
        if aside.exists() and not place.exists():
            aside.rename(place)
        sync_folder(place.parent)
