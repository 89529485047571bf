"""The profile of a tenant: its fields, and the check of its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.name_key import name_key
from core.profiles.certificates import Certificate
from core.profiles.profile_check import CREDENTIALS, ProfileCheck, ProfileSource


@dataclass(frozen=True, slots=True)
class TenantProfile:
    """A tenant whose licences are read; the slug comes from the file name."""

    slug: str
    tenant_id: str
    name: str
    client_id: str
    certificate: Certificate


class TenantCheck(ProfileCheck):
    """The check of a tenant's file; `profile` is None if it cannot be used."""

    def __init__(self, store: ProfileSource, path: Path, now: datetime) -> None:
        super().__init__(store, path, "tenant", now)
        self.tenant_id, client_id, certificate = self.credentials({*CREDENTIALS, "tenant_name"})
        self.name = self.required_text("tenant_name")
        self.profile: TenantProfile | None = None
        if certificate and self.usable:
            self.profile = TenantProfile(self.slug, self.tenant_id, self.name, client_id, certificate)


def refuse_duplicates(checks: Sequence[TenantCheck]) -> None:
    """Keep the first usable one of the files with the same tenant id or name; add a problem to the others."""
    owners: dict[tuple[str, str], TenantCheck] = {}
    for check in sorted(checks, key=lambda check: check.profile is None):  # by file name within each half
        keys = [("profile.duplicate_tenant", check.tenant_id), ("profile.duplicate_name", name_key(check.name))]
        taken = [(key[0], owners[key]) for key in keys if key in owners]
        for code, owner in taken:
            check.add_problem(code, other=owner.file, value=check.name)
            check.profile = None
        if not taken:
            owners |= {key: check for key in keys if key[1]}
