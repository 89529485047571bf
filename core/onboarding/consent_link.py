"""The link with which an administrator consents to the provider's application, and what its answer is worth.

The answer of Microsoft comes through a browser, which can change it; it proves nothing but that somebody was there
(https://learn.microsoft.com/entra/identity-platform/v2-admin-consent). It counts as news only with the state that was
made for this onboarding and with the cookie of the browser that asked for it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import Engine

from core.cache.onboarding_rows import Onboarding, add_line, change, find_onboarding
from core.problems import Problem
from core.refresh.services import Services
from core.roles import Action, Actor
from core.settings import Settings

LASTING = timedelta(hours=1)


def consent_link(settings: Settings, onboarding: Onboarding, redirect: str = "", state: str = "") -> str:
    """Return the address of the admin consent in the tenant; without `redirect` that of the application counts."""
    query = {"client_id": onboarding.client_id, "scope": f"{settings.graph_url}/.default"}
    query |= {"redirect_uri": redirect} if redirect else {}
    query |= {"state": state} if state else {}
    return f"{settings.login_url}/{onboarding.tenant_id}/v2.0/adminconsent?{urlencode(query)}"


def begin_consent(services: Services, onboarding_id: str, redirect: str, actor: Actor) -> tuple[str, str] | None:
    """Return (link, value of the browser's cookie); None if the next step of the onboarding is not the consent.

    Raises NotAllowed, DatabaseError.
    """
    actor.need(Action.ONBOARDING)
    onboarding = find_onboarding(services.engine, onboarding_id)
    if onboarding is None or not onboarding.is_open or onboarding.app != "shared":
        return None
    nonce, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    until = services.now() + LASTING
    change(services.engine, onboarding.onboarding_id, consent_hash=_hash(nonce, cookie), consent_until=until)
    return consent_link(services.settings, onboarding, redirect, f"{onboarding.onboarding_id}.{nonce}"), cookie


def take_answer(engine: Engine, answer: Mapping[str, str], cookie: str, services: Services) -> Onboarding | None:
    """Return the onboarding that the answer belongs to, None if it has no state of ours or comes from another browser.

    It is used up, and written into the log; whether there is a consent the next try of the step shows.
    """
    onboarding_id, _, nonce = answer.get("state", "").partition(".")
    onboarding = find_onboarding(engine, onboarding_id) if nonce and cookie else None
    if onboarding is None or not onboarding.is_open or onboarding.onboarding_id != onboarding_id:
        return None
    expected, now = onboarding.consent_hash, services.now()
    if not expected or not hmac.compare_digest(expected, _hash(nonce, cookie)):
        return None
    if onboarding.consent_until is None or now > onboarding.consent_until:
        return None
    change(engine, onboarding_id, consent_hash="", consent_until=None, acted_at=now)
    code = "onboarding.consent_declined" if answer.get("error") else "onboarding.consent_answered"
    detail = answer.get("error_description", "")[:300] if answer.get("error") else ""
    said = Problem(code, {"tenant": onboarding.name}, " ".join(detail.split()))
    add_line(engine, onboarding_id, onboarding.created_by, "consent", said, now)
    return onboarding


def _hash(nonce: str, cookie: str) -> str:
    return hashlib.sha256(f"{nonce}.{cookie}".encode()).hexdigest()
