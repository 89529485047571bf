"""What belongs to an installation besides its database: where each file is, and under which name a backup has it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.backup.archive import Member
from core.backup.backup_error import BackupError, system_errors
from core.backup.manifest import PRODUCT_NAMES, SECRET_KEY, SETTINGS, is_safe
from core.cache.catalogue import SKU_MAPPINGS
from core.cache.database import sqlite_file
from core.problems import Problem
from core.profiles.named_keys import named_keys
from core.secrets.stored_secrets import FILE as KEY_FILE
from core.settings import PREFIX, Settings

MOST_BYTES = 128 * 1024 * 1024  # of all files together; 1,000 tenants have 10 MB
ENV_FILE = Path(".env")
ASIDE = ".before-restore-"  # folders with what a restore has replaced; no part of a backup


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of an installation.

    `singles`: name in a backup -> file; `folders`: first part of the names in a backup -> folder. `database` is the
    SQLite file, None with a server.
    """

    singles: Mapping[str, Path]
    folders: Mapping[str, Path]
    database: Path | None = None


def places_of(settings: Settings) -> Places:
    """Return the places of the installation with these settings."""
    key = {} if settings.secret_keys else {SECRET_KEY: settings.data_dir / KEY_FILE}
    return Places(
        singles={**key, SETTINGS: ENV_FILE, PRODUCT_NAMES: SKU_MAPPINGS},
        folders={"profiles": settings.profiles_dir, "certs": settings.profiles_dir.resolve().parent / "certs"},
        database=sqlite_file(settings.database),
    )


@dataclass(slots=True)
class Contents:
    """The members of a backup besides the database, and the original paths of those from outside of the folders."""

    members: list[Member] = field(default_factory=list)
    outside: dict[str, str] = field(default_factory=dict)
    bytes: int = 0

    def add(self, name: str, path: Path) -> None:
        """Read the file into memory, so that a change during the backup does no harm. Raises BackupError."""
        if not is_safe(name):
            raise BackupError(Problem("backup.odd_name", {"place": repr(str(path))}))
        with system_errors("backup.file_unreadable", path):
            content = path.read_bytes()
        self.bytes += len(content)
        if self.bytes > MOST_BYTES:
            raise BackupError(Problem("backup.too_much", {"place": str(path.parent), "most": str(MOST_BYTES // 2**20)}))
        self.members.append(Member(name, content))


def read_contents(places: Places) -> Contents:
    """Return everything besides the database. Raises BackupError if a file cannot be read."""
    contents = Contents()
    for name, path in places.singles.items():
        if path.is_file():
            contents.add(name, path)
    for first, folder in places.folders.items():
        for path in files_below(folder):
            contents.add(f"{first}/{path.relative_to(folder).as_posix()}", path)
    for number, path in enumerate(_keys_elsewhere(places), 1):
        name = f"outside/{number}-{path.name}"
        contents.add(name, path)
        contents.outside[name] = str(path)
    return contents


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder`, by name; not what a restore has put aside, nor Kubernetes' copies of mounts."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((ASIDE, "..")) for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path


def _keys_elsewhere(places: Places) -> list[Path]:
    """Return the keys and secrets that profiles name and that lie in none of the folders, by name."""
    profiles, folders = places.folders["profiles"], [folder.resolve() for folder in places.folders.values()]
    root = profiles.resolve().parent
    keys = {key.resolve() for profile in files_below(profiles) for key in named_keys(root, profile)}
    return sorted(key for key in keys if key.is_file() and not any(key.is_relative_to(one) for one in folders))


def names_from_environment() -> list[str]:
    """Return the names of the settings that this process has from its environment; no values, which may be secret."""
    return sorted(name for name in os.environ if name.startswith(PREFIX))
