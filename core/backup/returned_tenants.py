"""Tenants that have left, and that a restored backup from before brings back."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from core.backup.restore_journal import begun
from core.cache.audit_rows import Search, find
from core.cache.database import DatabaseError, open_database, sqlite_file
from core.cache.leaving_rows import leaving_keys
from core.cache.tenant_data import find_keys
from core.profiles.profile_store import ProfileStore
from core.settings import Settings

MOST = 10_000  # removals that are looked at, the newest first


def left_tenants(settings: Settings) -> set[str]:
    """Return the ids of the tenants that leave or have left, by the database in place.

    Empty if that is lost, damaged, of another version or half restored: a restore must not need what it replaces.
    """
    file = sqlite_file(settings.database)
    if begun(settings.data_dir) is not None or (file is not None and not file.is_file()):
        return set()
    try:
        engine = open_database(settings.database, may_upgrade=False)
    except DatabaseError:
        return set()
    try:
        removed, _ = find(engine, Search(actions=["tenant.removed"]), limit=MOST)
        return leaving_keys(engine) | {str(json.loads(row.after).get("tenant_id")) for row in removed if row.after}
    except DatabaseError:
        return set()
    finally:
        engine.dispose()


def returned_tenants(engine: Engine, settings: Settings, left: Collection[str], now: datetime) -> dict[str, str]:
    """Return short name -> name of those in `left` that have figures or a profile again, and do not leave."""
    profiles = {one.tenant_id: (one.slug, one.name) for one in ProfileStore(settings.profiles_dir).load(now).tenants}
    names: dict[str, str] = {}
    for tenant_id in set(left) - leaving_keys(engine):
        keys = find_keys(engine, tenant_id)
        slug, name = (keys.slug, keys.name) if keys else profiles.get(tenant_id, ("", ""))
        if slug:
            names[slug] = name
    return dict(sorted(names.items()))
