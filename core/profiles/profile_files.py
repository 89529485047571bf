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
# With which option `tenant cert renew` takes the short name of such a profile.
CERT_OPTIONS: dict[Kind, str] = {"tenant": "", "sharepoint": " --sharepoint", "auth": " --sign-in"}
EXPECTED_NAMES: dict[Kind, str] = {
    "tenant": "config-<name>-profile.json",
    "sharepoint": "sp-config-<name>-profile.json",
    "auth": "<name>.json",
}
# File names of editors, file managers and downloads, and of copies that operators keep.
PUT_ASIDE = re.compile(
    r"(^\._|^~\$|^\.#|^#|~$|[.-](swp|swo|swx|tmp|part|crdownload|bak|old|orig|save|sav|off|disabled|backup)\d*$)"
)
EXAMPLE = re.compile(r"\.example\.")
PROFILE_LIKE = re.compile(r"\W*(sp-)?config-.|.*\.json")
FOREIGN_FOLDER = re.compile(r"[.@_]|lost\+found$|#")  # hidden folders, those of a NAS, __MACOSX
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
    files = ProfileFiles()
    own = [folder / name for name in FOLDERS.values()]
    for path in entries:
        code = _classify(path, kind)
        if code == "profile":
            files.profiles.append(path)
        elif code:
            files.strays.append(_stray_file(folder, path, kind, code))
        elif path.is_dir() and not FOREIGN_FOLDER.match(path.name) and not _is_one_of(path, own):
            files.strays.extend(_strays_of_subfolder(folder, path, kind))
    return files


def profile_files(folder: Path, kind: Kind) -> list[Path]:
    """Return the profiles of `kind` below `folder`, by name. Raises OSError."""
    return find_profiles(folder, kind).profiles


def _classify(path: Path, kind: Kind) -> str:
    """Return "profile" for a profile, a problem code for a file with a wrong name or place, "" for any other file."""
    name, key = path.name, name_key(path.name)
    if PUT_ASIDE.search(key) or EXAMPLE.search(key) or not PROFILE_LIKE.match(key):
        return ""
    if kind != "auth" and _kind_of(key) not in (None, kind):
        return "profile.wrong_folder"
    if name.startswith("."):
        return "profile.name_hidden" if _kind_of(key) or kind == "auth" else ""
    if name.endswith(ENDING):
        return (
            "profile.name_spelling" if not PATTERNS[kind].fullmatch(name) and _is_profile_name(key, kind) else "profile"
        )
    if path.is_dir():
        return ""
    return "profile.name_spelling" if key.endswith(ENDING) else "profile.name_ending"


def _kind_of(key: str) -> Kind | None:
    """Return the kind of profile in the start of the file name, None if there is none."""
    start = re.match(r"\W*(sp-)?config-", key)
    return None if start is None else "sharepoint" if start[1] else "tenant"


def _is_profile_name(name: str, kind: Kind) -> bool:
    return PATTERNS[kind].fullmatch(name) is not None


def _right_name(key: str, kind: Kind) -> str:
    """Return the name that the file should have; with <name> in it if its slug is unknown."""
    stem = re.sub(r"^\W+", "", key.partition(ENDING)[0])
    for name in (stem + ENDING, stem.rpartition(".")[0] + ENDING):
        if _is_profile_name(name, kind):
            return name
    return EXPECTED_NAMES[kind]


def _stray_file(folder: Path, path: Path, kind: Kind, code: str) -> StrayFile:
    key = name_key(path.name)
    intended = (_kind_of(key) or kind) if code == "profile.wrong_folder" else kind
    name = _right_name(key, intended)
    place = folder / FOLDERS[intended]
    right = (place / name).relative_to(folder.parent).as_posix()
    match = PATTERNS[intended].fullmatch(name)
    slug = shown(match["slug"]) if match and "<" not in name else Path(file_name(path)).stem
    # On a case-insensitive disk the right name may open this same file.
    if (place / name).is_file() and not _is_one_of(path, [place / name]):
        return StrayFile(path, intended, slug, "profile.leftover", {"right": right}, harmless=True)
    return StrayFile(path, intended, slug, code, {"right": right})


def _strays_of_subfolder(folder: Path, path: Path, kind: Kind) -> Iterator[StrayFile]:
    """Yield one stray file for all profiles in a folder that is not read."""
    try:
        names = sorted(file_name(entry) for entry in path.iterdir())
    except OSError:
        return
    keys = {name: name_key(name) for name in names}
    intended = [name for name, key in keys.items() if _kind_of(key) and _classify(path / name, "auth") == "profile"]
    if intended:
        kinds = sorted({FOLDERS[_kind_of(keys[name]) or kind] for name in intended})
        right = ", ".join(f"{(folder / place).relative_to(folder.parent).as_posix()}/" for place in kinds)
        params = {"count": str(len(intended)), "first": intended[0], "right": right}
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
    """Return (the file `text` below `root`, ""), or (None, the path of a similar file, "" for none).

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
    """Return the one file below root/certs with this name, in other capitals or another folder; "" if not one."""
    wanted = name_key(text.rpartition("/")[2])
    matches = [path for path in sorted((root / "certs").glob("*/*")) if name_key(path.name) == wanted]
    matches += [path for path in sorted((root / "certs").glob("*")) if path.is_file() and name_key(path.name) == wanted]
    return matches[0].relative_to(root).as_posix() if len(matches) == 1 else ""
