"""When a step that waits for Microsoft is tried again, and what a try makes of a step. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.cache.onboarding_rows import FIRST_READ, Onboarding, StepRow
from core.clock import elapsed

# Refusals that are normal until a person has uploaded the certificate or consented, and for a while afterwards:
# Microsoft's servers learn of both within half a minute to two minutes (AADSTS codes: core/graph/sign_in_codes.py).
WAITS_FOR_MICROSOFT = frozenset({
    "signin.app_unknown", "signin.app_being_created", "signin.consent_missing", "signin.role_missing",
    "signin.certificate_unknown", "graph.forbidden", "graph.token_refused",
})  # fmt: skip
# What a person does in the portal for the registration, in this order; the words are onboarding.click.<name>.
CLICKS = ("new", "upload", "permission", "consent", "id")
PORTAL = "https://entra.microsoft.com"
RETRY_EVERY = timedelta(seconds=10)
RETRY_FOR = timedelta(minutes=3)  # after what a person has done last; then only on request


def retries_itself(onboarding: Onboarding, now: datetime) -> bool:
    """Return True if the next step waits for Microsoft and may pass within minutes without anybody's doing."""
    step = onboarding.next_step
    if step is None or onboarding.step(step).state != "waiting":
        return False
    if step == FIRST_READ:
        return True
    return elapsed(onboarding.acted_at, now) <= RETRY_FOR


def tried(row: StepRow, state: str, at: datetime) -> StepRow:
    """Return the step after another try that ended in `state`."""
    return StepRow(row.step, state, row.tries + 1, at)
