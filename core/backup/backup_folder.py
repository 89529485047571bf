"""The folder of the backups: their names, which of them to keep, and which are there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.backup.backup_error import system_errors

NAME = re.compile(r"lizenztool-(\d{8}T\d{6})Z-[0-9a-f]{4}\.age")
MOMENT = "%Y%m%dT%H%M%S"
# Letter of a setting -> what two backups of the same period have in common.
PERIODS: Final = {"h": "%Y-%m-%d %H", "d": "%Y-%m-%d", "w": "%G-%V", "m": "%Y-%m"}


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup in the folder; `created_at` is from its name."""

    path: Path
    created_at: datetime
    bytes: int = 0


def new_name(now: datetime) -> str:
    """Return the name of a backup made at `now`; its end tells two of the same second apart."""
    return f"lizenztool-{now.astimezone(UTC).strftime(MOMENT)}Z-{secrets.token_hex(2)}.age"


def created_at(name: str) -> datetime | None:
    """Return the moment in the name of a backup, None for other files."""
    match = NAME.fullmatch(name)
    try:
        return datetime.strptime(match[1], MOMENT).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def backups_in(folder: Path) -> list[BackupFile]:
    """Return the backups in `folder`, newest first. Raises BackupError if it cannot be read."""
    with system_errors("backup.folder_unreadable", folder):
        found = [(path, created_at(path.name)) for path in folder.iterdir()]
        backups = [BackupFile(path, moment, path.stat().st_size) for path, moment in found if moment and path.is_file()]
    return sorted(backups, key=lambda backup: (backup.created_at, backup.path.name), reverse=True)


def to_delete(backups: Sequence[BackupFile], keep: Sequence[str]) -> list[BackupFile]:
    """Return the backups, of those newest first, that no entry of `keep` ("48h", "14d", "8w", "12m") keeps.

    An entry keeps the newest backup of each of its last periods that have one; the newest of all is always kept. So a
    pause, or a clock set back, deletes nothing that has no successor.
    """
    kept = {backup.path for backup in backups[:1]}
    for entry in keep:
        count, period = int(entry[:-1]), PERIODS[entry[-1]]
        newest: dict[str, Path] = {}
        for backup in backups:
            newest.setdefault(backup.created_at.strftime(period), backup.path)
        kept.update(list(newest.values())[:count])
    return [backup for backup in backups if backup.path not in kept]


def delete_old(folder: Path, keep: Sequence[str]) -> int:
    """Delete the backups that need not be kept; return how many. Raises BackupError."""
    old = to_delete(backups_in(folder), keep)
    with system_errors("backup.not_deleted", folder):
        for backup in old:
            backup.path.unlink(missing_ok=True)
    return len(old)
