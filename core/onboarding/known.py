"""Collect the tenants that are known already, and the provider's own application."""

from __future__ import annotations

from collections import Counter

from core.cache.leaving_rows import all_leavings
from core.cache.onboarding_rows import Onboarding, all_onboardings
from core.cache.tenant_rows import tenant_rows
from core.onboarding.request import KnownTenants
from core.profiles.profile_files import find_profiles
from core.profiles.profile_store import ProfileStore
from core.refresh.services import Services
from core.tenants.levels import levels


def known_tenants(services: Services, besides: Onboarding | None = None) -> KnownTenants:
    """Return the tenants with a profile or an open onboarding, and those that leave; `besides` does not count.

    An application that serves several tenants belongs to none of them alone. Raises DatabaseError.
    """
    profiles = services.profiles.load(services.now())
    opened = [
        one for one in all_onboardings(services.engine) if besides is None or one.onboarding_id != besides.onboarding_id
    ]
    own_id = besides.tenant_id if besides else ""
    others = [profile for profile in profiles.tenants if profile.tenant_id != own_id]
    rows = tenant_rows(services.engine).values()
    names = {row.tenant_id: row.name for row in rows if row.tenant_id != own_id}
    names |= {profile.tenant_id: profile.name for profile in others} | {one.tenant_id: one.name for one in opened}
    leaving = all_leavings(services.engine)
    names |= {one.tenant_id: one.name for one in leaving}
    hidden = ProfileStore(services.settings.profiles_dir).load(services.now()).tenants if leaving else []
    apps = [(profile.client_id, profile.name) for profile in hidden or others if profile.tenant_id != own_id]
    apps += [(one.client_id, one.name) for one in opened if one.client_id]
    uses = Counter(client_id for client_id, _ in dict.fromkeys(apps))
    owners = {client_id: name for client_id, name in apps if uses[client_id] == 1}
    owners.pop(services.settings.app_client_id, None)
    slugs = {one.slug for some in (rows, opened, leaving) for one in some}
    leavers = {one.tenant_id: one.slug for one in leaving}
    return KnownTenants(names, _slugs(services) | slugs, owners, levels(services.engine), leavers)


def _slugs(services: Services) -> set[str]:
    """Return the short names of profile files, usable or not, and of folders with certificates."""
    folder = services.settings.profiles_dir
    slugs: set[str] = set()
    try:
        files = find_profiles(folder, "tenant").profiles
        slugs |= {path.name.removeprefix("config-").removesuffix("-profile.json") for path in files}
        certificates = (folder.resolve().parent / "certs").iterdir()
        slugs |= {path.name for path in certificates if path.is_dir() and any(path.iterdir())}
    except OSError:
        pass  # a folder that cannot be read is told when it is written
    return slugs
