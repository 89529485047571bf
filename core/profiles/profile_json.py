"""Read the JSON of a profile in any encoding, with repeated fields and other spellings of field names."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.name_key import clean_name, name_key
from core.text_files import decoded, is_text, read_file


@dataclass(frozen=True, slots=True)
class Content:
    """The JSON of a file, the name of its encoding, and the fields that are there twice."""

    data: Any
    encoding: str
    twice: Sequence[str] = ()


def parse_profile(path: Path) -> Content:
    """Return the content of the file at `path`. Raises OSError, ValueError, RecursionError."""
    text, encoding = decoded(read_file(path))
    twice: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                twice.append(name)
            found[name] = value
        return found

    return Content(json.loads(text.removeprefix("\ufeff"), object_pairs_hook=collect), encoding, twice)


def spelled(data: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The object with each field under the name of `known` that has its key; of two spellings the exact one counts."""
    right = {name_key(name): name for name in known}
    found = {name: value for name, value in data.items() if name in known}
    for name, value in data.items():
        canonical = right.get(name_key(name), name)
        found.setdefault(name if canonical in found else canonical, value)
    return found


def text_of(
    data: Mapping[str, Any], name: str
) -> tuple[str, Literal["", "missing", "not_text", "unstorable", "empty"]]:
    """Return (the field as clean text, its fault); one of the two is ""."""
    if name not in data:
        return "", "missing"
    value = data[name]
    if not isinstance(value, str):
        return "", "not_text"
    if not is_text(value):
        return "", "unstorable"
    return (clean_name(value), "") if name_key(value) else ("", "empty")
