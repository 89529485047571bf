"""/onboarding/consent: the way to Microsoft's admin consent and back.

The way back is public, for it may be an administrator of the customer who comes back. It changes nothing unless it
comes with the state of an onboarding and with the cookie of the browser that was sent; even then it is only news.
"""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core import texts
from core.access.sessions import Session
from core.cache.onboarding_rows import Onboarding
from core.onboarding.consent_link import LASTING, begin_consent, take_answer
from core.roles import Action, Actor, refused
from core.runtime import Runtime
from web.paths import CONSENT_ANSWER, CONSENT_START
from web.plain_pages import PlainPages
from web.request_data import client_host, is_foreign, is_secure, language_of

COOKIE = "lizenztool_consent"
LONGEST_ID = 64


class ConsentPages:
    """The two routes; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(self, pages: PlainPages, runtime: Callable[[], Runtime], language: str) -> None:
        self._pages, self._runtime, self._language = pages, runtime, language

    def routes(self) -> list[BaseRoute]:
        return [Route(CONSENT_START, self.start), Route(CONSENT_ANSWER, self.answer)]

    async def start(self, request: Request) -> Response:
        """Redirect the administrator to Microsoft; the cookie binds the answer to this browser."""
        session: Session = request.scope["app_session"]  # the gate lets nobody in without one
        actor = Actor(session.account, session.role, "page", session.shown, client_host(request.scope), session.id)
        if is_foreign(request.headers):  # a link of a page that is not ours
            return self._closed(request, 403)
        if not actor.may(Action.ONBOARDING):
            refused(actor, CONSENT_START, "role needed")
            return self._closed(request, 403)
        services = self._runtime().services
        wanted = request.query_params.get("onboarding", "")[:LONGEST_ID]
        redirect = f"{request.url.scheme}://{request.url.netloc}{CONSENT_ANSWER}"
        if services is None:
            return self._closed(request, 404)
        begun = await to_thread.run_sync(lambda: begin_consent(services, wanted, redirect, actor))
        if begun is None:
            return self._closed(request, 404)
        link, cookie = begun
        response = RedirectResponse(link, 303, {"cache-control": "no-store"})
        name, path = _cookie_of(request)
        response.set_cookie(name, cookie, max_age=int(LASTING.total_seconds()), httponly=True, samesite="lax",
                            secure=is_secure(request.scope), path=path)  # fmt: skip
        return response

    async def answer(self, request: Request) -> Response:
        """Thank whoever comes back from Microsoft; write it down if it is the browser that was sent."""
        services, name = self._runtime().services, _cookie_of(request)[0]
        said, cookie = dict(request.query_params), request.cookies.get(name, "")
        onboarding: Onboarding | None = None
        if services is not None and cookie and said.get("state"):
            onboarding = await to_thread.run_sync(lambda: take_answer(services.engine, said, cookie, services))
        back = f"/tenant-aufnehmen?aufnahme={onboarding.onboarding_id}" if onboarding else ""
        return self._pages.page(request, "consent.html", declined=bool(said.get("error")), back=back)

    def _closed(self, request: Request, status: int) -> Response:
        return PlainTextResponse(texts.text("plain.closed", language_of(request.scope, self._language)), status)


def _cookie_of(request: Request) -> tuple[str, str]:
    """Return (name, path) of the cookie; over https no other host can set it."""
    return (f"__Host-{COOKIE}", "/") if is_secure(request.scope) else (COOKIE, CONSENT_ANSWER)
