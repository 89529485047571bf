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
THREADS = 4  # of its own for looking at sessions: a slow download elsewhere must not hold up the gate


class Tabs:
    """All open tabs of this process, and the look at sessions that they share with the gate."""

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
        """The database is open: sessions can be looked at."""
        self._sessions = sessions

    def __len__(self) -> int:
        """How many tabs are open."""
        return len(self._open)

    def has_slot(self, session: Session, address: str) -> bool:
        """Return whether one more tab of this session, from this address, keeps within the limits."""
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
        """The session with this id; without a database there is none (raises DatabaseError when it fails)."""
        if self._sessions is None:
            return None
        now = self.now()
        known = self._sessions.cached(session, now, active=active)
        if known is not None:
            return known
        sessions = self._sessions
        return await to_thread.run_sync(lambda: sessions.find(session, now, active=active), limiter=self._limiter)

    async def watch(self) -> None:
        """End the tabs of ended sessions, also idle ones; runs until it is cancelled."""
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
        found = await to_thread.run_sync(lambda: sessions.find_all(ids, now), limiter=self._limiter)
        for tab in list(self._open):
            state = found.get(tab.session, tab)
            if state is not tab and not isinstance(state, Session):
                tab.end(state.reason if isinstance(state, EndedSession) else "revoked")
