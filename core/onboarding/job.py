"""One try of a step: what it works with, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.cache.onboarding_rows import Onboarding, add_line, change
from core.graph import GraphClient
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate
from core.profiles.tenant_profile import TenantProfile
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.roles import Actor

Ended = Literal["done", "skipped", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gives for the next step: the client id, or a PEM or PFX to take over with its password.

    `make_certificate`: a new one is to be made.
    """

    client_id: str = ""
    certificate: Path | None = None
    password: str = field(default="", repr=False)
    make_certificate: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One step to be tried for `onboarding`; `refresher` is None where nothing can be refreshed."""

    services: Services
    refresher: Refresher | None
    onboarding: Onboarding
    actor: Actor
    given: Given = Given()

    @property
    def names(self) -> dict[str, str]:
        """Return the values that most texts have: name and short name of the tenant."""
        return {"tenant": self.onboarding.name, "slug": self.onboarding.slug}

    def log(self, step: str, said: Problem) -> None:
        """Add a line to the log of the onboarding."""
        now = self.services.now()
        add_line(self.services.engine, self.onboarding.onboarding_id, self.actor.shown, step, said, now)

    def note_made(self, *things: str) -> None:
        """Store, before it is done, that this onboarding makes these things; cancelling then removes them."""
        made = [*dict.fromkeys([*self.onboarding.made, *things])]
        change(self.services.engine, self.onboarding.onboarding_id, made=made)

    def certificate(self) -> Certificate:
        """Return the certificate of the onboarding. Raises CertificateError."""
        return self.services.profiles.certificate(self.onboarding.cert_path)

    def certificate_problem(self, error: CertificateError) -> Problem:
        """Return the problem with the certificate file."""
        path = self.onboarding.cert_path
        stem = str(Path(path).with_suffix(""))
        values = {"file": self.onboarding.slug, "field": "cert_path", "value": path, "other": error.other, "stem": stem}
        return Problem(error.code, self.names | values)

    def profile(self) -> TenantProfile:
        """Return the profile as it is to be written. Raises CertificateError."""
        new = self.onboarding
        return TenantProfile(new.slug, new.tenant_id, new.name, new.client_id, self.certificate())

    def client(self, profile: TenantProfile) -> GraphClient:
        """Return a client with a new token: the roles of an earlier one are older than a consent."""
        services = self.services
        services.tokens.forget(profile)
        return GraphClient(profile, services.settings.graph_url, services.tokens, services.http)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended: `said` is the line of the log, `values` are columns of the onboarding to be stored with it.

    `said` is also what the step waits for or failed with.
    """

    state: Ended
    said: Problem
    values: Mapping[str, Any] = field(default_factory=dict)


StepFunction = Callable[[Job], Outcome | None]  # None: a person has to do something first
