"""Table of sessions: one row for each browser that has signed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from core.cache.account_rows import Account, revocation
from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, sessions
from core.cache.sql import forget_older, transaction


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One row of `sessions` with the present values of its account."""

    token_hash: str
    account: str
    display_name: str
    role: str
    account_disabled: bool
    must_change_password: bool
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """An account has at most `most` open sessions; beyond, the oldest end and `entry` goes to the audit."""

    most: int
    entry: Entry
    created_after: datetime
    seen_after: datetime


def add_session(
    engine: Engine, row: Mapping[str, Any], *, forget_before: datetime, entry: Entry | None = None,
    checked: Account | None = None, session_limit: SessionLimit | None = None,
) -> bool:  # fmt: skip
    """Store a new session and delete those that began before `forget_before`.

    Return False, and store nothing, if the account has changed since it was read as `checked`: a session that starts
    while a new password is set would outlive the old one.
    """
    column = accounts.c
    same = [column.name == row["account"]]
    if checked is not None:
        same += [column.disabled.is_(False), column.role == checked.role]
        same += [column.password_changed_at == checked.password_changed_at]
        same += [column.totp_confirmed_at.is_not_distinct_from(checked.totp_confirmed_at)]
    with transaction(engine) as connection:
        count = connection.execute(update(accounts).where(*same).values(last_sign_in_at=row["created_at"])).rowcount
        if checked is not None and not count:
            return False
        forget_older(connection, sessions.c.created_at, forget_before)
        connection.execute(sessions.insert().values(**row))
        if entry is not None:
            append(connection, entry, row["created_at"])
        if session_limit is not None:
            _end_oldest(connection, row["account"], row["created_at"], session_limit)
    return True


def _end_oldest(connection: Connection, account: str, at: datetime, session_limit: SessionLimit) -> None:
    column = sessions.c
    still_open = [
        column.account == account,
        column.revoked_at.is_(None),
        column.created_at > session_limit.created_after,
    ]
    newest_first = column.created_at.desc(), column.token_hash
    oldest = select(column.token_hash).where(*still_open, column.last_seen_at > session_limit.seen_after)
    hashes = connection.execute(oldest.order_by(*newest_first).offset(session_limit.most)).scalars().all()
    if hashes:
        connection.execute(revocation(at).where(column.token_hash.in_(hashes)))
        append(connection, session_limit.entry.changed(None, {"sessions": len(hashes)}), at)


def find_sessions(engine: Engine, token_hashes: Collection[str]) -> dict[str, StoredSession]:
    """Return the rows of these sessions by token hash, also of those that have ended."""
    statement = (
        select(
            sessions.c.token_hash,
            sessions.c.account,
            accounts.c.display_name,
            accounts.c.role,
            accounts.c.disabled.label("account_disabled"),
            accounts.c.must_change_password,
            sessions.c.created_at,
            sessions.c.last_seen_at,
            sessions.c.revoked_at,
        )
        .join(accounts, accounts.c.name == sessions.c.account)
        .where(sessions.c.token_hash.in_(token_hashes))
    )
    with transaction(engine) as connection:
        rows = connection.execute(statement).mappings().all()
    return {row["token_hash"]: StoredSession(**row) for row in rows}


def touch_session(engine: Engine, token_hash: str, at: datetime) -> None:
    with transaction(engine) as connection:
        connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(last_seen_at=at))


def revoke_session(engine: Engine, token_hash: str, at: datetime) -> None:
    with transaction(engine) as connection:
        connection.execute(revocation(at).where(sessions.c.token_hash == token_hash))
