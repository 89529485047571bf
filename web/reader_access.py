"""Access to what people and programs may read: a person has a session, a program a token."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine
from starlette.types import Scope

from core.access.api_tokens import actor_of
from core.access.sessions import Session, session_id
from core.roles import Action, allows
from web.headers import bearer_token
from web.request_data import audit_unknown_caller, session_token
from web.tabs import Tabs

THREADS = 2


class ReaderAccess:
    """Checks sessions and tokens; reads the database in threads of its own."""

    def __init__(self, tabs: Tabs) -> None:
        self._tabs = tabs
        self._limiter = CapacityLimiter(THREADS)

    async def may_read(self, scope: Scope, engine: Engine) -> bool:
        """Return True if the caller may see figures and names. May raise DatabaseError."""
        role = await self._role(scope, engine)
        return role is not None and allows(role, Action.LOOK)

    async def _role(self, scope: Scope, engine: Engine) -> str | None:
        if token := session_token(scope):
            session = await self._tabs.find_session(session_id(token))
            if isinstance(session, Session):
                return session.role
        if not (secret := bearer_token(scope)):
            return None
        now = self._tabs.now()
        actor = await to_thread.run_sync(lambda: actor_of(engine, secret, now), limiter=self._limiter)
        if actor is None:
            audit_unknown_caller(scope, scope["path"], "wrong token", "api")
        return actor.role if actor else None
