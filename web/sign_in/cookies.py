"""The session's cookie: who has it, giving it and taking it away; and short ones for a sign-in under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from anyio import to_thread
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.access import accounts
from core.access.known_devices import LASTING
from core.access.sessions import Session
from web.gate import SIGNED_OUT, session_cookie, session_token
from web.tabs import Tabs

SIGN_IN_PATH = "/login"
DEVICE = "lizenztool_device"  # says that this browser has signed in before; opens nothing


class SessionCookies:
    """`engine` is asked for late because it opens after the routes are made."""

    def __init__(self, tabs: Tabs, engine: Callable[[], Engine]) -> None:
        self._tabs = tabs
        self.engine = engine

    def now(self) -> datetime:
        return self._tabs.now()

    async def session(self, request: Request) -> Session | None:
        """The valid session of this browser."""
        token = session_token(request.scope)
        found = await self._tabs.find_session(accounts.session_id(token)) if token else None
        return found if isinstance(found, Session) else None

    async def open(self, request: Request, token: str, target: str, *, known_as: str = "") -> Response:
        """To `target` with the new session; the old one of this browser, if any, is over.

        From now on the browser is known to the local account `known_as`.
        """
        await self._end_old(request)
        response = RedirectResponse(target, 303)
        self._set(request, response, token)
        if known_as:
            held, now = sign_in_cookie(request, DEVICE), self.now()
            value = await to_thread.run_sync(lambda: accounts.remember_device(self.engine(), known_as, held, now))
            set_sign_in_cookie(request, response, DEVICE, value, int(LASTING.total_seconds()))
        return response

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
        # Behind a proxy that nobody named as trusted only the browser's Origin says that it speaks https.
        secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
        name = session_cookie(request.scope)
        response.set_cookie(name, token, httponly=True, samesite="lax", secure=secure, path="/")


def sign_in_cookie(request: Request, name: str) -> str:
    """What the browser holds for a sign-in under way, "" for nothing."""
    return request.cookies.get(_cookie_scope(request, name)[0], "")


def set_sign_in_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie for the sign-in pages alone. Lax, for the provider sends the browser back from another site."""
    response.headers["cache-control"] = "no-store"
    name, path = _cookie_scope(request, name)
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", path=path)


def drop_sign_in_cookie(request: Request, response: Response, name: str) -> None:
    name, path = _cookie_scope(request, name)
    response.delete_cookie(name, path=path)


def _cookie_scope(request: Request, name: str) -> tuple[str, str]:
    """(name, path): over https no other site can have set the cookie, which goes with the path / only."""
    return (f"__Host-{name}", "/") if request.url.scheme == "https" else (name, SIGN_IN_PATH)
