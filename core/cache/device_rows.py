"""Keys for the cookies of known devices, and the addresses of stored sessions."""

from __future__ import annotations

from sqlalchemy import Engine, select, update

from core.cache.schema import accounts, sessions
from core.cache.sql import transaction

MOST_ADDRESSES = 500  # of one account


def key_of(engine: Engine, name: str) -> str:
    """Return the key of the account `name`, "" if it has none."""
    with transaction(engine) as connection:
        return connection.execute(select(accounts.c.device_key).where(accounts.c.name == name)).scalar() or ""


def make_key(engine: Engine, name: str, key: str) -> str:
    """Store `key` if the account has none; return the account's key, "" if there is no such account."""
    column = accounts.c
    with transaction(engine) as connection:
        without = (column.name == name) & (column.device_key == "")
        connection.execute(update(accounts).where(without).values(device_key=key))
        return connection.execute(select(column.device_key).where(column.name == name)).scalar() or ""


def addresses_of(engine: Engine, name: str) -> list[str]:
    """Return the addresses of the account's sessions, also of those that have ended."""
    statement = select(sessions.c.address).where(sessions.c.account == name).distinct().limit(MOST_ADDRESSES)
    with transaction(engine) as connection:
        return list(connection.execute(statement).scalars())
