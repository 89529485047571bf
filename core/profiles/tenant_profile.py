"""The profile of a tenant: its fields, and the check of its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.name_key import name_key
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CREDENTIALS, Check, Source


@dataclass(frozen=True, slots=True)
class TenantProfile:
    """A tenant whose licences are read; the slug comes from the file name."""

    slug: str
    tenant_id: str
    name: str
    client_id: str
    certificate: Certificate


class TenantCheck(Check):
    """A tenant's file; `profile` is None when it cannot be used."""

    def __init__(self, store: Source, path: Path, now: datetime) -> None:
        super().__init__(store, path, "tenant", now)
        self.tenant_id, client_id, certificate = self.credentials(known={*CREDENTIALS, "tenant_name"})
        self.name = self.text("tenant_name")
        self.profile: TenantProfile | None = None
        if certificate and self.usable:
            self.profile = TenantProfile(self.slug, self.tenant_id, self.name, client_id, certificate)


def refuse_duplicates(checks: Sequence[TenantCheck]) -> None:
    """Of the files with one tenant, or one name, the first usable one counts; the others are told about it."""
    owners: dict[tuple[str, str], TenantCheck] = {}
    for check in sorted(checks, key=lambda check: check.profile is None):  # by file name within each half
        keys = [("profile.duplicate_tenant", check.tenant_id), ("profile.duplicate_name", name_key(check.name))]
        taken = [(key[0], owners[key]) for key in keys if key in owners]
        for code, owner in taken:
            check.add(code, other=owner.file, value=check.name)
            check.profile = None
        if not taken:
            owners |= {key: check for key in keys if key[1]}
