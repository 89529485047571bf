"""The state of the simulated cloud: tenants, sites, tokens, and settings that change how the services answer."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from .catalog import SKU_IDS
from .certificates import rsa_key, write_app_certificate
from .portal import Portal
from .site import PARAMETERS, SharePoint
from .tenants import AppRegistration, SkuValue, Tenant
from .throttle import Meter

ORGANIZATION_READ = "Organization.Read.All"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `roles` are those at the time of issue: a consent given or withdrawn later needs a new token."""

    tenant_id: str
    app_id: str
    roles: frozenset[str]
    expires: float


class World:
    """Holds the state. `folder` keeps profiles and certificates; `lock` protects everything in here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = RLock()
        self.login_url = self.graph_url = ""
        self.apps: dict[str, AppRegistration] = {}
        self.portal = Portal(self)
        self.sites: list[SharePoint] = []
        self.tokens: dict[str, Token] = {}
        self.assertions: dict[str, str] = {}
        self.token_lifetime: float = 3600
        self.without_locked_out = False
        self.float_numbers = False
        self.page_size: int | None = None
        self.meter = Meter()
        self._slugs: set[str] = set()
        self._listed: list[tuple[Tenant, bool, bool]] = []

    @property
    def profiles_dir(self) -> Path:
        return self.folder / "profiles"

    @property
    def tenants(self) -> list[Tenant]:
        with self.lock:
            return [app for app in self.apps.values() if isinstance(app, Tenant)]

    @property
    def throttle(self) -> int | None:
        """Return the resource units that SharePoint allows per minute and app; None: no throttling."""
        return self.meter.budget

    @throttle.setter
    def throttle(self, budget: int | None) -> None:
        with self.lock:
            self.meter = Meter(budget, self.meter.window)

    def add_tenant(
        self,
        name: str,
        skus: Mapping[str, SkuValue] | None = None,
        *,
        listed: bool = True,
        enabled: bool = True,
        monitoring: bool = True,
        permissions: set[str] | None = None,
        certificate_days: float = 365,
    ) -> Tenant:
        """Add a customer: app registration, certificate, profile file and, if `listed`, a row in the tenant list."""
        with self.lock:
            tenant = self._new_tenant(name, {ORGANIZATION_READ} if permissions is None else permissions)
            tenant.set_skus(skus or {})
            tenant.use_certificate(len(self.apps), certificate_days)
            if listed:
                self._list_tenant(tenant, enabled, monitoring)
            return tenant

    def add_customer(self, name: str, skus: Mapping[str, SkuValue] | None = None, *, domain: str = "") -> Tenant:
        """Add a customer whom the product does not know yet: no app registration, profile or row in a list."""
        with self.lock:
            tenant = self._new_tenant(name, set())
            tenant.writes_profile = tenant.service_principal = False
            tenant.domains = {domain} if domain else set()
            tenant.client_id = ""
            tenant.set_skus(skus or {})
            return tenant

    def add_many(self, count: int, skus_per_tenant: int = 8) -> list[Tenant]:
        """Add `count` tenants that share one key and certificate: making a key for each would take minutes."""
        path = self.folder / "certs" / "shared" / "mycert_shared.pem"
        with self.lock:
            shared = write_app_certificate(path, "Shared", rsa_key(0), 365)
            tenants = [self._new_tenant(f"Tenant {n:05}", {ORGANIZATION_READ}) for n in range(1, count + 1)]
            for tenant in tenants:
                tenant.cert_path = path
                tenant.set_skus(_plain_skus(tenant.tenant_id, skus_per_tenant))
                tenant.register(shared)
                self._list_tenant(tenant, True, True)
            return tenants

    def add_sharepoint(
        self,
        name: str = "support",
        parameters: Mapping[str, str] | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        empty: bool = False,
    ) -> SharePoint:
        """Add the provider's site; its tenant list gets the tenants that were added before.

        An `empty` site has no lists and no profile yet: the product makes both.
        """
        with self.lock:
            site = SharePoint(self.folder, name, self._slugs, lock=self.lock, columns=columns, empty=empty)
            self._register(site)
            self.sites.append(site)
            site.use_certificate(len(self.apps), 365)
            if empty:
                return site
            for parameter, value in (PARAMETERS if parameters is None else parameters).items():
                site.parameters.add({"Parameter": parameter, "Parameterwert": value})
            for tenant, enabled, monitoring in self._listed:
                site.list_tenant(tenant, enabled=enabled, monitoring=monitoring)
            return site

    def remove_tenant(self, tenant: Tenant) -> None:
        """Delete the tenant and its profile file; its rows in SharePoint stay."""
        with self.lock:
            tenant.deleted = True
            tenant.profile_path.unlink(missing_ok=True)
            self._listed = [entry for entry in self._listed if entry[0] is not tenant]

    def token(self, authorization: str) -> Token | None:
        """Return the token of this Authorization header, or None if it is unknown or has expired."""
        token = self.tokens.get(authorization.removeprefix("Bearer "))
        if token is None or token.expires < time.time():
            return None
        app = self.apps.get(token.tenant_id)
        return None if app is None or app.deleted else token

    def expire_tokens(self) -> None:
        """Make all tokens issued so far invalid."""
        with self.lock:
            self.tokens.clear()

    def forget_token(self, authorization: str) -> None:
        with self.lock:
            self.tokens.pop(authorization.removeprefix("Bearer "), None)

    def find_tenant(self, wanted: str) -> Tenant:
        """Return the tenant with this tenant id, name or slug."""
        with self.lock:
            return next(t for t in self.tenants if wanted in (t.tenant_id, t.name, t.slug))

    def app_of(self, tenant: str) -> AppRegistration | None:
        """Return the registration in the tenant with this id or domain, None if there is no such tenant."""
        wanted = tenant.lower()
        app = self.apps.get(wanted) or next((t for t in self.tenants if wanted in t.domains), None)
        return None if app is None or app.deleted else app

    def _new_tenant(self, name: str, permissions: set[str]) -> Tenant:
        tenant = Tenant(self.folder, name, self._slugs, permissions=permissions, lock=self.lock)
        self._register(tenant)
        return tenant

    def _register(self, app: AppRegistration) -> None:
        self._slugs.add(app.slug)
        self.apps[app.tenant_id] = app

    def _list_tenant(self, tenant: Tenant, enabled: bool, monitoring: bool) -> None:
        self._listed.append((tenant, enabled, monitoring))
        for site in (site for site in self.sites if site.has_lists):
            site.list_tenant(tenant, enabled=enabled, monitoring=monitoring)


def _plain_skus(seed: str, count: int) -> dict[str, SkuValue]:
    """Return realistic numbers without a shortage, the same ones in every run."""
    draw = random.Random(seed)
    parts = sorted(SKU_IDS)[:count] + [f"PRODUCT_{n:03}" for n in range(len(SKU_IDS), count)]
    enabled = [draw.randint(5, 400) for _ in parts]
    return {part: (units, draw.randint(0, units - 1)) for part, units in zip(parts, enabled, strict=True)}
