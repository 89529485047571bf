"""Store what the profiles say in the cache."""

from __future__ import annotations

from sqlalchemy import Engine

from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.profiles.profile_store import Profiles


def store_profiles(engine: Engine, profiles: Profiles) -> None:
    """Store the tenants of all profiles and the faults of their files."""
    save_profiles(
        engine,
        [ProfileTenant(p.tenant_id, p.slug, p.name, p.certificate.expires) for p in profiles.tenants],
        {fault.file: ("" if fault.of_sharepoint else fault.slug, fault.problems) for fault in profiles.faults},
    )
