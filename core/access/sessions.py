"""Sessions: how one starts, how long it lasts, and the look at it that every request and every frame takes."""

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
from core.cache import account_rows
from core.cache import open_sessions as stored
from core.cache.account_rows import Account, TooMany
from core.cache.audit_rows import Entry
from core.cache.database import DatabaseError
from core.cache.open_sessions import OpenSession
from core.clock import TOLERANCE, elapsed
from core.roles import PASSWORD_DUE, Action, Actor

LONGEST = timedelta(hours=8)
IDLE = timedelta(hours=1)
KEPT = timedelta(days=30)  # ended sessions stay this long, so that a sleeping tab can be told that its session is over
TOUCH_AFTER = timedelta(minutes=1)  # "last seen" is written no more often than this
RECHECK_SECONDS = 1.0  # how late a revocation by another process (the command line) may be seen

Reason = Literal["revoked", "expired", "idle"]

# Counts the revocations of this process: whoever remembers a session looks again when it has moved.
_counter = itertools.count(1)
_generation = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session. `id` may be shown and stored: it is the SHA-256 of the token and opens nothing."""

    id: str
    account: str
    shown: str  # what people call the account
    role: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that was valid once."""

    reason: Reason


def generation() -> int:
    """Changes whenever this process revokes a session."""
    return _generation


def note_revocation() -> None:
    """To be called after every revocation, so that no remembered session outlives it."""
    global _generation  # noqa: PLW0603 - one number for the process is the whole point
    _generation = next(_counter)


def session_id(token: str) -> str:
    """The id of the session that `token` (the cookie) opens."""
    return hashlib.sha256(token.encode()).hexdigest()


def start_session(
    engine: Engine, account: str, now: datetime, *, address: str = "", user_agent: str = "", entry: Entry | None = None,
    seen: Account | None = None, most: int = 0,
) -> str:  # fmt: skip
    """A new session, recorded as `entry`; returns its token, which exists nowhere but in the cookie.

    "" if the account has changed since it was `seen` as who may sign in. With more than `most` sessions of the
    account (0: no limit) the oldest end.
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
    too_many = None
    if most and entry is not None:
        ended = Entry(entry.actor, "session.ended", account, reason="too many")
        too_many = TooMany(most, ended, now - LONGEST, now - IDLE)
    added = account_rows.add_session(engine, row, forget_before=now - KEPT, entry=entry, seen=seen, too_many=too_many)
    if too_many:
        note_revocation()
    return token if added else ""


def session_of(engine: Engine, token: str, now: datetime) -> Session | None:
    """The valid session of `token`, straight from the database."""
    found = Sessions(engine).look(session_id(token), now)
    return found if isinstance(found, Session) else None


def sign_out(engine: Engine, token: str, now: datetime) -> None:
    """End the session of `token` in every tab."""
    end_session(engine, session_id(token), now)


def end_session(engine: Engine, session: str, now: datetime) -> None:
    """End the session with the id `session` in every tab; for whoever knows the id but not the token."""
    account_rows.revoke_session(engine, session, now)
    note_revocation()


def open_sessions(engine: Engine, actor: Actor, now: datetime, *, account: str = "") -> list[OpenSession]:
    """The open sessions of everybody or of `account`, the one used last first.

    One's own need Action.OWN_ACCOUNT, all others Action.SESSIONS; raises NotAllowed, DatabaseError.
    """
    actor.need(_right(actor, account))
    return stored.open_sessions(
        engine, created_after=now - LONGEST, seen_after=now - IDLE, until=now + TOLERANCE, account=account
    )


def end_for(engine: Engine, actor: Actor, now: datetime, *, account: str, proof: str, session: str = "") -> int:
    """End every open session of `account`, or only the one with the id `session`, in every tab; how many there were.

    `proof`: the actor's password; of an actor without one here, what `account` is called. One's own sessions need
    Action.OWN_ACCOUNT, all others Action.SESSIONS; raises NotAllowed, WrongPassword, WrongName, DatabaseError.
    """
    actor.need(_right(actor, account))
    concerned = account_rows.find_account(engine, account)
    confirm(engine, actor.name, proof, concerned.shown if concerned else account, now, address=actor.address)
    entry = Entry(actor, "session.ended", account)
    count = stored.end_sessions(
        engine, now, entry, account=account, session=session, created_after=now - LONGEST, seen_after=now - IDLE,
        until=now + TOLERANCE,
    )  # fmt: skip
    note_revocation()
    return count


def _right(actor: Actor, account: str) -> Action:
    own = actor.name == account and actor.source == "page"
    return Action.OWN_ACCOUNT if own else Action.SESSIONS


def _judge(row: account_rows.StoredSession, now: datetime) -> Session | Ended:
    if row.revoked_at is not None or row.account_disabled:
        return Ended("revoked")
    if elapsed(row.created_at, now) >= LONGEST:
        return Ended("expired")
    if elapsed(row.last_seen_at, now) >= IDLE:
        return Ended("idle")
    role = PASSWORD_DUE if row.must_change_password else row.role
    return Session(row.token_hash, row.account, row.display_name or row.account, role, row.created_at, row.last_seen_at)


@dataclass(slots=True)
class _Memory:
    row: account_rows.StoredSession
    generation: int
    looked_at: float


class Sessions:
    """The sessions as one process sees them: remembered for a second, forgotten at once when one is revoked here."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._memory: dict[str, _Memory] = {}

    def remembered(self, session: str, now: datetime, *, active: bool = False) -> Session | Ended | None:
        """What is known without the database; None when that is too old or a touch is due: then `look`."""
        memory = self._memory.get(session)
        if memory is None or memory.generation != generation() or self._clock() - memory.looked_at >= RECHECK_SECONDS:
            return None
        found = _judge(memory.row, now)
        return None if active and isinstance(found, Session) and now - found.last_seen_at >= TOUCH_AFTER else found

    def look(self, session: str, now: datetime, *, active: bool = False) -> Session | Ended | None:
        """The session with this id: valid, ended, or None when there never was one.

        `active` says that a person did something just now, which keeps the session from idling out.
        """
        found = self.look_all([session], now)[session]
        if active and isinstance(found, Session) and now - found.last_seen_at >= TOUCH_AFTER:
            with contextlib.suppress(DatabaseError):  # a disk that takes nothing shuts out nobody who is at work
                account_rows.touch_session(self._engine, session, now)
            if (memory := self._memory.get(session)) is not None:
                memory.row = replace(memory.row, last_seen_at=now)
            found = replace(found, last_seen_at=now)
        return found

    def look_all(self, sessions: Iterable[str], now: datetime) -> dict[str, Session | Ended | None]:
        """The same for many sessions in one query."""
        wanted = list(sessions)
        # Before the query: a revocation while it runs must make its answer old.
        seen, clock = generation(), self._clock()
        rows = account_rows.find_sessions(self._engine, wanted)
        answer: dict[str, Session | Ended | None] = dict.fromkeys(wanted)
        if not rows.keys() <= self._memory.keys():
            self._forget_old(clock)
        for session, row in rows.items():
            answer[session] = _judge(row, now)
            self._memory[session] = _Memory(row, seen, clock)
        for session, found in answer.items():
            if not isinstance(found, Session):
                self._memory.pop(session, None)
        return answer

    def __len__(self) -> int:
        """How many sessions are remembered."""
        return len(self._memory)

    def _forget_old(self, clock: float) -> None:
        """Let go of what is too old to be used: a browser that was closed never says so."""
        for session, memory in list(self._memory.items()):
            if clock - memory.looked_at >= RECHECK_SECONDS:
                self._memory.pop(session, None)
