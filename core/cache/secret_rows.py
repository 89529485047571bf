"""Encrypted values in the database: their columns, the key in use, and the change of all in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, create_engine, inspect, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.cache.audit_rows import Entry, append
from core.cache.database import DatabaseError, problem_of
from core.cache.schema import accounts, channels, documents, messages
from core.cache.sql import lock_for_writing, save_document, transaction

TOTP = "totp"
CHANNEL, MESSAGE = "channel", "message"
DOCUMENT = "secrets"
PATIENCE_MS = 2000  # wait for other readers; the next start tries again


@dataclass(frozen=True, slots=True)
class Place:
    """A column of encrypted values ("" for none), and the key column of its table, which identifies the owner."""

    purpose: str
    owner: Column[Any]
    value: Column[Any]


PLACES = (
    Place(TOTP, accounts.c.name, accounts.c.totp_secret),
    Place(CHANNEL, channels.c.channel_id, channels.c.secret),
    Place(MESSAGE, messages.c.message_id, messages.c.secret),
)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    purpose: str
    owner: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretState:
    """`key_id`: the key in use, "" while the values are not encrypted yet.

    `cleared`: no free page of the database file has unencrypted values any more.
    """

    key_id: str = ""
    cleared: bool = False


def secret_state(engine: Engine) -> SecretState:
    with transaction(engine) as connection:
        return _state(connection)


def stored_secrets(engine: Engine) -> list[StoredSecret]:
    with transaction(engine) as connection:
        return _stored(connection)


def rewrite_secrets(
    engine: Engine,
    change: Callable[[StoredSecret], str],
    new: SecretState,
    *,
    old: SecretState,
    at: datetime,
    entry: Entry | None = None,
) -> int | None:
    """Replace every secret by `change(secret)`, in one transaction; return how many there are.

    Return None, and change nothing, if the state is no longer `old`. An exception of `change` leaves all unchanged.
    """
    with transaction(engine) as connection:
        for place in PLACES:
            lock_for_writing(connection, place.value.table)
        if _state(connection) != old:
            return None
        secrets = _stored(connection)
        for secret in secrets:
            place = next(place for place in PLACES if place.purpose == secret.purpose)
            row = update(place.value.table).where(place.owner == secret.owner)
            connection.execute(row.values({place.value.name: change(secret)}))
        _save(connection, new)
        if entry is not None:
            append(connection, entry, at)
        return len(secrets)


def clear_free_pages(engine: Engine, state: SecretState) -> bool:
    """Rebuild the database file (VACUUM), so that former values are gone, and store `cleared`.

    Return False if somebody else is reading the database. Raises DatabaseError.
    """
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # so that the changed timeout ends with this connection
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
                connection.exec_driver_sql("VACUUM")
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
            else:
                busy = 0
                connection.exec_driver_sql(f"SET lock_timeout = {PATIENCE_MS}")
                for table in {place.value.table.name for place in PLACES}:
                    connection.exec_driver_sql(f"VACUUM FULL {table}")
    except DBAPIError as error:
        raise DatabaseError(problem_of(error, engine.url.database or engine.url.host or "")) from error
    if busy:
        return False
    with transaction(engine) as connection:
        _save(connection, SecretState(state.key_id, cleared=True))
    return True


def copies_in_clear(engine: Engine) -> list[Path]:
    """Return the backups made before an upgrade (SQLite) that have unencrypted secrets."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file:
        return []
    return [copy for copy in sorted(Path(file).parent.glob(f"{Path(file).name}.*.bak")) if _is_in_clear(copy)]


def _is_in_clear(copy: Path) -> bool:
    address = f"{copy.resolve().as_uri()}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()  # of an earlier version
            places = [place for place in PLACES if place.value.table.name in tables]
            return not _state(connection).key_id and bool(_stored(connection, places))
    except (DBAPIError, ValueError):  # a version before second factors, or a damaged file
        return False


def _state(connection: Connection) -> SecretState:
    value = connection.execute(select(documents.c.value).where(documents.c.key == DOCUMENT)).scalar()
    return SecretState(**(value or {}))


def _save(connection: Connection, state: SecretState) -> None:
    save_document(connection, DOCUMENT, {"key_id": state.key_id, "cleared": state.cleared})


def _stored(connection: Connection, places: Sequence[Place] = PLACES) -> list[StoredSecret]:
    return [
        StoredSecret(place.purpose, owner, value)
        for place in places
        for owner, value in connection.execute(
            select(place.owner, place.value).where(place.value != "").order_by(place.owner)
        )
    ]
