"""The files of a tenant: its profile, its keys and certificates, and the exports made when it leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from core.cache.leaving_rows import all_leavings
from core.name_key import guid_key
from core.profiles.profile_check import QUOTES
from core.profiles.profile_files import FOLDERS, find_file
from core.profiles.profile_json import contract_spelling, parse_profile, text_field
from core.profiles.profile_writer import profile_path
from core.refresh.services import Services
from core.settings import Settings

EXPORTS = "exports"  # the folder in the data folder
STRAY_AFTER = timedelta(days=1)
FIELDS = ("tenant_id", "cert_path")


def export_folder(settings: Settings) -> Path:
    """Return the folder of the exports."""
    return settings.data_dir / EXPORTS


def exports_of(settings: Settings, tenant_id: str) -> list[Path]:
    """Return the exports of a tenant."""
    return sorted(export_folder(settings).glob(f"*-{tenant_id}-*.zip"))


def drop_strays(services: Services) -> None:
    """Delete exports that belong to no tenant that leaves: a crash has left them, or the tenant stays."""
    wanted = {one.export_file for one in all_leavings(services.engine)}
    before = (services.now() - STRAY_AFTER).timestamp()
    for path in export_folder(services.settings).glob("*"):
        with contextlib.suppress(OSError):
            if path.name not in wanted and path.stat().st_mtime < before:
                path.unlink()


def profiles_of(settings: Settings, tenant_id: str, slug: str) -> list[Path]:
    """Return the profile of the tenant and copies that were put aside beside it. Raises OSError.

    A file that cannot be read as JSON belongs to the tenant if it has the name of its profile.
    """
    if not settings.profiles_dir.is_dir():
        return []
    own = profile_path(settings.profiles_dir, slug)
    return [
        path
        for path in sorted(settings.profiles_dir.iterdir())
        if _tenant_in(path) == tenant_id or (path == own and path.is_file() and not _tenant_in(path))
    ]


def keys_of_tenant(settings: Settings, tenant_id: str, slug: str) -> list[Path]:
    """Return the files with keys and certificates of the tenant that no other profile uses. Raises OSError.

    These are the files of its folder below `certs`, and the one that its profile names, wherever it is.
    """
    root = settings.profiles_dir.resolve().parent
    folder, own = root / "certs" / slug, profiles_of(settings, tenant_id, slug)
    has_folder = folder.is_dir() and _tenant_in(profile_path(settings.profiles_dir, slug)) in ("", tenant_id)
    files = [path for path in sorted(folder.iterdir()) if path.is_file()] if has_folder else []
    files += [found for path in own for found in _named_files(root, path)]
    used = {settings.app_certificate and find_file(root, settings.app_certificate)[0]}
    for place in FOLDERS.values():
        others = [path for path in sorted((settings.profiles_dir / place).glob("*.json")) if path not in own]
        used |= {found for path in others for found in _named_files(root, path)}
    taken = {path.resolve() for path in used if path}
    return list(dict.fromkeys(path.resolve() for path in files if path.resolve() not in taken))


def _named_files(root: Path, profile: Path) -> Iterator[Path]:
    """Yield the file with the key that a profile names."""
    value = _field(profile, "cert_path").strip(f"{QUOTES} ")
    found = find_file(root, value)[0] if value else None
    if found is not None and found.is_file():
        yield found


def _tenant_in(path: Path) -> str:
    """Return the tenant id in a file that is a profile, "" for any other file."""
    return guid_key(_field(path, "tenant_id")) if "config-" in path.name else ""


def _field(path: Path, name: str) -> str:
    """Return a field of a profile, "" if the file is none or does not have it."""
    try:
        data = parse_profile(path).data
    except (OSError, ValueError, RecursionError):
        return ""
    return text_field(contract_spelling(data, FIELDS), name)[0] if isinstance(data, dict) else ""


def remove_files(paths: list[Path]) -> int:
    """Delete the files, and folders that are empty after that; return how many files. Raises OSError."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths if path.parent.parent.name == "certs"}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return len(paths)
