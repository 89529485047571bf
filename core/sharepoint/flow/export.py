"""Write the packages of the flows and their guide into a folder: each file whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path
from uuid import uuid4

from core.durable_files import new_file, sync_folder
from core.problems import Problem, ProblemError
from core.sharepoint.flow.flow_kinds import FLOWS, unique_name
from core.sharepoint.flow.flow_site import FlowSite
from core.sharepoint.flow.guide import GUIDE_FILE, first_line, guide
from core.sharepoint.flow.package import package

LARGEST_FILE = 1_000_000  # bytes of an earlier export


def export_flows(folder: Path, site: FlowSite, language: str) -> list[Path]:
    """Write the files and return their paths; those of an earlier export for this site are replaced.

    Raises ProblemError if the folder cannot be written, or has another file of that name: then nothing has changed.
    """
    contents = {kind.file: package(kind, site, language) for kind in FLOWS}
    contents[GUIDE_FILE] = guide(site).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [name for name in contents if not _is_replaceable(folder / name, _marks(site)[name])]
        if foreign:
            raise ProblemError(Problem("flow.foreign_file", {"folder": str(folder), "files": ", ".join(foreign)}))
        _write(folder, contents)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ProblemError(Problem("flow.folder", {"folder": str(folder), "reason": reason})) from error
    return [folder / name for name in contents]


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    """Write all files beside their places first, so that a full disk leaves an earlier export as it was."""
    mark = uuid4().hex[:8]
    part_by_name = {name: folder / f".{name}.{mark}.part" for name in contents}
    try:
        for name, part in part_by_name.items():
            with new_file(part) as file:
                file.write(contents[name])
        for name, part in part_by_name.items():
            part.replace(folder / name)
    finally:
        for part in part_by_name.values():
            part.unlink(missing_ok=True)
    sync_folder(folder)


def _marks(site: FlowSite) -> dict[str, bytes]:
    """Return file name -> what a file of an earlier export for this site contains."""
    solutions = {kind.file: f"<UniqueName>{unique_name(kind, site)}</UniqueName>".encode() for kind in FLOWS}
    return {**solutions, GUIDE_FILE: first_line(site).encode()}


def _is_replaceable(path: Path, mark: bytes) -> bool:
    """Return True if there is no such file, or it comes from an earlier export. Raises OSError."""
    if not path.exists() and not path.is_symlink():
        return True
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        return False
    if path.suffix == ".md":
        return path.read_bytes().startswith(mark)
    try:
        with zipfile.ZipFile(path) as archive:
            solution = archive.getinfo("solution.xml")
            return solution.file_size <= LARGEST_FILE and mark in archive.read(solution)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, ValueError):
        return False
