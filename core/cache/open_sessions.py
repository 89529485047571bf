"""Read and end open sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, sessions
from core.cache.sql import transaction


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A valid session; `id` is the SHA-256 of its token and opens nothing."""

    id: str
    account: str
    shown: str  # the account's name for people
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str
    account_since: datetime  # a deleted name may be used for another account later


def open_sessions(
    engine: Engine, *, created_after: datetime, seen_after: datetime, until: datetime, account: str = ""
) -> list[OpenSession]:
    """Return the open sessions, all or those of `account`; the one used last comes first.

    A session with a time after `until` does not count: the clock was set back.
    """
    statement = (
        select(sessions, accounts.c.display_name, accounts.c.created_at.label("account_since"))
        .join(accounts, accounts.c.name == sessions.c.account)
        .where(*_open(created_after, seen_after, until), accounts.c.disabled.is_(False))
        .order_by(sessions.c.last_seen_at.desc(), sessions.c.token_hash)
    )
    if account:
        statement = statement.where(sessions.c.account == account)
    with transaction(engine) as connection:
        rows = connection.execute(statement).mappings().all()
    return [
        OpenSession(
            id=row["token_hash"],
            account=row["account"],
            shown=row["display_name"] or row["account"],
            created_at=row["created_at"],
            last_seen_at=row["last_seen_at"],
            address=row["address"],
            user_agent=row["user_agent"],
            account_since=row["account_since"],
        )
        for row in rows
    ]


def end_sessions(
    engine: Engine, at: datetime, entry: Entry, *, account: str, session: str = "", created_after: datetime,
    seen_after: datetime, until: datetime,
) -> int:  # fmt: skip
    """End the open sessions of `account`, or only the one with the id `session`; return how many.

    `entry` goes to the audit if any has ended. Without `session` the known devices are forgotten, too.
    """
    conditions = [sessions.c.account == account, *_open(created_after, seen_after, until)]
    if session:
        conditions.append(sessions.c.token_hash == session)
    with transaction(engine) as connection:
        count = int(connection.execute(update(sessions).where(*conditions).values(revoked_at=at)).rowcount)
        if not session:
            connection.execute(update(accounts).where(accounts.c.name == account).values(device_key=""))
        if count:
            append(connection, entry.changed(None, {"sessions": count}), at)
    return count


def _open(created_after: datetime, seen_after: datetime, until: datetime) -> list[Any]:
    column = sessions.c
    created = column.created_at > created_after, column.created_at <= until
    seen = column.last_seen_at > seen_after, column.last_seen_at <= until
    return [column.revoked_at.is_(None), *created, *seen]
