"""Table of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, api_tokens, sessions
from core.cache.sql import insert_new, lock_for_writing, transaction


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
        """Return True if the account can manage accounts even if nobody can sign in with Microsoft."""
        return self.role == "admin" and not self.disabled and self.provider == "local"

    @property
    def shown(self) -> str:
        """Return the account's name for people."""
        return self.display_name or self.name


class LastAdmin(Exception):
    """The change would leave no local account that can manage accounts."""


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
        added = insert_new(connection, accounts, asdict(account))
        if added:
            append(connection, entry.changed(None, _in_audit(asdict(account))), account.created_at)
        return added


def _in_audit(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an account for the audit: no hash, no secret."""
    return {name: row[name] for name in ("role", "disabled", "provider", "display_name") if row.get(name) != ""}


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
        connection.execute(revocation(at).where(sessions.c.account == name))
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


def revocation(at: datetime) -> Any:
    """Return the statement that ends sessions; one that has ended keeps its time."""
    return update(sessions).where(sessions.c.revoked_at.is_(None)).values(revoked_at=at)
