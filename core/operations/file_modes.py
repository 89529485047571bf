"""Check owner and mode of keys, database, log, settings and profiles; changes nothing.

Systems without modes (Windows) give no findings.
"""

from __future__ import annotations

import itertools
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

from core.cache.database import sqlite_file
from core.problems import Problem
from core.profiles.named_keys import named_keys
from core.settings import Settings

READ, WRITE, GROUP_READ = 0o055, 0o022, 0o050  # of group and others; for a folder execute counts as read
KEY_SUFFIXES = {".key", ".pfx", ".p12", ".p8", ".pk8", ".ppk"}
PEM_SUFFIXES = {".pem", ".crt", ".cer", ".cert", ".der", ".txt"}
KEY_SIGN, KEY_BYTES = b"PRIVATE KEY-----", 65_536
MOST_FILES = 20_000  # in a folder; 1,000 tenants have 3,000
SHOWN = 10


class Kind(Enum):
    """The kind of a file or folder, which decides who may read and write it."""

    KEY = "key"  # only for the service; a fault is an error
    PRIVATE = "private"  # only for the service
    CONTROL = "control"  # readable for all, writable for the service and root


@dataclass(frozen=True, slots=True)
class Finding:
    level: Literal["warning", "error"]
    problem: Problem


def faults(mode: int, owner: int, me: int, kind: Kind) -> list[str]:
    """Return the codes of the problems with a file of this mode and owner, for the user `me`.

    For root the owner does not matter: the command may be called with sudo. A file of root may be readable for the
    group, else the service could not read it.
    """
    by_group = GROUP_READ if me and owner == 0 else 0
    codes = ["files.owner"] if me and owner not in (0, me) else []
    if mode & WRITE:
        codes.append("files.write")
    if kind is not Kind.CONTROL and mode & READ & ~by_group:
        codes.append("files.read")
    return codes


def findings(settings: Settings, env_file: Path = Path(".env")) -> list[Finding]:
    """Return one finding for each kind of fault, with the files and the command that repairs it."""
    if not hasattr(os, "geteuid"):
        return []
    groups: dict[tuple[str, Kind, bool], list[Path]] = {}
    for path, kind in dict(watched(settings, env_file)).items():
        try:
            status = path.stat()
        except OSError:  # deleted meanwhile or not accessible: other checks report that
            continue
        for fault in faults(stat.S_IMODE(status.st_mode), status.st_uid, os.geteuid(), kind):
            groups.setdefault((fault, kind, stat.S_ISDIR(status.st_mode)), []).append(path)
    return [_finding(*group, paths) for group, paths in groups.items()]


def watched(settings: Settings, env_file: Path) -> Iterator[tuple[Path, Kind]]:
    """Yield every file and folder to check, with its kind."""
    if env_file.is_file():
        yield env_file, Kind.PRIVATE
    database = sqlite_file(settings.database)
    for folder in {settings.data_dir, *([database.parent] if database else [])}:
        yield folder, Kind.PRIVATE
        for path in _files(folder, deep=False):
            if path.name.startswith("secret.key"):
                yield path, Kind.KEY
            elif database and path.name.startswith(database.name):  # -wal, -shm, .bak
                yield path, Kind.PRIVATE
    yield settings.log_dir, Kind.PRIVATE
    yield from ((path, Kind.PRIVATE) for path in _files(settings.log_dir, deep=False))
    root = settings.profiles_dir.resolve().parent
    for folder in (settings.profiles_dir, root / "certs"):
        yield folder, Kind.CONTROL
        for path in _files(folder, deep=True):
            yield path, Kind.KEY if _is_key(path) else Kind.CONTROL
            yield from ((key, Kind.KEY) for key in named_keys(root, path))


def _files(folder: Path, *, deep: bool) -> Iterator[Path]:
    try:
        yield from itertools.islice(folder.rglob("*") if deep else folder.iterdir(), MOST_FILES)
    except OSError:
        return


def _is_key(path: Path) -> bool:
    """Return True for a file with a private key, also if it cannot be read."""
    if path.suffix.lower() in KEY_SUFFIXES:
        return True
    if path.suffix.lower() not in PEM_SUFFIXES or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return KEY_SIGN in file.read(KEY_BYTES)
    except OSError:
        return True


def _finding(fault: str, kind: Kind, is_folder: bool, paths: list[Path]) -> Finding:
    shown = sorted(str(path) for path in paths)[:SHOWN]
    more = f" (+{len(paths) - SHOWN})" if len(paths) > SHOWN else ""
    files = ", ".join(shown) + more
    params = {"files": files, "command": shlex.join([*_remedy(fault, kind, is_folder), *shown])}
    level: Literal["warning", "error"] = (
        "error" if kind is Kind.KEY and not is_folder and fault != "owner" else "warning"
    )
    return Finding(level, Problem(fault, params))


def _remedy(fault: str, kind: Kind, is_folder: bool) -> list[str]:
    if fault == "files.owner":
        return ["chown", str(os.geteuid())]
    if kind is Kind.CONTROL:
        return ["chmod", "go-w"]
    return ["chmod", "700" if is_folder else "600"]
