"""What the answers about tenants say beside their figures: contacts and onboarding."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.cache.onboarding_rows import all_onboardings
from core.roles import Action, Actor
from core.tenants.contacts import all_contacts
from web.api.call import Context
from web.api.contact_models import Contact
from web.api.onboarding_models import Onboarding


@dataclass(frozen=True, slots=True)
class TenantDetails:
    """The details of some tenants by tenant id; `contacts` is None for a caller who may not see them."""

    contacts: Mapping[str, list[Contact]] | None
    onboardings: Mapping[str, Onboarding]

    def of(self, tenant_id: str) -> dict[str, Any]:
        """Return the fields of one tenant's model."""
        return {
            "contacts": None if self.contacts is None else self.contacts.get(tenant_id, []),
            "onboarding": self.onboardings.get(tenant_id),
        }


def details_of(context: Context, caller: Actor, tenant_ids: Collection[str], language: str) -> TenantDetails:
    """Return the details of these tenants, as the caller may see them. Raises DatabaseError."""
    contacts, opened = None, all_onboardings(context.runtime().engine)
    if caller.may(Action.SEE_CONTACTS):
        contacts = _contacts(context, caller, tenant_ids, context.today())
    onboardings = {one.tenant_id: Onboarding.of(one, language) for one in opened if one.tenant_id in tenant_ids}
    return TenantDetails(contacts, onboardings)


def _contacts(
    context: Context, caller: Actor, tenant_ids: Collection[str], today: date
) -> dict[str, list[Contact]]:  # fmt: skip
    by_tenant: dict[str, list[Contact]] = {}
    for stored in all_contacts(context.runtime().engine, caller, tenant_ids):
        by_tenant.setdefault(stored.tenant_id, []).append(Contact.of(stored, today))
    return by_tenant
