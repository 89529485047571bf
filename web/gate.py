"""The gate: ASGI middleware in front of everything. Without a valid session only the sign-in gets through.

A check in the Streamlit script is not enough: callbacks and fragments run without it, and the websocket takes
messages that no script sees. So each request, each handshake and each frame is checked here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypedDict
from urllib.parse import quote

from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core import texts
from core.access.sessions import EndedSession, Session, session_id
from core.cache.database import DatabaseError
from core.logs.setup import account_in_log
from core.roles import PASSWORD_DUE, Action, Actor, may_open, refused
from web import streamlit_internals as streamlit
from web.api.errors import ApiError, error_answer
from web.headers import HEADER_CHOICE, HeaderChoice, IndexPage, bearer_token
from web.limits.connection import connection_of
from web.limits.connections import Connections, address_of
from web.limits.request_limits import too_large
from web.paths import BUSY, BY_TOKEN, NO_PAGES, SERVED, is_api, is_page, is_public, is_under
from web.request_data import SIGNED_OUT, audit_unknown_caller, client_host, language_of, session_token
from web.tab import Tab, redirect_and_close, sign_in_url
from web.tabs import Tabs
from web.url_checks import LONGEST_TARGET, Hosts, same_origin

log = logging.getLogger(__name__)


class RedirectLimit(TypedDict):
    most: int
    seconds: float


# So many websockets are told where to go: those of a school that wakes up, and of a person who opens tab after tab. The
# others are refused, and their browsers ask again.
REDIRECTS_OF_ADDRESS = RedirectLimit(most=64, seconds=1.0)
REDIRECTS_OF_SESSION = RedirectLimit(most=4, seconds=60.0)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_HEADERS = "x-app-"


class Gate:
    """Middleware of the app; `tabs` knows the sessions, `hosts` the names we answer to.

    `pages`: address of each page -> what one must be allowed to do there; `no_page` answers 404 for any other
    address and 403 for a page that is not for the caller's role.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tabs: Tabs,
        hosts: Hosts,
        index: IndexPage,
        pages: Mapping[str, Action],
        no_page: Callable[[Scope, int], Response],
        connections: Connections,
        language: str = "de",
    ) -> None:
        self._app = app
        self._tabs = tabs
        self._connections = connections
        self._turned_away: Counter[str] = Counter()
        self._hosts = hosts
        self._index = index
        self._pages = pages
        self._no_page = no_page
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        serve = self._http if scope["type"] == "http" else self._websocket
        await serve(dict(scope), receive, send)

    # ---------------------------------------------------------------- http

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        headers: HeaderChoice = scope[HEADER_CHOICE]
        headers.policy, headers.private = self._index.policy, not is_public(path) and not is_under(path, ("/static",))
        refusal = self._refuse(scope)
        if refusal is None and not is_public(path):
            try:
                found = await self._session(scope, active=not is_under(path, ("/_stcore", "/static")))
            except DatabaseError as error:
                log.error("A session cannot be checked: %s", error)  # noqa: TRY400 - its text says it all
                refusal = self._refusal(scope, "plain.database", 503)
            else:
                if isinstance(found, Session):
                    connection_of(scope).assign_session(found.id)
                refusal = self._decide(scope, found) if not is_api(path) else _beside_the_api(scope)
                scope = _with_identity(scope, found)
        else:
            scope = _with_identity(scope, None)
        await (refusal or self._app)(scope, receive, send)

    def _refuse(self, scope: Scope) -> Response | None:
        """A head that is too large, a wrong host name, or a form or call from a foreign page."""
        if status := too_large(scope):
            return self._refusal(scope, "plain.too_large", status)
        headers = Headers(scope=scope)
        if not self._hosts.allows(headers.get("host")):
            audit_unknown_caller(scope, headers.get("host", ""), "host")
            return self._refusal(scope, "plain.host", 421)
        foreign = not same_origin(headers.get("origin"), headers.get("host"))
        cross_site = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if scope["method"] not in SAFE_METHODS and (foreign or cross_site):
            audit_unknown_caller(scope, headers.get("origin", ""), "foreign page")
            return self._refusal(scope, "plain.foreign", 403)
        return None

    def _refusal(self, scope: Scope, key: str, status: int) -> Response:
        """The sentence `key`, in the form that whoever asks can read."""
        if not is_api(scope["path"]):
            return PlainTextResponse(self._text(scope, key), status)
        code = "DATABASE_UNAVAILABLE" if key == "plain.database" else ""
        return error_answer(ApiError(status, texts.text(key, "en"), code=code), scope["request_id"])

    def _decide(self, scope: Scope, found: Session | EndedSession | None) -> Response | None:
        """The answer that the gate gives itself; None lets the request through."""
        path: str = scope["path"]
        if not isinstance(found, Session):
            by_token = path in BY_TOKEN and bearer_token(scope)
            # A ping holds nothing; without it the browser never gets as far as to be redirected.
            if by_token or (path in streamlit.PING_PATHS and isinstance(found, EndedSession)):
                return None
            # Streamlit's frontend looks below each page for a server, too; a sign-in page would pass for one.
            if scope["method"] in ("GET", "HEAD") and not is_under(path, NO_PAGES) and "/_stcore/" not in path:
                return RedirectResponse(_sign_in_for(scope, found), 303)
            return PlainTextResponse(self._text(scope, "plain.sign_in"), 401)
        not_sent = is_under(path, (streamlit.MEDIA_PATH,)) and not self._tabs.media.allows(found.id, path)
        if path in streamlit.PING_PATHS or path in BY_TOKEN or (is_under(path, SERVED) and not not_sent):
            return None
        if scope["method"] in ("GET", "HEAD") and is_page(path):
            return self._page(scope, found)
        return PlainTextResponse(self._text(scope, "plain.closed"), 404)

    def _page(self, scope: Scope, session: Session) -> Response:
        """The shell in which Streamlit's frontend opens the page; without the page it would open the start."""
        action = self._pages.get(scope["path"][1:])
        if action is None:
            return self._no_page(scope, 404)
        if session.role == PASSWORD_DUE:  # the start is all that this session has: the form for a new password
            if scope["path"] != "/":
                return RedirectResponse("/", 303)
            action = Action.OWN_ACCOUNT
        if not may_open(session.role, action):
            actor = Actor(session.account, session.role, "page", session.shown, client_host(scope), session.id)
            refused(actor, scope["path"], "role needed")
            return self._no_page(scope, 403)
        asked = QueryParams(scope["query_string"]).get("lang", "")
        language = asked if asked in texts.languages() else language_of(scope, self._language)
        return Response(self._index.page(language), media_type="text/html")

    # ---------------------------------------------------------------- websocket

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if too_large(scope):
            await _refuse_handshake(receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host")
        known_host, own_page = self._hosts.allows(host), same_origin(headers.get("origin"), host)
        found: Session | EndedSession | None = None
        if not known_host or not own_page:
            why = ("foreign page", headers.get("origin", "")) if known_host else ("host", host or "")
            audit_unknown_caller(scope, why[1], why[0])
        elif scope["path"] == streamlit.STREAM_PATH:
            try:
                found = await self._session(scope, active=False)
            except DatabaseError as error:
                log.error("A session cannot be checked: %s", error)  # noqa: TRY400 - its text says it all
        if isinstance(found, Session):
            await self._tab(_with_identity(scope, found), found, receive, send)
        elif isinstance(found, EndedSession):
            who = address_of(client_host(scope))
            await self._turn_away(scope, receive, send, sign_in_url(found.reason), who=who, **REDIRECTS_OF_ADDRESS)
        else:
            await _refuse_handshake(receive, send)

    async def _tab(self, scope: Scope, session: Session, receive: Receive, send: Send) -> None:
        """Stream the tab of a session, or tell it that there are too many."""
        address = address_of(client_host(scope))
        if self._tabs.has_slot(session, address):
            await self._stream(scope, session, address, receive, send)
            return
        self._connections.refused("tabs", address)
        await self._turn_away(scope, receive, send, BUSY, who=session.id, **REDIRECTS_OF_SESSION)

    async def _stream(self, scope: Scope, session: Session, address: str, receive: Receive, send: Send) -> None:
        entries = scope.get("subprotocols") or []
        language = language_of(scope, self._language)
        tab = Tab(self._tabs, session, receive, send, address=address, reconnected=len(entries) > 2, language=language)
        connection = connection_of(scope)
        connection.become_tab()
        self._tabs.add(tab)
        try:
            await self._app(scope, tab.receive, tab.send)
        finally:
            self._tabs.remove(tab)
            connection.leave()
            await tab.close()

    async def _turn_away(
        self, scope: Scope, receive: Receive, send: Send, url: str, *, who: str, most: int, seconds: float
    ) -> None:
        """Send the browser to `url` without reading what it sends; more than `most` of `who` in `seconds` get a 403."""
        if self._turned_away[who] >= most:
            await _refuse_handshake(receive, send)
            return
        self._turned_away[who] += 1
        asyncio.get_running_loop().call_later(seconds, self._forget, who)
        connection_of(scope).leave()
        await receive()
        await send({"type": "websocket.accept", "subprotocol": (scope.get("subprotocols") or [None])[0]})
        await redirect_and_close(send, url)

    def _forget(self, who: str) -> None:
        self._turned_away[who] -= 1
        if not self._turned_away[who]:
            del self._turned_away[who]

    # ---------------------------------------------------------------- both

    async def _session(self, scope: Scope, *, active: bool) -> Session | EndedSession | None:
        token = session_token(scope)
        if not token:
            return None
        if token == SIGNED_OUT:
            return EndedSession("revoked")
        found = await self._tabs.find_session(session_id(token), active=active)
        if isinstance(found, Session):
            account_in_log(found.account)
        return found

    def _text(self, scope: Scope, key: str) -> str:
        return texts.text(key, language_of(scope, self._language))


async def _refuse_handshake(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008})  # before accept: the handshake gets a 403


def _with_identity(scope: Scope, found: Session | EndedSession | None) -> Scope:
    """The scope for the app: what the client claimed in our headers is gone, what the session says is in."""
    headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(OWN_HEADERS.encode())]
    if not isinstance(found, Session):
        return {**scope, "headers": headers, "app_session": None}
    address = client_host(scope)
    identity = {"name": found.account, "shown": found.shown, "sid": found.id, "role": found.role, "address": address}
    headers += [(name.encode(), quote(identity[field]).encode()) for name, field in streamlit.TRUSTED_HEADERS.items()]
    return {**scope, "headers": headers, "app_session": found}


def _beside_the_api(scope: Scope) -> Response | None:
    """A path with a line break in it would get past the API's mount and on to Streamlit, to strangers too."""
    if scope["path"].isprintable():
        return None
    return error_answer(ApiError(404, "There is nothing at this address."), scope["request_id"])


def _sign_in_for(scope: Scope, found: EndedSession | None) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    target = quote(scope["path"]) + (f"?{query}" if query else "")
    reason = f"reason={found.reason}&" if found and found.reason != "revoked" else ""
    # The sign-in leads to no longer one, see local_path.
    known = target != "/" and len(target) <= LONGEST_TARGET
    return f"/login?{reason}next={quote(target, safe='/')}" if known else "/login"
