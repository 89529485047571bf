"""Tables of accounts, their sessions and failed sign-ins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, api_tokens, sessions, sign_in_failures
from core.cache.sql import forget_older, lock_for_writing, transaction

MOST_FAILURES = 50_000  # rows; the oldest are deleted


@dataclass(frozen=True, slots=True)
class Account:
    """An account that signs in with a password (its name is in lower case) or with Microsoft Entra ID.

    The name of the latter is `entra:<tid>:<oid>`; `display_name` is for people. With `totp_confirmed_at` a second
    factor is needed.
    """

    name: str
    password_hash: str = field(repr=False)
    role: str
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    provider: str = "local"
    display_name: str = ""
    last_sign_in_at: datetime | None = None
    totp_secret: str = field(default="", repr=False)
    totp_confirmed_at: datetime | None = None
    totp_last_step: int | None = None
    device_key: str = field(default="", repr=False)
    must_change_password: bool = False

    @property
    def is_admin(self) -> bool:
        """True if the account can manage accounts even if nobody can sign in with Microsoft."""
        return self.role == "admin" and not self.disabled and self.provider == "local"

    @property
    def shown(self) -> str:
        """The account's name for people."""
        return self.display_name or self.name


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


class LastAdmin(Exception):
    """The change would leave no local account that can manage accounts."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The number of failures in a row and the time of the last one."""

    count: int
    last_at: datetime


def find_account(engine: Engine, name: str) -> Account | None:
    with transaction(engine) as connection:
        row = connection.execute(select(accounts).where(accounts.c.name == name)).mappings().first()
    return Account(**row) if row else None


def all_accounts(engine: Engine) -> list[Account]:
    with transaction(engine) as connection:
        rows = connection.execute(select(accounts).order_by(accounts.c.name)).mappings().all()
    return [Account(**row) for row in rows]


def add_account(engine: Engine, account: Account, entry: Entry, *, only_first: bool = False) -> bool:
    """Store `account`; return False if the name is taken, or with `only_first` if there is any account."""
    with transaction(engine) as connection:
        if only_first and connection.execute(select(accounts.c.name).limit(1)).first():
            return False
        added = _insert_new(connection, accounts, asdict(account))
        if added:
            append(connection, entry.changed(None, _in_audit(asdict(account))), account.created_at)
        return added


def _in_audit(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an account for the audit: no hash, no secret."""
    return {name: row[name] for name in ("role", "disabled", "provider", "display_name") if row.get(name) != ""}


def _insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row`; return False if its key is taken."""
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    # PostgreSQL gives no row count here, so the statement returns the key of the new row.
    statement = insert(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def change_account(engine: Engine, name: str, at: datetime, entry: Entry, **changes: Any) -> bool:
    """Change an account, end its sessions and forget its known devices; return False if there is no such account.

    If the account is disabled or its role changes, its API tokens are revoked, too; all in one transaction. Raises
    LastAdmin, also if the last two admins disable each other at the same moment.
    """
    with transaction(engine) as connection:
        lock_for_writing(connection, accounts)
        before = connection.execute(select(accounts).where(accounts.c.name == name)).mappings().first()
        if before is None:
            return False
        if not _an_admin_stays(connection, Account(**before), Account(**{**before, **changes})):
            raise LastAdmin(name)
        connection.execute(update(accounts).where(accounts.c.name == name).values(**changes, device_key=""))
        connection.execute(_revoke(at).where(sessions.c.account == name))
        if changes.get("disabled") or "role" in changes:
            connection.execute(
                update(api_tokens)
                .where(api_tokens.c.created_by == name, api_tokens.c.revoked_at.is_(None))
                .values(revoked_at=at)
            )
        append(connection, entry.changed(_in_audit(dict(before)), _in_audit({**before, **changes})), at)
    return True


def _an_admin_stays(connection: Connection, before: Account, after: Account) -> bool:
    if not before.is_admin or after.is_admin:
        return True
    others = connection.execute(select(accounts).where(accounts.c.name != before.name, accounts.c.role == "admin"))
    return any(Account(**row).is_admin for row in others.mappings())


def rename_account(engine: Engine, name: str, display_name: str) -> None:
    """Store another display name of an account."""
    with transaction(engine) as connection:
        connection.execute(update(accounts).where(accounts.c.name == name).values(display_name=display_name))


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
        connection.execute(_revoke(at).where(column.token_hash.in_(hashes)))
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
        connection.execute(_revoke(at).where(sessions.c.token_hash == token_hash))


def _revoke(at: datetime) -> Any:
    """Return the statement that ends sessions; one that has ended keeps its time."""
    return update(sessions).where(sessions.c.revoked_at.is_(None)).values(revoked_at=at)


def find_failures(engine: Engine, key: str) -> Failures | None:
    with transaction(engine) as connection:
        row = connection.execute(select(sign_in_failures).where(sign_in_failures.c.key == key)).mappings().first()
    return Failures(row["count"], row["last_at"]) if row else None


def record_failure(
    engine: Engine, key: str, stored: Failures | None, new: Failures, *, forget_before: datetime
) -> bool:
    """Replace the failures of `key`, read as `stored`, by `new`; return False if the row has changed since.

    So attempts at the same time are all counted. Rows from before `forget_before` are deleted.
    """
    column = sign_in_failures.c
    with transaction(engine) as connection:
        if stored is not None:
            unchanged = (column.key == key) & (column.count == stored.count) & (column.last_at == stored.last_at)
            statement = update(sign_in_failures).where(unchanged).values(count=new.count, last_at=new.last_at)
            return connection.execute(statement).rowcount == 1
        forget_older(connection, column.last_at, forget_before)
        beyond = select(column.last_at).order_by(column.last_at.desc()).offset(MOST_FAILURES).limit(1)
        connection.execute(delete(sign_in_failures).where(column.last_at <= beyond.scalar_subquery()))
        return _insert_new(connection, sign_in_failures, {"key": key, "count": new.count, "last_at": new.last_at})


def clear_failures(engine: Engine, key: str, *, prefix: bool = False) -> None:
    """Forget the failures of `key`, or of every key that starts with it."""
    column = sign_in_failures.c.key
    with transaction(engine) as connection:
        connection.execute(
            delete(sign_in_failures).where(column.startswith(key, autoescape=True) if prefix else column == key)
        )
