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
class ProfileJson:
    """The parsed JSON of a profile, the name of its encoding, and its repeated field names."""

    data: Any
    encoding: str
    repeated: Sequence[str] = ()


def parse_profile(path: Path) -> ProfileJson:
    """Return the content of the file at `path`. Raises OSError, ValueError, RecursionError."""
    text, encoding = decoded(read_file(path))
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, value in pairs:
            if name in fields:
                repeated.append(name)
            fields[name] = value
        return fields

    return ProfileJson(json.loads(text.removeprefix("\ufeff"), object_pairs_hook=collect), encoding, repeated)


def contract_spelling(data: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return `data` with each field renamed to the one of `names` with the same `name_key`, others unchanged.

    If `data` has a field in two spellings, the exact one counts.
    """
    name_by_key = {name_key(name): name for name in names}
    fields = {name: value for name, value in data.items() if name in names}
    for name, value in data.items():
        canonical = name_by_key.get(name_key(name), name)
        fields.setdefault(name if canonical in fields else canonical, value)
    return fields


def text_field(
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
