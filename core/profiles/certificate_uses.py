"""Which profiles use which certificate, of all three kinds, and the change of a profile to another certificate."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

from core.durable_files import new_file, sync_folder
from core.name_key import guid_key, name_key
from core.problems import Problem, ProblemError
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate
from core.profiles.profile_check import QUOTES
from core.profiles.profile_files import PATTERNS, Kind, profile_files
from core.profiles.profile_json import contract_spelling, parse_profile, text_field
from core.profiles.profile_store import ProfileStore
from core.text_files import file_name

KINDS: tuple[Kind, ...] = get_args(Kind)
FIELDS = ("tenant_id", "client_id", "cert_path", "tenant_name", "authority")


class ProfileChanged(ProblemError):
    """The profile has been changed or removed since it was read."""


@dataclass(frozen=True, slots=True)
class CertificateUse:
    """A profile that signs in with a certificate; `problem` is set, and `certificate` None, if that cannot be used.

    `cert_path` is the text in the profile.
    """

    kind: Kind
    slug: str
    path: Path
    tenant_id: str
    client_id: str
    name: str
    cert_path: str
    certificate: Certificate | None = field(default=None, compare=False)
    problem: Problem | None = field(default=None, compare=False)


def all_uses(store: ProfileStore) -> list[CertificateUse]:
    """Return every profile that names a certificate, by kind and name. Raises OSError if a folder cannot be read."""
    uses = (use_of(store, kind, path) for kind in KINDS for path in profile_files(store.folder, kind))
    return [use for use in uses if use is not None]


def find_use(store: ProfileStore, kind: Kind, slug: str) -> CertificateUse | None:
    """Return the profile of this kind and short name; None if there is none that names a certificate."""
    try:
        paths = profile_files(store.folder, kind)
    except OSError:
        return None
    path = next((path for path in paths if _slug(kind, path) == slug), None)
    return None if path is None else use_of(store, kind, path)


def use_of(store: ProfileStore, kind: Kind, path: Path) -> CertificateUse | None:
    """Return what the profile at `path` says about its certificate; None if it says nothing that can be read."""
    try:
        data = store.read(path).data
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    values = {name: text_field(contract_spelling(data, FIELDS), name)[0] for name in FIELDS}
    cert_path = values["cert_path"].strip(f"{QUOTES} ")
    if not cert_path or (kind == "auth" and values["authority"]):  # another provider than Microsoft
        return None
    slug = _slug(kind, path)
    certificate, problem = _certificate(store, slug, values["tenant_name"] or slug, cert_path)
    tenant_id, client_id = guid_key(values["tenant_id"]), guid_key(values["client_id"])
    name = values["tenant_name"] or slug
    return CertificateUse(kind, slug, path, tenant_id, client_id, name, cert_path, certificate, problem)


def _certificate(
    store: ProfileStore, slug: str, name: str, cert_path: str
) -> tuple[Certificate | None, Problem | None]:  # fmt: skip
    try:
        return store.certificate(cert_path), None
    except CertificateError as error:
        values = {"file": name, "slug": slug, "field": "cert_path", "value": cert_path, "other": error.other}
        return None, Problem(error.code, {**values, "stem": Path(cert_path).with_suffix("").as_posix()})


def _slug(kind: Kind, path: Path) -> str:
    named = PATTERNS[kind].fullmatch(path.name)
    return named["slug"] if named else Path(file_name(path)).stem


def change_certificate(use: CertificateUse, cert_path: str, certificate: Certificate) -> None:
    """Let the profile name another certificate: path, thumbprint and end at once, all else as it was.

    A reader sees the old file or the new one. Raises ProfileChanged if the file names another certificate than `use`
    says; OSError if it cannot be written, and then nothing has changed.
    """
    path = use.path.resolve()  # the file behind a link
    try:
        data = parse_profile(path).data
    except (OSError, ValueError, RecursionError):
        data = None
    current = text_field(contract_spelling(data, FIELDS), "cert_path")[0] if isinstance(data, dict) else ""
    if not isinstance(data, dict) or current.strip(f"{QUOTES} ") != use.cert_path:
        raise ProfileChanged(Problem("rotation.profile_changed", {"tenant": use.name, "file": use.path.name}))
    _replace(path, changed_fields(data, use.kind, cert_path, certificate))


def changed_fields(data: Mapping[str, Any], kind: Kind, cert_path: str, certificate: Certificate) -> dict[str, Any]:
    """Return the fields of a profile with another certificate, in their order."""
    values = {
        "thumbprint": certificate.thumbprint,
        "cert_path": cert_path,
        "expires": certificate.expires.date().isoformat(),
    }
    present = {name_key(name) for name in data}
    if kind == "auth":
        values = {name: value for name, value in values.items() if name_key(name) in present or name == "cert_path"}
    canonical = {name_key(name): name for name in values}
    fields: dict[str, Any] = {}
    for name, value in data.items():
        own = canonical.get(name_key(name))
        fields.setdefault(own or name, values[own] if own else value)
    return fields | values


def _replace(path: Path, fields: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")  # a name that nobody takes for a profile
    try:
        with new_file(part) as file:
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write((json.dumps(fields, ensure_ascii=False, indent=2) + "\n").encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
