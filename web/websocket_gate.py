"""The gate for websockets: connect tabs with a valid session to Streamlit, redirect or refuse all others."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TypedDict

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from core.access.sessions import EndedSession, Session
from core.cache.database import DatabaseError
from web import streamlit_internals as streamlit
from web.limits.connection import connection_of
from web.limits.connections import Connections, address_of
from web.limits.request_limits import too_large
from web.paths import BUSY
from web.request_data import audit_unknown_caller, client_host, language_of
from web.request_session import find_session, with_identity
from web.tab import Tab, redirect_and_close, sign_in_url
from web.tabs import Tabs
from web.url_checks import Hosts, same_origin

log = logging.getLogger(__name__)


class RedirectLimit(TypedDict):
    """At most `most` redirects of websockets within `seconds`."""

    most: int
    seconds: float


# The limits suffice for a school whose sessions end together, and for a person who opens many
# tabs. Further ones get a 403, and their browsers try again.
REDIRECTS_OF_ADDRESS = RedirectLimit(most=64, seconds=1.0)
REDIRECTS_OF_SESSION = RedirectLimit(most=4, seconds=60.0)


class WebsocketGate:
    """The gate for the websockets of `app`; `tabs` reads the sessions, `hosts` are the allowed host names."""

    def __init__(self, app: ASGIApp, tabs: Tabs, hosts: Hosts, connections: Connections, language: str) -> None:
        self._app, self._tabs, self._hosts, self._connections = app, tabs, hosts, connections
        self._language = language
        self._turned_away: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if too_large(scope):
            await _refuse_handshake(receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host")
        known_host, own_page = self._hosts.allows(host), same_origin(headers.get("origin"), host)
        session: Session | EndedSession | None = None
        if not known_host or not own_page:
            why = ("foreign page", headers.get("origin", "")) if known_host else ("host", host or "")
            audit_unknown_caller(scope, why[1], why[0])
        elif scope["path"] == streamlit.STREAM_PATH:
            try:
                session = await find_session(self._tabs, scope, active=False)
            except DatabaseError as error:
                log.error("A session cannot be checked: %s", error)  # noqa: TRY400 - its text says it all
        if isinstance(session, Session):
            await self._tab(with_identity(scope, session), session, receive, send)
        elif isinstance(session, EndedSession):
            who = address_of(client_host(scope))
            await self._turn_away(scope, receive, send, sign_in_url(session.reason), who=who, **REDIRECTS_OF_ADDRESS)
        else:
            await _refuse_handshake(receive, send)

    async def _tab(self, scope: Scope, session: Session, receive: Receive, send: Send) -> None:
        """Connect the tab to Streamlit, or redirect it to a page that says that too many are open."""
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
        """Redirect the browser to `url`, reading nothing; beyond `most` in `seconds` for `who` answer 403."""
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


async def _refuse_handshake(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008})  # before accept: the handshake gets a 403
