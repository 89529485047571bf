"""Accounts, their sessions and failed sign-ins in the database."""

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
from core.cache.sql import forget_older, transaction, write_alone

MOST_FAILURES = 50_000  # rows; the oldest go first


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in: with a password under a name (lower case), or through Microsoft Entra ID.

    The name of the latter is `entra:<tid>:<oid>`, for people there is `display_name`. A second factor
    is asked for once `totp_confirmed_at` is set.
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
        """Whether it could let people in again, also when Microsoft is away or has taken the role from everybody."""
        return self.role == "admin" and not self.disabled and self.provider == "local"

    @property
    def shown(self) -> str:
        """What people call the account."""
        return self.display_name or self.name


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One row of `sessions` with what its account says today."""

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
class TooMany:
    """More than `most` sessions of one account: the oldest end. Those that have run out do not count."""

    most: int
    entry: Entry
    created_after: datetime
    seen_after: datetime


class LastAdmin(Exception):
    """The change would leave no account that could let people in again."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a sign-in has failed in a row, and when last."""

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
    """Store `account`; False when the name is taken, or with `only_first` when there is any account."""
    with transaction(engine) as connection:
        if only_first and connection.execute(select(accounts.c.name).limit(1)).first():
            return False
        added = _insert_new(connection, accounts, asdict(account))
        if added:
            append(connection, entry.changed(None, _in_audit(asdict(account))), account.created_at)
        return added


def _in_audit(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit may know of an account: no hash, no secret."""
    return {name: row[name] for name in ("role", "disabled", "provider", "display_name") if row.get(name) != ""}


def _insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row`; False when its key is taken."""
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    # PostgreSQL does not count here, so the key of the new row is asked back.
    statement = insert(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def change_account(engine: Engine, name: str, at: datetime, entry: Entry, **changes: Any) -> bool:
    """Change columns of an account and revoke all its sessions in the same breath; False when there is none.

    No device is known to it any more.

    The tokens of a disabled account, and of one with another role, end with its sessions. Raises LastAdmin, also when
    two of the last admins shut each other out at the same moment.
    """
    with transaction(engine) as connection:
        write_alone(connection, accounts)
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
    """Microsoft calls somebody differently today."""
    with transaction(engine) as connection:
        connection.execute(update(accounts).where(accounts.c.name == name).values(display_name=display_name))


def add_session(
    engine: Engine, row: Mapping[str, Any], *, forget_before: datetime, entry: Entry | None = None,
    seen: Account | None = None, too_many: TooMany | None = None,
) -> bool:  # fmt: skip
    """Store a new session; those that began before `forget_before` have served their time and go.

    Return False, and store nothing, if the account is no longer the one that was `seen` when the password was looked
    at: a session that begins while a new password is set would else outlive it.
    """
    column = accounts.c
    same = [column.name == row["account"]]
    if seen is not None:
        same += [column.disabled.is_(False), column.role == seen.role]
        same += [column.password_changed_at == seen.password_changed_at]
        same += [column.totp_confirmed_at.is_not_distinct_from(seen.totp_confirmed_at)]
    with transaction(engine) as connection:
        found = connection.execute(update(accounts).where(*same).values(last_sign_in_at=row["created_at"])).rowcount
        if seen is not None and not found:
            return False
        forget_older(connection, sessions.c.created_at, forget_before)
        connection.execute(sessions.insert().values(**row))
        if entry is not None:
            append(connection, entry, row["created_at"])
        if too_many is not None:
            _end_oldest(connection, row["account"], row["created_at"], too_many)
    return True


def _end_oldest(connection: Connection, account: str, at: datetime, too_many: TooMany) -> None:
    column = sessions.c
    still_open = [column.account == account, column.revoked_at.is_(None), column.created_at > too_many.created_after]
    newest_first = column.created_at.desc(), column.token_hash
    oldest = select(column.token_hash).where(*still_open, column.last_seen_at > too_many.seen_after)
    hashes = connection.execute(oldest.order_by(*newest_first).offset(too_many.most)).scalars().all()
    if hashes:
        connection.execute(_revoke(at).where(column.token_hash.in_(hashes)))
        append(connection, too_many.entry.changed(None, {"sessions": len(hashes)}), at)


def find_sessions(engine: Engine, token_hashes: Collection[str]) -> dict[str, StoredSession]:
    """The rows of these sessions by token hash, also those that have ended."""
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
    """The first end of a session is the one that is kept."""
    return update(sessions).where(sessions.c.revoked_at.is_(None)).values(revoked_at=at)


def find_failures(engine: Engine, key: str) -> Failures | None:
    with transaction(engine) as connection:
        row = connection.execute(select(sign_in_failures).where(sign_in_failures.c.key == key)).mappings().first()
    return Failures(row["count"], row["last_at"]) if row else None


def record_failure(engine: Engine, key: str, seen: Failures | None, new: Failures, *, forget_before: datetime) -> bool:
    """Write `new` for `key` if the row still stands where the caller saw it; False when somebody was faster.

    Attempts that arrive side by side can so not share one look at the counter. Rows from before `forget_before` go.
    """
    column = sign_in_failures.c
    with transaction(engine) as connection:
        if seen is not None:
            unchanged = (column.key == key) & (column.count == seen.count) & (column.last_at == seen.last_at)
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
