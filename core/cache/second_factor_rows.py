"""The second factor of accounts in the database: encrypted secret, last used step, recovery codes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Engine, delete, func, insert, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import accounts, recovery_codes
from core.cache.sql import lock_for_writing, transaction

STEPS_A_DAY = 2880  # of 30 seconds
NOTHING = {"totp_secret": "", "totp_confirmed_at": None, "totp_last_step": None}


def keep_secret(engine: Engine, name: str, sealed: Callable[[], str]) -> bool:
    """Store a secret that is not confirmed yet; return False if there is a confirmed one, or no such account.

    `sealed` returns the encrypted secret. It is called under the write lock, so that no rotation of keys comes between.
    """
    column = accounts.c
    statement = update(accounts).where(column.name == name, column.totp_confirmed_at.is_(None))
    with transaction(engine) as connection:
        lock_for_writing(connection, accounts)
        return connection.execute(statement.values({**NOTHING, "totp_secret": sealed()})).rowcount == 1


def confirm(
    engine: Engine, name: str, secret: str, step: int, code_hashes: Collection[str], at: datetime, entry: Entry
) -> bool:
    """Confirm `secret`, so that its codes are needed; return False if it is not the stored, unconfirmed one."""
    column = accounts.c
    waiting = (column.name == name) & (column.totp_secret == secret) & column.totp_confirmed_at.is_(None)
    with transaction(engine) as connection:
        changes = {"totp_confirmed_at": at, "totp_last_step": step}
        if connection.execute(update(accounts).where(waiting).values(changes)).rowcount != 1:
            return False
        connection.execute(delete(recovery_codes).where(recovery_codes.c.account == name))
        connection.execute(insert(recovery_codes), [{"account": name, "code_hash": code} for code in code_hashes])
        append(connection, entry, at)
        return True


def remove(engine: Engine, name: str, at: datetime, entry: Entry) -> bool:
    """Delete secret and recovery codes; return False if there are none."""
    with transaction(engine) as connection:
        there = (accounts.c.name == name) & (accounts.c.totp_secret != "")
        if connection.execute(update(accounts).where(there).values(NOTHING)).rowcount != 1:
            return False
        connection.execute(delete(recovery_codes).where(recovery_codes.c.account == name))
        append(connection, entry, at)
        return True


def use_step(engine: Engine, name: str, step: int) -> bool:
    """Store `step` as the last used one; return False if it, or a later one, was used before.

    A stored step more than a day ahead does not count: it comes from a wrong clock.
    """
    last = accounts.c.totp_last_step
    column, unused = accounts.c, or_(last.is_(None), last < step, last > step + STEPS_A_DAY)
    with transaction(engine) as connection:
        statement = update(accounts).where(column.name == name, column.totp_confirmed_at.is_not(None), unused)
        return connection.execute(statement.values(totp_last_step=step)).rowcount == 1


def use_recovery_code(engine: Engine, name: str, code_hash: str, at: datetime, entry: Entry) -> bool:
    """Mark a recovery code as used; return False if it is unknown or used."""
    column = recovery_codes.c
    unused = (column.account == name) & (column.code_hash == code_hash) & column.used_at.is_(None)
    with transaction(engine) as connection:
        if connection.execute(update(recovery_codes).where(unused).values(used_at=at)).rowcount != 1:
            return False
        append(connection, entry, at)
        return True


def codes_left(engine: Engine, name: str) -> int:
    """Return the number of unused recovery codes."""
    column = recovery_codes.c
    query = select(func.count()).select_from(recovery_codes).where(column.account == name, column.used_at.is_(None))
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())
