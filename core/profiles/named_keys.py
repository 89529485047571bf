"""The files with keys and secrets that a profile names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.profiles.profile_json import parse_profile

NAMES_A_KEY = ("cert_path", "client_secret_file")


def named_keys(root: Path, profile: Path) -> Iterator[Path]:
    """Yield the files with keys and secrets that a profile names, in any folder."""
    if profile.suffix.lower() != ".json":
        return
    try:
        data = parse_profile(profile).data
    except (OSError, ValueError, RecursionError):
        return
    for name in NAMES_A_KEY:
        value = data.get(name) if isinstance(data, dict) else None
        if isinstance(value, str) and value and "\0" not in value:
            yield root / value
