"""All open tabs: their limits, and the end of tabs whose session has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread

from core.access.sessions import RECHECK_SECONDS, EndedSession, Session, Sessions, generation
from core.cache.database import DatabaseError
from web.limits.account_pace import AccountPace
from web.limits.connection_limits import ConnectionLimits
from web.media_files import MediaFiles
from web.tab import Tab

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2  # how soon an idle tab learns of a revocation in this process
THREADS = 4  # own threads for reading sessions: a slow download elsewhere must not delay the gate


class Tabs:
    """All open tabs of this process; also reads sessions for them and for the gate."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), limits: ConnectionLimits | None = None
    ) -> None:
        self.now = now
        self._limits = limits or ConnectionLimits()
        self._sessions: Sessions | None = None
        self._open: set[Tab] = set()
        self._limiter = CapacityLimiter(THREADS)
        self.media = MediaFiles()
        self.pace = AccountPace()

    def use_sessions(self, sessions: Sessions) -> None:
        """Set the reader of sessions, once the database is open."""
        self._sessions = sessions

    def __len__(self) -> int:
        """Return the number of open tabs."""
        return len(self._open)

    def has_slot(self, session: Session, address: str) -> bool:
        """Return True if the limits allow one more tab of this session from this address."""
        limits = self._limits
        return (
            len(self._open) < limits.tabs
            and sum(tab.session == session.id for tab in self._open) < limits.tabs_of_session
            and sum(tab.account == session.account for tab in self._open) < limits.tabs_of_account
            and sum(tab.address == address for tab in self._open) < limits.per_address
        )

    def add(self, tab: Tab) -> None:
        self._open.add(tab)
        self.media.tab_opened(tab.session)

    def remove(self, tab: Tab) -> None:
        self._open.discard(tab)
        self.media.tab_closed(tab.session)

    async def find_session(self, session: str, *, active: bool = False) -> Session | EndedSession | None:
        """Return the session with this id, valid or ended, or None. May raise DatabaseError."""
        if self._sessions is None:
            return None
        now = self.now()
        cached = self._sessions.cached(session, now, active=active)
        if cached is not None:
            return cached
        sessions = self._sessions
        return await to_thread.run_sync(lambda: sessions.find(session, now, active=active), limiter=self._limiter)

    async def watch(self) -> None:
        """End the tabs of ended sessions, also idle ones, until cancelled."""
        seen, waited = generation(), 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            waited += TICK_SECONDS
            if generation() == seen and waited < RECHECK_SECONDS:
                continue
            seen, waited = generation(), 0.0
            try:
                await self._end_the_ended()
            except DatabaseError as error:
                log.warning("Open tabs cannot be checked: %s", error)

    async def _end_the_ended(self) -> None:
        if self._sessions is None or not self._open:
            return
        sessions, now = self._sessions, self.now()
        ids = {tab.session for tab in self._open}
        states = await to_thread.run_sync(lambda: sessions.find_all(ids, now), limiter=self._limiter)
        for tab in list(self._open):
            state = states.get(tab.session, tab)
            if state is not tab and not isinstance(state, Session):
                tab.end(state.reason if isinstance(state, EndedSession) else "revoked")
