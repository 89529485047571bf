"""What a refresh finds out before it reads tenants: whom to read, whom not, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.name_key import name_key
from core.problems import Problem
from core.profiles.profile_store import Profiles
from core.profiles.tenant_profile import TenantProfile
from core.refresh.lists_reading import ListsRead
from core.refresh.run_summary import Part


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a refresh knows before it reads the tenants `chosen`; `unread` is the part of those that it does not read.

    `rows`: tenant id -> row of the `tenants` table.
    """

    profiles: Profiles
    lists_read: ListsRead | None
    rows: dict[str, Any]
    chosen: list[TenantProfile]
    unread: Part

    @property
    def names(self) -> dict[str, str]:
        """Return tenant id -> name of every tenant with a profile."""
        return {profile.tenant_id: profile.name for profile in self.profiles.tenants}


def chosen_tenants(
    profiles: Profiles, rows: Mapping[str, Any], in_scope: Callable[[str], bool]
) -> tuple[list[TenantProfile], list[dict[str, str]]]:
    """Return the profiles to read, and {tenant, reason} of those that are skipped; `in_scope` takes a name.

    A tenant without a row has begun to leave since its profile was read.
    """
    wanted = [profile for profile in profiles.tenants if in_scope(profile.name) and profile.tenant_id in rows]
    chosen = [profile for profile in wanted if rows[profile.tenant_id].enabled]
    skipped = [{"tenant": p.name, "reason": "disabled"} for p in wanted if not rows[p.tenant_id].enabled]
    return chosen, skipped


def broken_profiles(profiles: Profiles, rows: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, Problem]]:
    """Return (tenant, problem) of the profiles that cannot be used; of those with one of `names`, none means all."""
    name_by_slug = {row.slug: row.name for row in rows.values()}
    scope = {name_key(name) for name in names}
    broken = [fault for fault in profiles.faults if not (fault.usable or fault.of_sharepoint)]
    stored_names = [(name_by_slug.get(fault.slug, ""), fault) for fault in broken]
    return [
        (fault.name, fault.cause)
        for stored, fault in stored_names
        if not scope or not scope.isdisjoint({name_key(stored), name_key(fault.name)})
    ]
