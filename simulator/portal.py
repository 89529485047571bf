"""The people in the Entra portal: register an application, upload its certificate, give consent."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509

from .certificates import AppCertificate, registered
from .profiles import guid
from .tenants import AppRegistration, Tenant

if TYPE_CHECKING:
    from .world import World

LICENSES_READ = "LicenseAssignment.Read.All"


@dataclass(slots=True)
class ProviderApp:
    """The multi-tenant application of the provider; `redirects` are its registered addresses."""

    client_id: str
    certificates: dict[str, AppCertificate]
    redirects: set[str]
    permissions: set[str] = field(default_factory=lambda: {LICENSES_READ})


class Portal:
    """What people do in the portal. `consent_takes`: sign-ins that meet a consent before it takes effect.

    The time that a consent takes is counted in sign-ins and not in seconds, so that no test has to wait; so is
    `key_takes`, the time until a new key is accepted. `declines`: the administrator presses "Cancel".
    `other_clouds`: domain -> base domain of the cloud that its tenant is in. `proof_audience`: whom a proof of
    possession for addKey and removeKey must be meant for.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.provider: ProviderApp | None = None
        self.consent_takes = self.key_takes = 0
        self.declines = False
        self.proof_audience = "00000002-0000-0000-c000-000000000000"
        self.other_clouds: dict[str, str] = {}

    def register_app(self, tenant: Tenant) -> str:
        """Register an application in the tenant, without certificate and permission; return its client id."""
        with self._world.lock:
            tenant.client_id = guid("app", tenant.slug)
            tenant.service_principal = True
            return tenant.client_id

    def upload(self, app: AppRegistration, cer: bytes) -> None:
        """Upload the public part of a certificate to the application."""
        self.add_key(app, registered(x509.load_pem_x509_certificate(cer)))

    def add_key(self, app: AppRegistration, certificate: AppCertificate) -> None:
        """Add the certificate to the application; the first `key_takes` sign-ins with it are refused."""
        with self._world.lock:
            app.young_keys[certificate.sha256] = self.key_takes
            app.certificates = {**app.certificates, certificate.sha256: certificate}

    def consent(self, tenant: Tenant, *permissions: str) -> None:
        """Give the tenant's own application these permissions, LICENSES_READ without any."""
        with self._world.lock:
            tenant.permissions = set(permissions) or {LICENSES_READ}
            tenant.consent_takes = self.consent_takes

    def register_provider(self, cer: bytes, *redirects: str) -> str:
        """Register the multi-tenant application of the provider with its certificate; return its client id."""
        certificate = registered(x509.load_pem_x509_certificate(cer))
        self.provider = ProviderApp(guid("app", "provider"), {certificate.sha256: certificate}, set(redirects))
        return self.provider.client_id

    def consent_to_provider(self, app: AppRegistration) -> None:
        """Give the provider's application its permissions in this tenant."""
        assert self.provider
        with self._world.lock:
            app.client_id, app.permissions = self.provider.client_id, set(self.provider.permissions)
            app.certificates = dict(self.provider.certificates)
            app.service_principal = app.from_provider = True
            app.consent_takes = self.consent_takes
