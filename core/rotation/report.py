"""What a rotation says of itself: its state, its sentences, and its document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.cache.rotation_rows import Rotation
from core.problems import Problem
from core.profiles.certificate_uses import CertificateUse
from core.refresh.services import Services
from core.rotation.steps import next_step


def stage_of(rotation: Rotation, use: CertificateUse) -> str:
    """Return done, cancelled, the next step, or swapped."""
    return next_step(rotation, _in_use(use)) if rotation.is_open else rotation.state


def _in_use(use: CertificateUse) -> str:
    return use.certificate.thumbprint if use.certificate else ""


def public_file(services: Services, rotation: Rotation) -> Path:
    """Return the path of the successor without its key (.cer), for the upload to the app registration."""
    return (services.settings.profiles_dir.resolve().parent / rotation.next_path).with_suffix(".cer")


def said_of(services: Services, use: CertificateUse, rotation: Rotation) -> Iterator[Problem]:
    """Yield the sentences about a rotation: how far it is, and why no further."""
    zone = services.settings.zone
    until = rotation.next_expires.astimezone(zone).date().isoformat() if rotation.next_expires else "–"
    values = {"tenant": use.name, "slug": use.slug, "until": until, "thumbprint": rotation.next_thumbprint or "–"}
    state = stage_of(rotation, use)
    yield Problem(f"rotation.stands.{state}", values | {"file": use.cert_path})
    if rotation.problem is not None:
        yield rotation.problem


def as_document(
    services: Services, use: CertificateUse, rotation: Rotation | None, problem: Problem | None = None
) -> dict[str, Any]:
    """Return a certificate and its rotation for `--json`; `problem` is what has just stopped the rotation."""
    language = services.settings.language
    said = problem or (rotation.problem if rotation else None) or use.problem
    return {
        "kind": use.kind,
        "slug": use.slug,
        "tenant": use.name,
        "tenant_id": use.tenant_id,
        "client_id": use.client_id,
        "certificate": use.certificate and {
            "thumbprint": use.certificate.thumbprint,
            "expires": use.certificate.expires.isoformat(),
            "path": use.cert_path,
        },
        "rotation": rotation and _rotation_document(services, use, rotation),
        "problem": said and {"code": said.code, "message": said.text(language)},
    }  # fmt: skip


def _rotation_document(services: Services, use: CertificateUse, rotation: Rotation) -> dict[str, Any]:
    return {
        "state": stage_of(rotation, use),
        "way": rotation.way,
        "next": {
            "thumbprint": rotation.next_thumbprint,
            "expires": rotation.next_expires and rotation.next_expires.isoformat(),
            "path": rotation.next_path,
            "public_file": str(public_file(services, rotation)),
        },
        "proven_at": rotation.proven_at and rotation.proven_at.isoformat(),
        "switched_at": rotation.switched_at and rotation.switched_at.isoformat(),
        "ended_at": rotation.ended_at and rotation.ended_at.isoformat(),
    }
