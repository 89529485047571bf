"""What somebody wants to add, its faults, and the short name that a new tenant gets. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.bounds import LONGEST_NAME, field_fault
from core.graph.tenant_lookup import domain_key
from core.name_key import guid_key, name_key
from core.problems import Problem
from core.tenants.contact_rules import contact_in_line
from core.tenants.contact_rules import faults_of as faults_of_contact
from core.tenants.levels import Level, find
from core.text_files import shown

LONGEST_LEVEL, LONGEST_CONTACT = 100, 255
SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "&": " und "})
NO_LETTER = re.compile(r"[^a-z0-9]+")
LONGEST_NEW_SLUG = 50  # leaves room for a number


@dataclass(frozen=True, slots=True)
class Request:
    """A tenant to add: `tenant` is its id or a domain; without `client_id` the app is still to be registered.

    `contact` is a line: `Petra Muster <petra@example.ch>`, or an address alone. `level` is
    the name of a level of service, "" for the standard one.
    """

    name: str
    tenant: str
    client_id: str = ""
    level: str = ""
    contact: str = ""
    shared: bool = False  # the provider's multi-tenant application

    @property
    def wanted(self) -> str:
        """Return the tenant id or domain in its normal form, "" if it is neither."""
        return guid_key(self.tenant) or domain_key(self.tenant)


@dataclass(frozen=True)
class KnownTenants:
    """The tenants that have a profile or an open onboarding.

    `name_by_id`: tenant id -> name; `slugs`: short names in use; `app_owners`: client id -> name of its tenant, of
    applications that belong to one tenant alone; `levels`: the levels of service by key; `leaving`: tenant id -> short
    name of those that leave.
    """

    name_by_id: Mapping[str, str] = field(default_factory=dict)
    slugs: Collection[str] = ()
    app_owners: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    leaving: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def ids_by_name(self) -> Mapping[str, Collection[str]]:
        """Return the ids of the tenants by their names as these are compared."""
        ids: dict[str, set[str]] = {}
        for tenant_id, name in self.name_by_id.items():
            ids.setdefault(name_key(name), set()).add(tenant_id)
        return ids


def faults_of(request: Request, known: KnownTenants, itself: str = "") -> Iterator[Problem]:
    """Yield the faults of a request that can be told without asking Microsoft.

    `itself` is the id of the known tenant that the request is about, which then takes nothing from it.
    """
    shown_name = shown(request.name) or "–"
    if not name_key(request.name):
        yield Problem("onboarding.no_name", {"tenant": shown(request.tenant)})
    elif code := field_fault("tenant_name", request.name):
        most = str(LONGEST_NAME)
        params = {"file": shown_name, "field": "tenant_name", "value": shown_name, "most": most}
        yield Problem(code, params)
    if not request.wanted:
        yield Problem("onboarding.no_tenant", {"name": shown_name, "value": shown(request.tenant)})
    elif request.wanted in known.name_by_id and request.wanted != itself:
        yield known_fault(shown_name, request.wanted, known)
    taken = set(known.ids_by_name.get(name_key(request.name), ())) - {itself}
    if taken and (request.wanted == itself or request.wanted not in known.name_by_id):
        yield Problem("onboarding.name_taken", {"name": shown_name})
    yield from client_id_faults(request, known, itself)
    if len(request.level) > LONGEST_LEVEL or len(request.contact) > LONGEST_CONTACT:
        yield Problem("onboarding.too_long", {"name": shown_name, "most": f"{LONGEST_LEVEL}, {LONGEST_CONTACT}"})
    elif request.level.strip() and find(known.levels, request.level) is None:
        names = ", ".join(level.name for level in known.levels.values())
        yield Problem("onboarding.no_level", {"name": shown_name, "value": shown(request.level), "levels": names})
    yield from contact_faults(shown_name, request.contact)


def known_fault(name: str, tenant_id: str, known: KnownTenants) -> Problem:
    """Return the fault of a request for a tenant that is there already, or that leaves."""
    values = {"name": name, "other": known.name_by_id[tenant_id]}
    if slug := known.leaving.get(tenant_id):
        return Problem("onboarding.known_leaving", {**values, "slug": slug})
    return Problem("onboarding.known", values)


def contact_faults(tenant: str, line: str) -> Iterator[Problem]:
    """Yield what is wrong with the line about the contact of the tenant with this name, if there is one."""
    faults = faults_of_contact(contact_in_line("", line)) if line.strip() else {}
    if "email" in faults:
        yield Problem("onboarding.contact_wrong", {"name": tenant, "value": shown(line)}, faults["email"].detail)
    elif "name" in faults:
        yield Problem("onboarding.contact_name_wrong", {"name": tenant, "value": shown(line)})


def client_id_faults(request: Request, known: KnownTenants, itself: str = "") -> Iterator[Problem]:
    """Yield the faults of the client id, if there is one; `itself` as in `faults_of`."""
    if not request.client_id.strip():
        return
    client_id, name = guid_key(request.client_id), shown(request.name)
    if not client_id:
        yield Problem("onboarding.no_client_id", {"name": name, "value": shown(request.client_id)})
    elif client_id == request.wanted:
        yield Problem("onboarding.client_is_tenant", {"name": name})
    elif (owner := known.app_owners.get(client_id)) and owner != known.name_by_id.get(itself):
        yield Problem("onboarding.client_of_another", {"name": name, "other": owner})


def slug_for(name: str, taken: Collection[str]) -> str:
    """Return a new short name made of `name`: lower-case letters, digits and hyphens, with a number if it is taken."""
    spelled = name.casefold().translate(SPELLED_OUT)
    plain = unicodedata.normalize("NFKD", spelled)
    plain = NO_LETTER.sub("-", "".join(sign for sign in plain if not unicodedata.combining(sign)))
    plain = plain.strip("-")[:LONGEST_NEW_SLUG].strip("-") or "tenant"
    numbered = (f"{plain}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (plain, *numbered) if slug not in taken)
