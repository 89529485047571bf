"""Open a database for this process alone: nobody else writes while its rows are copied, or copied into it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from core.cache.database import DatabaseError, driver_errors
from core.problems import Problem

PATIENCE_SECONDS = 3  # until another process has ended its transaction, or the server a connection that was closed
TICK = 0.05
# Of this database and this user: a monitoring program with a user of its own may stay connected.
OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@contextmanager
def sole_connection(url: str) -> Iterator[Connection]:
    """Yield the only connection to the existing database at `url`; its JSON columns give and take their text.

    Raises DatabaseError if it is missing, in use by another process (also an idle one), or not reachable.
    """
    target = make_url(url)
    try:
        with driver_errors(target):
            engine = _engine(target)
            try:
                with engine.connect() as connection:
                    _need_alone(connection)
                    yield connection
            finally:
                engine.dispose()
    except DatabaseError as error:
        raise _in_use(target) if error.problem.code == "database.busy" else error from error


def _in_use(url: URL) -> DatabaseError:
    return DatabaseError(Problem("database.in_use", {"file": url.render_as_string()}))


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {"poolclass": NullPool, "json_serializer": _as_text, "json_deserializer": _as_text}
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **options)
    if not Path(url.database or "").is_file():
        raise DatabaseError(Problem("database.missing", {"file": url.database or ""}))
    engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS}, **options)
    event.listen(engine, "connect", _lock_file)
    return engine


def _as_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _lock_file(connection: Any, _record: Any) -> None:
    """Lock the file until the connection ends: each open connection of WAL mode holds a share of this lock."""
    try:
        connection.executescript("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT; PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise


def _need_alone(connection: Connection) -> None:
    """Raise DatabaseError if a server's database has other connections, which processes of the product keep open."""
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql("SET TIME ZONE 'UTC'")  # a time of the year 1 in another zone has no year in Python
    end = time.monotonic() + PATIENCE_SECONDS
    while connection.execute(OTHERS).scalar_one():
        if time.monotonic() > end:
            raise _in_use(connection.engine.url)
        connection.commit()  # within a transaction the answer stays the same
        time.sleep(TICK)
    connection.commit()


def keep_writers_out(connection: Connection, tables: list[str]) -> None:
    """Lock the tables of a server's database against writers until the transaction ends; an SQLite file is locked."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in tables)
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'")
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
