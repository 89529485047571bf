"""Customer tenants: app registration, SKUs and subscriptions."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from threading import RLock
from typing import Any

from . import catalog
from .certificates import AppCertificate, read_app_certificate, rsa_key, write_app_certificate
from .profiles import guid, slug, write_json
from .replies import dumps, stamp

FIRST_DAY = dt.datetime(2024, 8, 1, tzinfo=dt.UTC)
SkuValue = tuple[int, int] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sku:
    """One row of subscribedSkus; frozen, so that it is changed through its tenant, which renders its answer anew."""

    part_number: str
    sku_id: str
    enabled: int = 0
    consumed: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    applies_to: str = "User"
    capability_status: str = ""

    @property
    def status(self) -> str:
        """Return Graph's capabilityStatus: `Enabled` as soon as one unit is enabled, even if others are in grace."""
        if self.capability_status:
            return self.capability_status
        if self.enabled:
            return "Enabled"
        counts = {"Warning": self.warning, "Suspended": self.suspended, "LockedOut": self.locked_out}
        return next((word for word, count in counts.items() if count), "Enabled")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One row of directory/subscriptions; with `total` None the number of licences is that of the SKU."""

    id: str
    part_number: str
    sku_id: str
    next_lifecycle: dt.datetime | None
    total: int | None = None
    status: str = "Enabled"
    is_trial: bool = False
    owner_tenant_id: str | None = None
    created: dt.datetime = FIRST_DAY


class AppRegistration:
    """An app registration with its certificates in one tenant, and its profile file for the product."""

    def __init__(self, folder: Path, name: str, taken: set[str], *, permissions: set[str], lock: RLock) -> None:
        self.lock = lock
        self.name = name
        self.slug = _free_slug(name, taken)
        self.tenant_id, self.client_id = guid("tenant", self.slug), guid("app", self.slug)
        self.permissions = permissions
        self.deleted = self.disabled = False
        self.service_principal = True
        self.writes_profile = True  # False: an operator, or the product, writes it
        self.from_provider = False  # True: the provider's multi-tenant application, to which the tenant has consented
        self.consent_takes = 0  # so many sign-ins meet a consent that has not taken effect yet
        self.refused_with = 0  # AADSTS number with which every sign-in is refused; 0: sign-ins are checked as usual
        self.renewals = 0
        self.object_id = guid("object", self.slug)  # of the application, as against its client id
        self.certificates: dict[str, AppCertificate] = {}
        self.young_keys: dict[str, int] = {}  # SHA-256 -> so many sign-ins meet a key that is not known everywhere yet
        self.cert_path = folder / "certs" / self.slug / f"mycert_{self.slug}.pem"
        self.profile_path = folder / "profiles" / f"config-{self.slug}-profile.json"

    def use_certificate(self, number: int, days: float) -> None:
        """Use the valid certificate of an earlier run, else make one with key `number`; then write the profile."""
        stored = read_app_certificate(self.cert_path)
        self.register(stored or write_app_certificate(self.cert_path, self.name, rsa_key(number), days))

    def renew_certificate(self, days: float = 365) -> None:
        """Make a new key and certificate; as in Entra, the old certificate stays registered until it is revoked."""
        with self.lock:
            self.renewals += 1
            self.register(write_app_certificate(self.cert_path, self.name, rsa_key(-self.renewals), days))

    def register(self, certificate: AppCertificate) -> None:
        with self.lock:
            self.certificates = {**self.certificates, certificate.sha256: certificate}
            if self.writes_profile:
                self.write_profile()

    def revoke_certificates(self) -> None:
        """Remove all certificates from the app registration; sign-ins then get AADSTS700027."""
        with self.lock:
            self.certificates = {}

    def rename(self, name: str) -> None:
        with self.lock:
            self.name = name
            self.write_profile()

    def profile(self) -> dict[str, Any]:
        newest = list(self.certificates.values())[-1]
        return {
            "tenant_id": self.tenant_id,
            "tenant_name": self.name,
            "client_id": self.client_id,
            "thumbprint": newest.sha1,
            "cert_path": f"certs/{self.cert_path.parent.name}/{self.cert_path.name}",
            "expires": newest.not_after.date().isoformat(),
        }

    def write_profile(self) -> None:
        write_json(self.profile_path, self.profile())

    @property
    def certificate_ends(self) -> dt.datetime:
        return list(self.certificates.values())[-1].not_after


class Tenant(AppRegistration):
    """A customer with its SKUs and subscriptions."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.domains: set[str] = set()
        self._skus: dict[str, Sku] = {}
        self._subscriptions: list[Subscription] = []
        self._bodies: dict[Any, bytes] = {}

    @property
    def skus(self) -> dict[str, Sku]:
        with self.lock:
            return dict(self._skus)

    def set_sku(self, part_number: str, /, **values: Any) -> Sku:
        """Create the SKU, or change the given values of it (a new `part_number` or `sku_id` is possible, too)."""
        with self.lock:
            applies = "Company" if part_number in catalog.COMPANY_WIDE else "User"
            fresh = Sku(part_number, catalog.sku_id(part_number), applies_to=applies)
            sku = replace(self._skus.get(part_number, fresh), **values)
            self._skus[part_number] = sku
            self._bodies.clear()
            return sku

    def set_skus(self, skus: Mapping[str, SkuValue]) -> None:
        for part_number, value in skus.items():
            named = value if isinstance(value, Mapping) else {"enabled": value[0], "consumed": value[1]}
            self.set_sku(part_number, **named)

    def remove_sku(self, part_number: str) -> None:
        with self.lock:
            del self._skus[part_number]
            self._subscriptions = [s for s in self._subscriptions if s.part_number != part_number]
            self._bodies.clear()

    @property
    def subscriptions(self) -> list[Subscription]:
        """Return the added subscriptions, and a yearly one for each SKU without any: in Graph each SKU has one."""
        with self.lock:
            named = {subscription.part_number for subscription in self._subscriptions}
            plain = [self._plain_subscription(sku) for sku in self._skus.values() if sku.part_number not in named]
            return [*self._subscriptions, *plain]

    def add_subscription(
        self, part_number: str, next_lifecycle: dt.datetime | None = None, **values: Any
    ) -> Subscription:
        with self.lock:
            number = str(len(self._subscriptions))
            sku = self._skus.get(part_number)
            sku_id = sku.sku_id if sku else catalog.sku_id(part_number)
            added = Subscription(
                guid(self.tenant_id, part_number, number), part_number, sku_id, next_lifecycle, **values
            )
            self._subscriptions.append(added)
            self._bodies.clear()
            return added

    def body(self, key: Any, render: Callable[[], Any]) -> bytes:
        """Return the rendered answer, kept until the tenant changes: benchmarks ask for the same one very often."""
        with self.lock:
            if key not in self._bodies:
                self._bodies[key] = dumps(render())
            return self._bodies[key]

    def _plain_subscription(self, sku: Sku) -> Subscription:
        # A day within the coming year that depends on the SKU alone; free products have no end.
        day = FIRST_DAY + dt.timedelta(days=int(sku.sku_id[:4], 16) % 360)
        terms = (dt.datetime.now(dt.UTC) - day).days // 365 + 1
        ends = None if sku.enabled >= 10000 else day + dt.timedelta(days=365 * terms)
        return Subscription(guid(self.tenant_id, sku.sku_id), sku.part_number, sku.sku_id, ends, status=sku.status)


def subscription_row(tenant: Tenant, subscription: Subscription) -> dict[str, Any]:
    """Return the subscription as Graph's companySubscription."""
    sku = tenant.skus.get(subscription.part_number)
    total = subscription.total
    if total is None:
        total = sku.enabled + sku.warning + sku.suspended if sku else 0
    ends = subscription.next_lifecycle
    return {
        "createdDateTime": stamp(subscription.created),
        "commerceSubscriptionId": guid("commerce", subscription.id),
        "id": subscription.id,
        "isTrial": subscription.is_trial,
        "nextLifecycleDateTime": stamp(ends) if ends else None,
        "ownerId": None,
        "ownerTenantId": subscription.owner_tenant_id,
        "ownerType": None,
        "serviceStatus": catalog.service_plans(subscription.part_number),
        "skuId": subscription.sku_id,
        "skuPartNumber": subscription.part_number,
        "status": subscription.status,
        "totalLicenses": total,
    }


def _free_slug(name: str, taken: set[str]) -> str:
    plain = slug(name)
    numbered = (f"{plain}-{number}" for number in count(2))
    return next(candidate for candidate in chain([plain], numbered) if candidate not in taken)
