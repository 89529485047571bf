"""Lay the files of a backup beside their places, and name the steps that put them there."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.backup.contents import ASIDE, Places, files_below
from core.backup.manifest import PRODUCT_NAMES, Manifest
from core.backup.restore_journal import Journal, Step
from core.durable_files import sync_file

STAGED: Final = ".restoring"  # folders with new files beside their places
LOGS = ("-wal", "-shm")  # of SQLite; those of another file would damage it


def stage(
    empty: Journal, manifest: Manifest, places: Places, scratch: Path, data_dir: Path, wanted: Sequence[str]
) -> Journal:
    """Lay every wanted file beside its place and return the journal of what is to be done. Raises OSError."""
    steps: list[Step] = []
    for name, place in places.singles.items():
        if name in wanted and name in manifest.files and not _cannot_change(name, place):
            steps += _steps(scratch / name, place, empty.stamp)
    for first, folder in places.folders.items():
        if first in wanted:
            names = {path.name for path in (scratch / first).glob("*")} | {path.name for path in _children(folder)}
            for name in sorted(names):
                steps += _steps(scratch / first / name, folder / name, empty.stamp)
    if manifest.dump not in wanted:
        return replace(empty, steps=steps)
    if places.database is None:
        dump = data_dir / STAGED / manifest.dump
        _lay(scratch / manifest.dump, dump)
        return replace(empty, steps=steps, dump=str(dump), schema_aside=f"before_restore_{empty.stamp}")
    for ending in LOGS:
        steps += _steps(scratch / f"no{ending}", places.database.with_name(places.database.name + ending), empty.stamp)
    return replace(empty, steps=[*steps, *_steps(scratch / manifest.dump, places.database, empty.stamp)])


def _cannot_change(name: str, place: Path) -> bool:
    """Return True for the product names where the program's folder belongs to somebody else, as in a container."""
    return name == PRODUCT_NAMES and not os.access(place.parent, os.W_OK)


def _steps(new: Path, place: Path, stamp: str) -> list[Step]:
    """Lay `new` beside its place; return the step that puts it there, none if there is nothing to do."""
    if _equal(new, place):
        return []
    aside = str(place.parent / f"{ASIDE}{stamp}" / place.name)
    if not new.exists():
        return [Step(str(place), aside)]
    staged = place.parent / STAGED / place.name
    _lay(new, staged)
    return [Step(str(place), aside, str(staged))]


def _equal(new: Path, place: Path) -> bool:
    """Return True if both are files, or folders of files, with the same content, or if neither exists."""
    if new.is_dir() and place.is_dir():
        below = [[path.relative_to(folder) for path in files_below(folder)] for folder in (new, place)]
        return below[0] == below[1] and all(_equal(new / path, place / path) for path in below[0])
    if new.is_file() and place.is_file():
        return filecmp.cmp(new, place, shallow=False)
    return not new.exists() and not place.exists()


def _lay(new: Path, staged: Path) -> None:
    """Move what was unpacked beside its place; called by root, give it the owner of the folder there."""
    folder = staged.parent.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.move(new, staged)
    for path in [staged, *staged.rglob("*")]:
        if path.is_file():
            sync_file(path)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            os.chown(path, folder.stat().st_uid, folder.stat().st_gid)


def _children(folder: Path) -> Iterator[Path]:
    """Yield the files and folders in `folder` that a restore may replace."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if not path.name.startswith((ASIDE, STAGED, "..")))


def delete_staged(places: Places, data_dir: Path) -> None:
    """Delete what lies ready beside the places, of this restore or of one that was killed before it began."""
    parents = {place.parent for place in places.singles.values()} | set(places.folders.values()) | {data_dir}
    if places.database is not None:
        parents.add(places.database.parent)
    for parent in parents:
        shutil.rmtree(parent / STAGED, ignore_errors=True)
