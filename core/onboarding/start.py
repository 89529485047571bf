"""Start an onboarding: find the tenant, refuse what cannot work, store the row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from core.audit import Entry
from core.cache.onboarding_rows import Onboarding, add_line, add_onboarding, all_onboardings, new_onboarding_id
from core.graph import GraphError
from core.graph.tenant_lookup import TenantLookup
from core.name_key import guid_key, plain
from core.onboarding.known import known_tenants
from core.onboarding.request import KnownTenants, Request, faults_of, slug_for
from core.problems import Problem, ProblemError
from core.refresh.services import Services
from core.roles import Action, Actor
from core.settings import Settings


class OnboardingRefused(ProblemError):
    """The request has faults; `faults` are all of them, `problem` is the first."""

    def __init__(self, faults: list[Problem]) -> None:
        super().__init__(faults[0])
        self.faults = faults


def uses_shared_app(client_id: str, settings: Settings) -> bool:
    """Return True if a request with this client id, or without any, is about the provider's application."""
    return bool(settings.app_client_id) and guid_key(client_id) in ("", settings.app_client_id)


def start(services: Services, request: Request, actor: Actor) -> Onboarding:
    """Return the new onboarding of a tenant, or the open one if there is one.

    Raises NotAllowed; OnboardingRefused with the faults of the request; DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    known = known_tenants(services)
    tenant_id, faults = _found(services, request, known)
    opened = next((one for one in all_onboardings(services.engine) if one.tenant_id == tenant_id), None)
    if opened is not None and tenant_id:
        return opened
    if faults:
        raise OnboardingRefused(faults)
    return start_checked(services, replace(request, tenant=tenant_id), known.slugs, actor)


def start_checked(services: Services, request: Request, taken: Collection[str], actor: Actor) -> Onboarding:
    """Return the new onboarding of a request without faults, which names its tenant by id.

    `taken` are the short names in use. Raises NotAllowed; OnboardingRefused if somebody was faster; DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    new = _new(services, request, request.wanted, slug_for(request.name, taken), actor)
    after = {"tenant_id": new.tenant_id, "slug": new.slug, "app": new.app}
    if not add_onboarding(services.engine, new, Entry(actor, "tenant.onboarding_started", new.name, None, after)):
        raise OnboardingRefused([Problem("onboarding.known", {"name": new.name, "other": new.name})])
    said = Problem("onboarding.started", {"tenant": new.name, "tenant_id": new.tenant_id, "slug": new.slug})
    add_line(services.engine, new.onboarding_id, actor.shown, "", said, new.created_at)
    return new


def _found(services: Services, request: Request, known: KnownTenants) -> tuple[str, list[Problem]]:
    """Return the tenant id, "" if it is unknown, and all faults of the request."""
    tenant_id, unknown = "", []
    if request.wanted:
        try:
            tenant_id = lookup_of(services).tenant_id(request.wanted)
        except GraphError as error:
            unknown = [error.problem]
    faults = [*faults_of(replace(request, tenant=tenant_id) if tenant_id else request, known), *unknown]
    if request.shared and not services.settings.app_client_id:
        faults.append(Problem("onboarding.no_shared_app", {"name": request.name}))
    return tenant_id, faults


def lookup_of(services: Services) -> TenantLookup:
    """Return what finds tenants by id or domain."""
    return TenantLookup(services.settings.login_url, services.settings.graph_url, services.http)


def _new(services: Services, request: Request, tenant_id: str, slug: str, actor: Actor) -> Onboarding:
    settings, now = services.settings, services.now()
    return Onboarding(
        onboarding_id=new_onboarding_id(),
        tenant_id=tenant_id,
        name=plain(request.name),
        slug=slug,
        app="shared" if request.shared else "own",
        client_id=settings.app_client_id if request.shared else guid_key(request.client_id),
        cert_path=settings.app_certificate if request.shared else "",
        made=[],
        level=request.level.strip(),
        contact=request.contact.strip(),
        state="open",
        created_by=actor.shown,
        created_at=now,
        acted_at=now,
    )
