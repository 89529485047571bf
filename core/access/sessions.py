"""Sessions: start and end them, and check the session of every request and every websocket frame."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from core.access.reauthentication import confirm
from core.cache import account_rows, session_rows
from core.cache import open_sessions as stored
from core.cache.account_rows import Account
from core.cache.audit_rows import Entry
from core.cache.database import DatabaseError
from core.cache.open_sessions import OpenSession
from core.cache.session_rows import SessionLimit
from core.clock import TOLERANCE, elapsed
from core.roles import PASSWORD_DUE, Action, Actor

LONGEST = timedelta(hours=8)
IDLE = timedelta(hours=1)
KEPT = timedelta(days=30)  # ended sessions stay in the database, so that a sleeping tab learns why its session is over
TOUCH_AFTER = timedelta(minutes=1)  # `last_seen_at` is written at most this often
RECHECK_SECONDS = 1.0  # a revocation by another process (the command line) is seen within this time

Reason = Literal["revoked", "expired", "idle"]

# The number of the latest revocation in this process: a cached session with an older one is read again.
_counter = itertools.count(1)
_generation = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session. `id` may be shown and stored: it is the SHA-256 of the token and opens nothing."""

    id: str
    account: str
    shown: str  # the account's name for people
    role: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that was valid before."""

    reason: Reason


def generation() -> int:
    """Return a number that changes whenever this process revokes a session."""
    return _generation


def note_revocation() -> None:
    """Make all cached sessions old; called after every revocation."""
    global _generation  # noqa: PLW0603 - one number for the process
    _generation = next(_counter)


def session_id(token: str) -> str:
    """Return the id of the session that `token` (the cookie) opens."""
    return hashlib.sha256(token.encode()).hexdigest()


def start_session(
    engine: Engine, account: str, now: datetime, *, address: str = "", user_agent: str = "", entry: Entry | None = None,
    checked: Account | None = None, most: int = 0,
) -> str:  # fmt: skip
    """Start a session, write `entry` to the audit and return the token, which is stored only in the cookie.

    Return "" if the account has changed since it was read as `checked`. Above `most` sessions of the account
    (0: no limit) the oldest ones end.
    """
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": session_id(token),
        "account": account,
        "created_at": now,
        "last_seen_at": now,
        "address": address,
        "user_agent": user_agent,
    }
    session_limit = None
    if most and entry is not None:
        ended = Entry(entry.actor, "session.ended", account, reason="too many")
        session_limit = SessionLimit(most, ended, now - LONGEST, now - IDLE)
    added = session_rows.add_session(
        engine, row, forget_before=now - KEPT, entry=entry, checked=checked, session_limit=session_limit
    )
    if session_limit:
        note_revocation()
    return token if added else ""


def session_of(engine: Engine, token: str, now: datetime) -> Session | None:
    """Return the session of `token` from the database, None if it is not valid."""
    session = Sessions(engine).find(session_id(token), now)
    return session if isinstance(session, Session) else None


def sign_out(engine: Engine, token: str, now: datetime) -> None:
    """End the session of `token` in every tab."""
    end_session(engine, session_id(token), now)


def end_session(engine: Engine, session: str, now: datetime) -> None:
    """End the session with the id `session` in every tab."""
    session_rows.revoke_session(engine, session, now)
    note_revocation()


def open_sessions(engine: Engine, actor: Actor, now: datetime, *, account: str = "") -> list[OpenSession]:
    """Return the open sessions of all accounts, or of `account`; the one used last comes first.

    The actor's own need Action.OWN_ACCOUNT, all others Action.SESSIONS. Raises NotAllowed, DatabaseError.
    """
    actor.need(_needed_action(actor, account))
    return stored.open_sessions(
        engine, created_after=now - LONGEST, seen_after=now - IDLE, until=now + TOLERANCE, account=account
    )


def end_for(engine: Engine, actor: Actor, now: datetime, *, account: str, proof: str, session: str = "") -> int:
    """End every open session of `account`, or only the one with the id `session`; return how many.

    `proof` is the actor's password, or the name of `account` if the actor signs in with Microsoft. The actor's own
    sessions need Action.OWN_ACCOUNT, all others Action.SESSIONS. Raises NotAllowed, WrongPassword, WrongName,
    DatabaseError.
    """
    actor.need(_needed_action(actor, account))
    target = account_rows.find_account(engine, account)
    confirm(engine, actor.name, proof, target.shown if target else account, now, address=actor.address)
    entry = Entry(actor, "session.ended", account)
    count = stored.end_sessions(
        engine, now, entry, account=account, session=session, created_after=now - LONGEST, seen_after=now - IDLE,
        until=now + TOLERANCE,
    )  # fmt: skip
    note_revocation()
    return count


def _needed_action(actor: Actor, account: str) -> Action:
    own = actor.name == account and actor.source == "page"
    return Action.OWN_ACCOUNT if own else Action.SESSIONS


def _session_of(row: session_rows.StoredSession, now: datetime) -> Session | EndedSession:
    if row.revoked_at is not None or row.account_disabled:
        return EndedSession("revoked")
    if elapsed(row.created_at, now) >= LONGEST:
        return EndedSession("expired")
    if elapsed(row.last_seen_at, now) >= IDLE:
        return EndedSession("idle")
    role = PASSWORD_DUE if row.must_change_password else row.role
    return Session(row.token_hash, row.account, row.display_name or row.account, role, row.created_at, row.last_seen_at)


@dataclass(slots=True)
class _CachedSession:
    row: session_rows.StoredSession
    generation: int
    read_at: float  # monotonic


class Sessions:
    """A cache of the sessions: an entry is valid for RECHECK_SECONDS, and until this process revokes a session."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._cache: dict[str, _CachedSession] = {}

    def cached(self, session: str, now: datetime, *, active: bool = False) -> Session | EndedSession | None:
        """Return the session with this id from the cache; None if the caller must call `find`.

        That is so if the entry is missing or too old, or `last_seen_at` must be written.
        """
        entry = self._cache.get(session)
        if entry is None or entry.generation != generation() or self._clock() - entry.read_at >= RECHECK_SECONDS:
            return None
        state = _session_of(entry.row, now)
        return None if active and isinstance(state, Session) and now - state.last_seen_at >= TOUCH_AFTER else state

    def find(self, session: str, now: datetime, *, active: bool = False) -> Session | EndedSession | None:
        """Return the session with this id: valid, ended, or None if there never was one.

        `active`: a person did something just now, which restarts the IDLE time.
        """
        state = self.find_all([session], now)[session]
        if active and isinstance(state, Session) and now - state.last_seen_at >= TOUCH_AFTER:
            with contextlib.suppress(DatabaseError):  # a database that cannot be written ends no session
                session_rows.touch_session(self._engine, session, now)
            if (entry := self._cache.get(session)) is not None:
                entry.row = replace(entry.row, last_seen_at=now)
            state = replace(state, last_seen_at=now)
        return state

    def find_all(self, sessions: Iterable[str], now: datetime) -> dict[str, Session | EndedSession | None]:
        """Return what `find` returns for each of these ids, read in one query."""
        ids = list(sessions)
        # Taken before the query: a revocation while it runs makes the entry old.
        generation_before, clock = generation(), self._clock()
        rows = session_rows.find_sessions(self._engine, ids)
        states: dict[str, Session | EndedSession | None] = dict.fromkeys(ids)
        if not rows.keys() <= self._cache.keys():
            self._drop_old(clock)
        for session, row in rows.items():
            states[session] = _session_of(row, now)
            self._cache[session] = _CachedSession(row, generation_before, clock)
        for session, state in states.items():
            if not isinstance(state, Session):
                self._cache.pop(session, None)
        return states

    def __len__(self) -> int:
        """Return the number of cached sessions."""
        return len(self._cache)

    def _drop_old(self, clock: float) -> None:
        """Remove the entries that are too old to be used, for example those of closed browsers."""
        for session, entry in list(self._cache.items()):
            if clock - entry.read_at >= RECHECK_SECONDS:
                self._cache.pop(session, None)
