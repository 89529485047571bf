"""Cookies: that of the session, and those that the sign-in pages keep for themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from anyio import to_thread
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.access import accounts
from core.access.known_devices import LASTING
from core.access.sessions import Session
from core.cache.database import DatabaseError
from core.roles import Action
from core.views.saved_views import start_of
from web.request_data import SIGNED_OUT, session_cookie, session_token
from web.sign_in.start_address import START_PAGE, start_address
from web.tabs import Tabs

SIGN_IN_PATH = "/login"
DEVICE = "lizenztool_device"  # marks a browser that has signed in before; gives no access


class SessionCookies:
    """Reads, sets and removes the cookie of the session; `engine` is a function, because the database opens later.

    `pages`: address of each page -> action that a role must allow to open it.
    """

    def __init__(self, tabs: Tabs, engine: Callable[[], Engine], pages: Mapping[str, Action]) -> None:
        self._tabs = tabs
        self.engine = engine
        self._pages = pages

    def now(self) -> datetime:
        return self._tabs.now()

    async def session(self, request: Request) -> Session | None:
        """Return the valid session of this browser, or None."""
        token = session_token(request.scope)
        session = await self._tabs.find_session(accounts.session_id(token)) if token else None
        return session if isinstance(session, Session) else None

    async def open(self, request: Request, token: str, target: str, *, known_as: str = "") -> Response:
        """Return the redirect to `target` that sets the new session; end the old session of this browser.

        In place of the start page, the redirect leads to what the account has chosen to see first.
        If `known_as` is given, the browser becomes a known device of that local account.
        """
        await self._end_old(request)
        response = RedirectResponse(await self._first(token) if target == START_PAGE else target, 303)
        self._set(request, response, token)
        if known_as:
            old_value, now = sign_in_cookie(request, DEVICE), self.now()
            value = await to_thread.run_sync(lambda: accounts.remember_device(self.engine(), known_as, old_value, now))
            set_sign_in_cookie(request, response, DEVICE, value, int(LASTING.total_seconds()))
        return response

    async def _first(self, token: str) -> str:
        try:
            session = await self._tabs.find_session(accounts.session_id(token))
            if not isinstance(session, Session):
                return START_PAGE
            start = await to_thread.run_sync(lambda: start_of(self.engine(), session.account))
        except DatabaseError:  # the page that follows says so
            return START_PAGE
        return start_address(start, session.role, self._pages)

    async def close(self, request: Request, target: str) -> Response:
        await self._end_old(request)
        response = RedirectResponse(target, 303)
        self._set(request, response, SIGNED_OUT)
        return response

    async def _end_old(self, request: Request) -> None:
        if token := session_token(request.scope):
            now = self.now()
            await to_thread.run_sync(lambda: accounts.sign_out(self.engine(), token, now))

    def _set(self, request: Request, response: Response, token: str) -> None:
        # Behind a proxy that is not in LIZENZTOOL_PROXY, only the browser's Origin header shows that it uses https.
        secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
        name = session_cookie(request.scope)
        response.set_cookie(name, token, httponly=True, samesite="lax", secure=secure, path="/")


def sign_in_cookie(request: Request, name: str) -> str:
    """Return the value of a cookie of the sign-in pages, "" if the browser does not send it."""
    return request.cookies.get(_cookie_scope(request, name)[0], "")


def set_sign_in_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie for the sign-in pages. SameSite=Lax, because the provider redirects from another site."""
    response.headers["cache-control"] = "no-store"
    name, path = _cookie_scope(request, name)
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", path=path)


def drop_sign_in_cookie(request: Request, response: Response, name: str) -> None:
    name, path = _cookie_scope(request, name)
    response.delete_cookie(name, path=path)


def _cookie_scope(request: Request, name: str) -> tuple[str, str]:
    """Return (name, path) of the cookie. Over https no other host can set it (prefix __Host-, which needs `/`)."""
    return (f"__Host-{name}", "/") if request.url.scheme == "https" else (name, SIGN_IN_PATH)
