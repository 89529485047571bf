"""Find the profiles in their folders, and stray files that were probably meant to be profiles.

Ignored are files of programs (editors, file managers, Kubernetes, macOS), examples, and copies whose suffix says so
(.bak, .old), with which an operator puts a profile aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.name_key import name_key
from core.text_files import file_name, shown

Kind = Literal["tenant", "sharepoint", "auth"]
FOLDERS: dict[Kind, str] = {"tenant": "", "sharepoint": "sharepoint", "auth": "auth"}
PATTERNS: dict[Kind, re.Pattern[str]] = {
    "tenant": re.compile(r"config-(?P<slug>.+)-profile\.json"),
    "sharepoint": re.compile(r"sp-config-(?P<slug>.+)-profile\.json"),
    "auth": re.compile(r"(?P<slug>.+)\.json"),
}
EXPECTED: dict[Kind, str] = {
    "tenant": "config-<name>-profile.json",
    "sharepoint": "sp-config-<name>-profile.json",
    "auth": "<name>.json",
}
# Of editors, file managers and downloads, and what operators put aside by hand.
PUT_ASIDE = re.compile(
    r"(^\._|^~\$|^\.#|^#|~$|[.-](swp|swo|swx|tmp|part|crdownload|bak|old|orig|save|sav|off|disabled|backup)\d*$)"
)
EXAMPLE = re.compile(r"\.example\.")
MEANT = re.compile(r"\W*(sp-)?config-.|.*\.json")
FOREIGN_FOLDER = re.compile(r"[.@_]|lost\+found$|#")  # hidden, of a NAS, __MACOSX
ENDING = ".json"


@dataclass(frozen=True, slots=True)
class StrayFile:
    """A file that is not read although it was probably meant as a profile; `code` with `params` is the problem.

    `kind` and `slug` are those of the intended profile. `harmless`: no profile is missing because of it.
    """

    path: Path
    kind: Kind
    slug: str
    code: str
    params: dict[str, str] = field(default_factory=dict)
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class ProfileFiles:
    """The content of one folder: the profiles by name, and the stray files."""

    profiles: list[Path] = field(default_factory=list)
    strays: list[StrayFile] = field(default_factory=list)


def find_profiles(folder: Path, kind: Kind) -> ProfileFiles:
    """Return the profiles and stray files of `kind` below `folder`; none if the folder does not exist.

    Raises OSError if the folder cannot be read.
    """
    place = folder / FOLDERS[kind]
    try:
        entries = sorted(place.iterdir())
    except FileNotFoundError:
        return ProfileFiles()
    found = ProfileFiles()
    own = [folder / name for name in FOLDERS.values()]
    for path in entries:
        code = _judge(path, kind)
        if code == "profile":
            found.profiles.append(path)
        elif code:
            found.strays.append(_stray(folder, path, kind, code))
        elif path.is_dir() and not FOREIGN_FOLDER.match(path.name) and not _is_one_of(path, own):
            found.strays.extend(_subfolder(folder, path, kind))
    return found


def profile_files(folder: Path, kind: Kind) -> list[Path]:
    """Return the profiles of `kind` below `folder`, by name. Raises OSError."""
    return find_profiles(folder, kind).profiles


def _judge(path: Path, kind: Kind) -> str:
    """ "profile" for what is read as one, the code of a message for what was meant as one, "" for anything else."""
    name, key = path.name, name_key(path.name)
    if PUT_ASIDE.search(key) or EXAMPLE.search(key) or not MEANT.match(key):
        return ""
    if kind != "auth" and _kind_of(key) not in (None, kind):
        return "profile.wrong_folder"
    if name.startswith("."):
        return "profile.name_hidden" if _kind_of(key) or kind == "auth" else ""
    if name.endswith(ENDING):
        return "profile.name_spelling" if not PATTERNS[kind].fullmatch(name) and _is_right(key, kind) else "profile"
    if path.is_dir():
        return ""
    return "profile.name_spelling" if key.endswith(ENDING) else "profile.name_ending"


def _kind_of(key: str) -> Kind | None:
    start = re.match(r"\W*(sp-)?config-", key)
    return None if start is None else "sharepoint" if start[1] else "tenant"


def _is_right(name: str, kind: Kind) -> bool:
    return PATTERNS[kind].fullmatch(name) is not None


def _right_name(key: str, kind: Kind) -> str:
    """The name that the file should have; with <name> in it when that cannot be told."""
    stem = re.sub(r"^\W+", "", key.partition(ENDING)[0])
    for name in (stem + ENDING, stem.rpartition(".")[0] + ENDING):
        if _is_right(name, kind):
            return name
    return EXPECTED[kind]


def _stray(folder: Path, path: Path, kind: Kind, code: str) -> StrayFile:
    key = name_key(path.name)
    meant = (_kind_of(key) or kind) if code == "profile.wrong_folder" else kind
    name = _right_name(key, meant)
    place = folder / FOLDERS[meant]
    right = (place / name).relative_to(folder.parent).as_posix()
    found = PATTERNS[meant].fullmatch(name)
    slug = shown(found["slug"]) if found and "<" not in name else Path(file_name(path)).stem
    # On a disk that knows no capitals the file itself answers to the right name.
    if (place / name).is_file() and not _is_one_of(path, [place / name]):
        return StrayFile(path, meant, slug, "profile.leftover", {"right": right}, harmless=True)
    return StrayFile(path, meant, slug, code, {"right": right})


def _subfolder(folder: Path, path: Path, kind: Kind) -> Iterator[StrayFile]:
    """Yield one stray file for all profiles in a folder that is not read."""
    try:
        names = sorted(file_name(entry) for entry in path.iterdir())
    except OSError:
        return
    keys = {name: name_key(name) for name in names}
    meant = [name for name, key in keys.items() if _kind_of(key) and _judge(path / name, "auth") == "profile"]
    if meant:
        kinds = sorted({FOLDERS[_kind_of(keys[name]) or kind] for name in meant})
        right = ", ".join(f"{(folder / place).relative_to(folder.parent).as_posix()}/" for place in kinds)
        params = {"count": str(len(meant)), "first": meant[0], "right": right}
        yield StrayFile(path, kind, "", "profile.in_subfolder", params, harmless=True)


def _is_one_of(path: Path, others: list[Path]) -> bool:
    """Return True if `path` is the same file or folder as one of `others`, also on a case-insensitive disk."""
    for other in others:
        try:
            if path.samefile(other):
                return True
        except OSError:
            continue
    return False


def find_file(root: Path, text: str) -> tuple[Path | None, str]:
    """Return (the file `text` below `root`, ""), or (None, a path that may be meant, "" for none).

    Backslashes count as slashes where no file has one in its name.
    """
    written = [text, text.replace("\\", "/")]
    for name in written:
        try:
            if (root / name).exists():
                return root / name, ""
        except (OSError, ValueError):  # too long, or with a NUL: no such file can exist
            continue
    try:
        return None, _near_file(root, written[1])
    except (OSError, ValueError):
        return None, ""


def _near_file(root: Path, text: str) -> str:
    """The path of a file below root/certs that has this name in other capitals, or lies in another folder."""
    wanted = name_key(text.rpartition("/")[2])
    found = [path for path in sorted((root / "certs").glob("*/*")) if name_key(path.name) == wanted]
    found += [path for path in sorted((root / "certs").glob("*")) if path.is_file() and name_key(path.name) == wanted]
    return found[0].relative_to(root).as_posix() if len(found) == 1 else ""
