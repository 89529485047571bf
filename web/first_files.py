"""The files of Streamlit's frontend that the start page loads, so that the browser can fetch them before it needs them.

Streamlit names in its HTML page only the first of them; the others are found one after the other, by the scripts that
import them. The sign-in page lets the browser fetch all of them while a person types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core import texts

NAMED = re.compile(r'="\./static/([^"]+)"')  # in the HTML page
IMPORTED = re.compile(r'(?:from|import)"\./([^"]+\.js)"')  # in a script
# What the start page shows, by the names of Streamlit's scripts without the hash.
SHOWN = ("PageLink", "Html", "BidiComponent", "Button", "DownloadButton", "remark-emoji")
ICONS = "media/MaterialSymbols-Rounded"
KINDS = {".js": "script", ".css": "style", ".woff2": "font"}  # ending of the name -> attribute `as` of the link


@dataclass(frozen=True, slots=True)
class FirstFile:
    """A file of the start page: its path, as a browser asks for it, and the attribute `as` of a link to it."""

    path: str
    kind: str


def first_files(index: str, folder: Path) -> list[str]:
    """Return the names, below `folder`, of the files that the start page loads, in the order in which it does.

    `index`: the HTML page of Streamlit's frontend. Raises ValueError if a file of SHOWN is not there exactly once.
    """
    shown = [_file_named(folder, f"js/{name}") for name in SHOWN]
    return list(dict.fromkeys([*NAMED.findall(index), *_with_imports(folder, shown), _file_named(folder, ICONS)]))


def open_paths(names: Iterable[str]) -> frozenset[str]:
    """Return the paths of the files in every language."""
    return frozenset(file.path for language in texts.languages() for file in in_language(names, language))


def in_language(names: Iterable[str], language: str) -> list[FirstFile]:
    """Return the files with the words of a language, as the pages in it ask for them."""
    return [FirstFile(f"/static/{language}/{name}", KINDS[Path(name).suffix]) for name in names]


def _file_named(folder: Path, name: str) -> str:
    """Return the one file that is called `name` and a hash."""
    [path] = folder.glob(f"{name}.*")
    return path.relative_to(folder).as_posix()


def _with_imports(folder: Path, scripts: list[str]) -> list[str]:
    """Return the scripts and all that they import, directly or by others."""
    known = list(scripts)
    for script in known:
        imported = IMPORTED.findall((folder / script).read_text(encoding="utf-8"))
        known += [name for name in dict.fromkeys(f"js/{file}" for file in imported) if name not in known]
    return known
