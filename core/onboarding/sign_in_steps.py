"""The steps consent and test: only a token and a reading prove that a tenant can be read."""

from __future__ import annotations

from typing import Literal

from core.graph import GraphClient, GraphError, PermissionMissing, refused_rows, subscribed_skus, subscriptions
from core.onboarding.job import Job, Outcome
from core.onboarding.steps import WAITS_FOR_MICROSOFT
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.tenant_profile import TenantProfile
from core.refresh.services import Services

Result = tuple[Literal["ok", "warning", "error"], Problem]


def prove_consent(job: Job) -> Outcome:
    """Sign in and read once. What the portal or a link has answered proves nothing."""
    try:
        skus = subscribed_skus(job.client(job.profile()))
    except CertificateError as error:
        return Outcome("failed", job.certificate_problem(error))
    except GraphError as error:
        waits = error.problem.code in WAITS_FOR_MICROSOFT
        return Outcome("waiting" if waits else "failed", error.problem)
    return Outcome("done", Problem("onboarding.consent_proven", job.names | {"count": str(len(skus.licenses))}))


def try_profile(job: Job) -> Outcome:
    """Try the stored profile as a refresh does; each thing that was tried is a line of the log."""
    results = try_tenant(job.services, job.onboarding.slug)
    if not results:
        return Outcome("failed", Problem("onboarding.profile_gone", job.names))
    *others, (level, last) = results
    for _, said in others:
        job.log("test", said)
    if level != "error":
        return Outcome("done", last)
    return Outcome("waiting" if last.code in WAITS_FOR_MICROSOFT else "failed", last)


def try_tenant(services: Services, wanted: str) -> list[Result]:
    """Return what was tried with the profile `wanted` (short name or tenant id); [] if there is none.

    Up to the first error tried are token, permission and reading, renewal dates; a missing date is a warning.
    """
    profile, fault = services.profiles.tenant(wanted, services.now())
    if profile is None:
        return [("error", fault.cause)] if fault else []
    services.tokens.forget(profile)
    client = GraphClient(profile, services.settings.graph_url, services.tokens, services.http)
    results: list[Result] = []
    for attempt in (_sign_in, _read, _read_dates):
        results.append(attempt(services, profile, client))
        if results[-1][0] == "error":
            break
    return results


def _sign_in(services: Services, profile: TenantProfile, _client: GraphClient) -> Result:
    try:
        services.tokens.token(profile)
    except GraphError as error:
        return "error", error.problem
    return "ok", Problem("onboarding.test_token", {"tenant": profile.name})


def _read(_services: Services, profile: TenantProfile, client: GraphClient) -> Result:
    try:
        skus = subscribed_skus(client)
    except GraphError as error:
        return "error", error.problem
    if problem := refused_rows(profile.name, skus.refused):
        return "error", problem
    return "ok", Problem("onboarding.test_read", {"tenant": profile.name, "count": str(len(skus.licenses))})


def _read_dates(_services: Services, profile: TenantProfile, client: GraphClient) -> Result:
    try:
        count = len(subscriptions(client))
    except PermissionMissing:
        return "warning", Problem("check.no_renewals", {"tenant": profile.name})
    except GraphError as error:
        return "warning", error.problem  # the dates are an extra
    return "ok", Problem("onboarding.test_dates", {"tenant": profile.name, "count": str(count)})
