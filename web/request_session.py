"""The session of a request, and its identity in the headers for the app."""

from __future__ import annotations

from urllib.parse import quote

from starlette.types import Scope

from core.access.sessions import EndedSession, Session, session_id
from core.logs.setup import account_in_log
from web import streamlit_internals as streamlit
from web.request_data import SIGNED_OUT, client_host, session_token
from web.tabs import Tabs

OWN_HEADERS = "x-app-"


async def find_session(tabs: Tabs, scope: Scope, *, active: bool) -> Session | EndedSession | None:
    """Return the session of the cookie, valid or ended, or None (`active` as in Sessions). Raises DatabaseError."""
    token = session_token(scope)
    if not token:
        return None
    if token == SIGNED_OUT:
        return EndedSession("revoked")
    session = await tabs.find_session(session_id(token), active=active)
    if isinstance(session, Session):
        account_in_log(session.account)
    return session


def with_identity(scope: Scope, session: Session | EndedSession | None) -> Scope:
    """Return the scope for the app: our own headers as the client sent them are replaced by those of the session."""
    headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(OWN_HEADERS.encode())]
    if not isinstance(session, Session):
        return {**scope, "headers": headers, "app_session": None}
    address = client_host(scope)
    identity = {
        "name": session.account,
        "shown": session.shown,
        "sid": session.id,
        "role": session.role,
        "address": address,
    }
    headers += [(name.encode(), quote(identity[field]).encode()) for name, field in streamlit.TRUSTED_HEADERS.items()]
    return {**scope, "headers": headers, "app_session": session}
