"""One rotation at work: the profile, the stored row, and what the steps need of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cache.rotation_rows import Rotation
from core.graph import GraphClient, TokenSource
from core.problems import Problem, ProblemError
from core.profiles.certificate_files import CertificateError
from core.profiles.certificate_uses import CertificateUse, all_uses
from core.profiles.certificates import Certificate, read_certificate
from core.profiles.tenant_profile import TenantProfile
from core.refresh.services import Services
from core.roles import Actor


class RotationRefused(ProblemError):
    """The step cannot be done as things are; nothing has been changed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step to be tried for `rotation`; `use` is the profile that was named, `by_hand`: leave Graph alone."""

    services: Services
    use: CertificateUse
    rotation: Rotation
    actor: Actor
    by_hand: bool = False

    @property
    def names(self) -> dict[str, str]:
        """Return the values that most texts have."""
        return {"tenant": self.use.name, "slug": self.use.slug, "client_id": self.rotation.client_id}

    @property
    def in_use(self) -> str:
        """Return the thumbprint of the certificate that the profile names, "" if it cannot be read."""
        return self.use.certificate.thumbprint if self.use.certificate else ""

    def file(self, path: str) -> Path:
        """Return the place of a file that a profile names so."""
        return self.services.settings.profiles_dir.resolve().parent / path.replace("\\", "/")

    def successor(self) -> Certificate:
        """Return the next certificate. Raises RotationRefused if its file is gone or holds another one."""
        return self._generation(self.rotation.next_path, self.rotation.next_thumbprint, "rotation.next_gone")

    def current(self) -> Certificate:
        """Return the certificate that is to be replaced. Raises RotationRefused."""
        return self._generation(self.rotation.current_path, self.rotation.current_thumbprint, "rotation.no_way_back")

    def _generation(self, path: str, thumbprint: str, code: str) -> Certificate:
        try:
            certificate = read_certificate(self.file(path))
        except CertificateError:
            certificate = None
        if certificate is None or certificate.thumbprint != thumbprint:
            raise RotationRefused(Problem(code, self.names | {"file": path}))
        return certificate

    def sign_in(self, certificate: Certificate) -> GraphClient:
        """Return a client after a new sign-in with `certificate`; tokens of refreshes stay. Raises GraphError."""
        services, settings, use = self.services, self.services.settings, self.use
        tokens = TokenSource(settings.login_url, settings.graph_url, services.http)
        profile = TenantProfile(use.slug, use.tenant_id, use.name, use.client_id, certificate)
        tokens.token(profile)
        return GraphClient(profile, settings.graph_url, tokens, services.http)

    def users(self, thumbprint: str) -> Sequence[CertificateUse]:
        """Return the profiles of the application that name the certificate with this thumbprint."""
        return [use for use in self.all_users() if use.certificate and use.certificate.thumbprint == thumbprint]

    def all_users(self) -> Sequence[CertificateUse]:
        """Return the profiles of the application. Raises RotationRefused if a folder cannot be read."""
        try:
            uses = all_uses(self.services.profiles)
        except OSError as error:
            raise self.disk(self.services.settings.profiles_dir, error) from error
        return [use for use in uses if use.client_id == self.rotation.client_id]

    def is_named(self, path: Path) -> bool:
        """Return True if a profile of whatever application, or a setting, names the file `path`. Raises OSError."""
        place = path.resolve()
        named = [use.certificate.path for use in all_uses(self.services.profiles) if use.certificate]
        if setting := self.services.settings.app_certificate:
            named.append(self.file(setting))
        return any(place == one.resolve() for one in named)

    def disk(self, place: Path, error: OSError) -> RotationRefused:
        """Return the refusal for a file that cannot be written or deleted."""
        values = {"place": str(place), "reason": error.strerror or type(error).__name__}
        return RotationRefused(Problem("rotation.disk", self.names | values))


Values = Mapping[str, Any]  # columns of the rotation to be stored
