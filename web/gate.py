"""The gate: ASGI middleware around the app. Without a valid session only the public pages can be reached.

A check in the Streamlit script is not enough: callbacks and fragments run without it, and the websocket accepts
messages that no script sees. So the gate checks each request and each handshake, and `Tab` each frame.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from urllib.parse import quote

from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core import texts
from core.access.sessions import EndedSession, Session
from core.cache.database import DatabaseError
from core.roles import PASSWORD_DUE, Action, Actor, may_open, refused
from web import streamlit_internals as streamlit
from web.api.errors import ApiError, error_answer
from web.headers import HEADER_CHOICE, HeaderChoice, IndexPage, bearer_token
from web.language_choice import set_language
from web.limits.connection import connection_of
from web.limits.connections import Connections
from web.limits.request_limits import too_large
from web.paths import (
    ATTACHMENT,
    BY_TOKEN,
    CONSENT_START,
    JUMP,
    NO_PAGES,
    SERVED,
    is_api,
    is_of_customers,
    is_page,
    is_public,
    is_under,
)
from web.request_data import audit_unknown_caller, client_host, is_foreign, language_of
from web.request_session import find_session, with_identity
from web.tabs import Tabs
from web.url_checks import LONGEST_TARGET, Hosts, same_origin
from web.websocket_gate import WebsocketGate

log = logging.getLogger(__name__)


SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Middleware of the app; `tabs` reads the sessions, `hosts` are the allowed host names.

    `pages`: address of each page -> action that a role must allow to open it; `no_page` makes the answer 404 for any
    other address, and 403 for a page that the role may not open. `open_files`: paths of Streamlit's files that the
    sign-in page lets browsers fetch, so that they are public.
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
        open_files: frozenset[str] = frozenset(),
        language: str = "de",
    ) -> None:
        self._app = app
        self._tabs = tabs
        self._hosts = hosts
        self._index = index
        self._pages = pages
        self._no_page = no_page
        self._language = language
        self._open_files = open_files
        self._websocket = WebsocketGate(app, tabs, hosts, connections, language)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        serve = self._http if scope["type"] == "http" else self._websocket
        await serve(dict(scope), receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        headers: HeaderChoice = scope[HEADER_CHOICE]
        public = is_public(path) or path in self._open_files
        headers.policy, headers.private = self._index.policy, not public and not is_under(path, ("/static",))
        refusal = self._refuse(scope)
        if refusal is None and not public:
            try:
                session = await find_session(self._tabs, scope, active=not is_under(path, ("/_stcore", "/static")))
            except DatabaseError as error:
                log.error("A session cannot be checked: %s", error)  # noqa: TRY400 - its text says it all
                refusal = self._refusal(scope, "plain.database", 503)
            else:
                if isinstance(session, Session):
                    connection_of(scope).assign_session(session.id)
                refusal = self._decide(scope, session) if not is_api(path) else _beside_the_api(scope)
                scope = with_identity(scope, session)
        else:
            scope = with_identity(scope, None)
        await (refusal or self._app)(scope, receive, send)

    def _refuse(self, scope: Scope) -> Response | None:
        """Return the refusal of a head that is too large, a wrong host name, or a form or call of a foreign page."""
        if status := too_large(scope):
            return self._refusal(scope, "plain.too_large", status)
        headers = Headers(scope=scope)
        if not self._hosts.allows(headers.get("host")):
            audit_unknown_caller(scope, headers.get("host", ""), "host")
            return self._refusal(scope, "plain.host", 421)
        foreign = not same_origin(_origin(scope, headers), headers.get("host"))
        cross_site = is_foreign(headers)
        if scope["method"] not in SAFE_METHODS and (foreign or cross_site):
            audit_unknown_caller(scope, headers.get("origin", ""), "foreign page")
            return self._refusal(scope, "plain.foreign", 403)
        return None

    def _refusal(self, scope: Scope, key: str, status: int) -> Response:
        """Return the sentence `key` as plain text, or as the API's error for a path of the API."""
        if not is_api(scope["path"]):
            return PlainTextResponse(self._text(scope, key), status)
        code = "DATABASE_UNAVAILABLE" if key == "plain.database" else ""
        return error_answer(ApiError(status, texts.text(key, "en"), code=code), scope["request_id"])

    def _decide(self, scope: Scope, session: Session | EndedSession | None) -> Response | None:
        """Return the gate's own answer, or None to let the request through."""
        path: str = scope["path"]
        if not isinstance(session, Session):
            by_token = path in BY_TOKEN and bearer_token(scope)
            # The answer to a ping has no data, and without it the browser would not open the stream, which redirects.
            if by_token or (path in streamlit.PING_PATHS and isinstance(session, EndedSession)):
                return None
            # Streamlit's frontend looks for a server below each page and would take a sign-in page for its answer.
            if scope["method"] in ("GET", "HEAD") and not is_under(path, NO_PAGES) and "/_stcore/" not in path:
                return RedirectResponse(_sign_in_for(scope, session), 303)
            return PlainTextResponse(self._text(scope, "plain.sign_in"), 401)
        not_sent = is_under(path, (streamlit.MEDIA_PATH,)) and not self._tabs.media.allows(session.id, path)
        ours = path in (*streamlit.PING_PATHS, *BY_TOKEN, JUMP, CONSENT_START, ATTACHMENT)
        if ours or (is_under(path, SERVED) and not not_sent):
            return None
        if scope["method"] in ("GET", "HEAD") and is_page(path):
            return self._page(scope, session)
        return PlainTextResponse(self._text(scope, "plain.closed"), 404)

    def _page(self, scope: Scope, session: Session) -> Response:
        """Return Streamlit's index page, whose frontend opens the page; 404 and 403 as `no_page` says."""
        action = self._pages.get(scope["path"][1:])
        if action is None:
            return self._no_page(scope, 404)
        if session.role == PASSWORD_DUE:  # may open the start only, which shows the form for a new password
            if scope["path"] != "/":
                return RedirectResponse("/", 303)
            action = Action.OWN_ACCOUNT
        if not may_open(session.role, action):
            actor = Actor(session.account, session.role, "page", session.shown, client_host(scope), session.id)
            refused(actor, scope["path"], "role needed")
            return self._no_page(scope, 403)
        asked = QueryParams(scope["query_string"]).get("lang", "")
        language = asked if asked in texts.languages() else language_of(scope, self._language)
        answer = Response(self._index.page(language), media_type="text/html")
        if asked == language:
            set_language(answer, language)
        return answer

    def _text(self, scope: Scope, key: str) -> str:
        return texts.text(key, language_of(scope, self._language))


def _origin(scope: Scope, headers: Headers) -> str | None:
    """Return the page of origin; None for a customer's, which says `null` because it gives no referrer."""
    origin = headers.get("origin")
    return None if origin == "null" and is_of_customers(scope["path"]) else origin


def _beside_the_api(scope: Scope) -> Response | None:
    """Return 404 for a path with a line break, which the API's mount does not match, so that Streamlit would get it."""
    if scope["path"].isprintable():
        return None
    return error_answer(ApiError(404, "There is nothing at this address."), scope["request_id"])


def _sign_in_for(scope: Scope, session: EndedSession | None) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    target = quote(scope["path"]) + (f"?{query}" if query else "")
    reason = f"reason={session.reason}&" if session and session.reason != "revoked" else ""
    # `local_path` accepts no longer target.
    has_target = target != "/" and len(target) <= LONGEST_TARGET
    return f"/login?{reason}next={quote(target, safe='/')}" if has_target else "/login"
