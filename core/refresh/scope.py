"""Find the tenants of a requested refresh by id, short name or name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from core.cache.tenant_rows import tenant_rows
from core.name_key import guid_key, name_key
from core.problems import Problem, ProblemError
from core.refresh.services import Services


class UnknownTenant(ProblemError):
    """A refresh was requested for a tenant without a profile."""


def scope_of(services: Services, wanted: Sequence[str]) -> list[str]:
    """Return the names of the tenants with these ids, short names or names; [] for [].

    Raises UnknownTenant with the nearest name.
    """
    if not wanted:
        return []
    name_by_key = _names(services)
    keys = [guid_key(name) if guid_key(name) in name_by_key else name_key(name) for name in wanted]
    for name, key in zip(wanted, keys, strict=True):
        if key not in name_by_key:
            near = difflib.get_close_matches(key, name_by_key, n=1)
            hint = name_by_key[near[0]] if near else ", ".join(sorted(set(name_by_key.values()))[:5])
            raise UnknownTenant(Problem("refresh.unknown_tenant", {"tenant": name, "near": hint}))
    return [name_by_key[key] for key in keys]


def _names(services: Services) -> dict[str, str]:
    """Return key -> name of every tenant; the keys are those of ids, short names and names."""
    profiles = services.profiles.load(services.now())
    rows = tenant_rows(services.engine).values()
    tenants = [*rows, *profiles.tenants]  # the present profile wins over the stored row
    present = {tenant.tenant_id: tenant.name for tenant in tenants}
    names = {name_key(fault.slug): fault.name for fault in profiles.faults if not fault.of_sharepoint}
    names |= {guid_key(tenant.tenant_id): tenant.name for tenant in tenants}
    names |= {name_key(tenant.slug): tenant.name for tenant in tenants}
    names |= {name_key(tenant.name): present[tenant.tenant_id] for tenant in tenants}
    return names
