"""/login/microsoft: sign-in with Microsoft Entra ID, and the page that says why a sign-in was refused.

State, nonce and PKCE verifier of a sign-in are kept for ten minutes and one use, bound to the browser by a cookie.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.access import accounts
from core.access.microsoft_claims import MicrosoftRefusal, account_of_claims
from core.problems import Problem
from core.profiles.auth_profiles import CALLBACK, AuthProfile, AuthProfiles, AuthStore
from core.settings import Settings
from web.plain_pages import PlainPages, client_of, link_with_target
from web.request_data import is_foreign
from web.sign_in.begun_sign_ins import BegunSignIns
from web.sign_in.cookies import SessionCookies, drop_sign_in_cookie, set_sign_in_cookie, sign_in_cookie
from web.sign_in.open_id_client import OpenIdClient, ProviderError
from web.url_checks import local_path

log = logging.getLogger(__name__)
T = TypeVar("T")

START = "/login/microsoft"
COOKIE = "lizenztool_microsoft"
TIME_TO_SIGN_IN = timedelta(minutes=10)
THREADS, LONGEST_QUEUE = 4, 20
PROMPTS = ("login", "select_account")
# Reason of a refusal -> `prompt` of the next try, for which Microsoft asks: another account, the password, or nothing.
RETRY = {
    "tenant": "select_account",
    "role": "select_account",
    "disabled": "select_account",
    "old": "login",
    "token": "",
    "expired": "",
    "cancelled": "",
    "provider": "",
    "away": "",
}


@dataclass(frozen=True, slots=True)
class _Flow:
    """A sign-in that has begun: the browser is at Microsoft."""

    registration: str  # the fingerprint of the profile
    target: str
    parts: dict[str, Any] = field(repr=False)


def _fingerprint(profile: AuthProfile) -> str:
    """Return what tells this profile from any other, also from itself with another secret."""
    certificate = profile.certificate.thumbprint if profile.certificate else ""
    registration = [profile.slug, profile.tenant_id, profile.client_id, profile.secret, certificate]
    rest = [profile.authority, profile.redirect_url, sorted(profile.roles.items()), profile.max_age.total_seconds()]
    return hashlib.sha256(json.dumps([registration, rest]).encode()).hexdigest()


class MicrosoftSignIn:
    """The routes of the sign-in with Microsoft; `settings` is a function, because the demo replaces them later."""

    def __init__(self, pages: PlainPages, cookies: SessionCookies, settings: Callable[[], Settings]) -> None:
        self._pages = pages
        self._cookies = cookies
        self._settings = settings
        self._flows: BegunSignIns[_Flow] = BegunSignIns(
            TIME_TO_SIGN_IN,
            cookies.engine,
            lambda: settings().shares_work,
            lambda flow: json.dumps(asdict(flow)),
            lambda text: _Flow(**json.loads(text)),
        )
        self._threads = CapacityLimiter(THREADS)
        # Own thread: the page with the local sign-in must not wait for threads that wait for Microsoft.
        self._disk = CapacityLimiter(1)
        self._parts: tuple[AuthStore, OpenIdClient] | None = None
        self._logged_faults: list[Problem] = []

    def routes(self) -> list[BaseRoute]:
        return [
            Route(START, self.start),
            Route(CALLBACK, self.callback),
            Route("/login/refused", self.refused),
        ]

    async def profiles(self) -> AuthProfiles:
        """Return the sign-in profiles as they are on disk now; log their faults if these have changed."""
        profiles = await to_thread.run_sync(self._store_and_provider()[0].load, limiter=self._disk)
        faults = [problem for fault in profiles.faults for problem in fault.problems]
        if faults != self._logged_faults:
            self._logged_faults = faults
            for fault in faults:
                log.warning("Sign-in profile: %s", fault)
        return profiles

    async def start(self, request: Request) -> Response:
        """Redirect to Microsoft; the parameter `prompt` makes it ask for another account, or the password again."""
        target = local_path(request.query_params.get("next"))
        profile = (await self.profiles()).profile
        # A person who is signed in at Microsoft comes back without a click, so a foreign page must not start a sign-in.
        if profile is None or is_foreign(request.headers):
            return RedirectResponse(link_with_target("/login", target), 303)
        parameter = request.query_params.get("prompt", "")
        prompt = parameter if parameter in PROMPTS else ""
        own = profile.redirect_url or f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"
        provider = self._store_and_provider()[1]
        try:
            parts = await self._in_thread(lambda: provider.start(profile, own, prompt))
        except ProviderError as error:
            return self._turn_away(request, error.why, target)
        key = await self._flows.add(_Flow(_fingerprint(profile), target, parts), self._cookies.now())
        response = RedirectResponse(parts["auth_uri"], 303)
        set_sign_in_cookie(request, response, COOKIE, key, int(TIME_TO_SIGN_IN.total_seconds()))
        return response

    async def callback(self, request: Request) -> Response:
        """Finish the sign-in when the browser comes back from Microsoft; in any case the flow is used up."""
        now = self._cookies.now()
        flow = await self._flows.pop(sign_in_cookie(request, COOKIE), now)
        profile = (await self.profiles()).profile
        if flow is None or profile is None or flow.registration != _fingerprint(profile):
            return self._turn_away(request, "expired", flow.target if flow else "/")
        provider = self._store_and_provider()[1]
        try:
            claims, issuer = await self._in_thread(lambda: provider.finish(profile, flow.parts, request.query_params))
        except ProviderError as error:
            return self._turn_away(request, error.why, flow.target)
        identity, most = account_of_claims(claims, profile, issuer, now), self._settings().sessions_per_account
        result = await to_thread.run_sync(
            lambda: accounts.sign_in_with_microsoft(
                self._cookies.engine(), identity, now=now, most_sessions=most, **client_of(request)
            )
        )
        if isinstance(result, MicrosoftRefusal):
            return self._turn_away(request, result.reason, flow.target)
        response = await self._cookies.open(request, result, flow.target)
        drop_sign_in_cookie(request, response, COOKIE)
        return response

    async def refused(self, request: Request) -> Response:
        """Show why a sign-in was refused and what to do; a reload of this page does not call Microsoft."""
        why = request.query_params.get("why", "")
        why = why if why in RETRY else "token"
        target = local_path(request.query_params.get("next"))
        return self._pages.page(
            request,
            "refused.html",
            status=503 if why == "away" else 403,
            keep={"why": why},
            target=target,
            why=why,
            retry=link_with_target(START, target, prompt=RETRY[why]),
            other=RETRY[why] == "select_account",
            back=link_with_target("/login", target),
        )

    def _turn_away(self, request: Request, why: str, target: str) -> Response:
        response = RedirectResponse(link_with_target("/login/refused", target, why=why), 303)
        drop_sign_in_cookie(request, response, COOKIE)
        return response

    def _store_and_provider(self) -> tuple[AuthStore, OpenIdClient]:
        if self._parts is None:
            settings = self._settings()
            provider = OpenIdClient(settings.login_url, settings.ca_bundle, settings.proxies)
            self._parts = (AuthStore(settings.profiles_dir), provider)
        return self._parts

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads.statistics().tasks_waiting >= LONGEST_QUEUE:
            raise ProviderError("away")
        return await to_thread.run_sync(work, limiter=self._threads)
