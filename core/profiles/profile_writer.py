"""Write the profile of a tenant: the whole file at once, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from core.durable_files import new_file, sync_folder
from core.profiles.certificates import Certificate


def profile_path(folder: Path, slug: str) -> Path:
    """Return the path of the profile of the tenant `slug` in the folder of the profiles."""
    return folder / f"config-{slug}-profile.json"


def profile_text(*, tenant_id: str, name: str, client_id: str, cert_path: str, certificate: Certificate) -> str:
    """Return the JSON of a profile (docs/anleitung.md)."""
    fields = {
        "tenant_id": tenant_id,
        "tenant_name": name,
        "client_id": client_id,
        "thumbprint": certificate.thumbprint,
        "cert_path": cert_path,
        "expires": certificate.expires.date().isoformat(),
    }
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"


def write_profile(path: Path, content: str) -> None:
    """Write a profile that does not exist yet, or that has this content already.

    A reader sees the whole file or none. Raises FileExistsError if there is another profile; OSError if the disk is
    full or may not be written, and then nothing has changed.
    """
    if path.exists():
        if _content(path) == content:
            return
        raise FileExistsError(path.name)
    replace_profile(path, content)


def replace_profile(path: Path, content: str) -> None:
    """Write the profile in place of the one that is there, if any; a reader sees the old file or the whole new one.

    Raises OSError if the disk is full or may not be written, and then nothing has changed.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")  # a name that nobody takes for a profile
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with new_file(part) as file:
            file.write(content.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_profile(path: Path, content_of: Mapping[str, str]) -> bool:
    """Delete the profile if it still has the tenant and client id in `content_of`; return False if it is another."""
    try:
        fields = json.loads(_content(path))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    if not isinstance(fields, dict) or any(fields.get(name) != value for name, value in content_of.items()):
        return False
    path.unlink()
    return True


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8")
