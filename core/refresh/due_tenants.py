"""The tenants whose turn it is, where levels of service have intervals of their own.

Tenants without such a level are read together, every REFRESH_MINUTES. The others have slots of their interval, which
begin at a time of their own: made from the tenant id, so that they are spread evenly and every process knows them.
A tenant is due when it has not been read in the slot of now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from core.cache import run_rows
from core.cache.level_rows import OwnInterval, own_intervals
from core.clock import elapsed
from core.refresh.scope import scope_of
from core.refresh.services import Services

LOOK_EVERY = 60.0  # seconds; how late a tenant may be


def slot(tenant_id: str, minutes: int, at: datetime) -> int:
    """Return the number of the tenant's slot at this time; each takes `minutes`."""
    seconds = minutes * 60
    return int(at.timestamp() + offset(tenant_id, seconds)) // seconds


def offset(tenant_id: str, seconds: int) -> int:
    """Return by how much the slots of the tenant are shifted, evenly spread over 0 to `seconds`."""
    return int.from_bytes(hashlib.sha256(tenant_id.encode()).digest()[:8]) % seconds


def is_due(tenant: OwnInterval, now: datetime) -> bool:
    """Return True if nobody has tried to read the tenant in the slot of `now`."""
    if tenant.last_attempt_at is None:
        return True
    minutes = tenant.refresh_minutes
    return slot(tenant.tenant_id, minutes, tenant.last_attempt_at) != slot(tenant.tenant_id, minutes, now)


def due_tenants(services: Services, wanted: Collection[str] = ()) -> list[str]:
    """Return the ids of the tenants with an interval of their own that are due; of the names `wanted` if given.

    None while a refresh is open, for it may read them, and none for a while after one has failed as a whole. Takes one
    statement if none is due.
    """
    now = services.now()
    due = [tenant for tenant in own_intervals(services.engine) if is_due(tenant, now)]
    if wanted:
        due = [tenant for tenant in due if tenant.name in wanted]
    if not due or run_rows.open_runs(services.engine) or _failed_lately(services):
        return []
    usable = {profile.tenant_id for profile in services.profiles.load(now).tenants}
    return [tenant.tenant_id for tenant in due if tenant.tenant_id in usable]


def regular_scope(services: Services, wanted: Sequence[str] = ()) -> list[str] | None:
    """Return what the regular refresh reads: [] for all tenants, None for none at all.

    It leaves out the tenants with an interval of their own that are not due. `wanted`: ids, short names or names, none
    for all. Raises UnknownTenant.
    """
    now = services.now()
    resting = {tenant.tenant_id: tenant.name for tenant in own_intervals(services.engine) if not is_due(tenant, now)}
    if not resting:
        return list(wanted)
    if wanted:
        names = set(resting.values())
        return [name for name in scope_of(services, wanted) if name not in names] or None
    profiles = services.profiles.load(now)
    broken = [fault.slug for fault in profiles.faults if not (fault.of_sharepoint or fault.usable)]
    return [*(one.tenant_id for one in profiles.tenants if one.tenant_id not in resting), *broken] or None


def _failed_lately(services: Services) -> bool:
    """Return True if the latest refresh failed as a whole: the regular one tries again."""
    last = run_rows.latest_run(services.engine)
    if last is None or last.state != "failed":
        return False
    return elapsed(last.requested_at, services.now()) < timedelta(minutes=services.settings.refresh_minutes)
