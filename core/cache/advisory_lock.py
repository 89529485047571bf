"""PostgreSQL advisory lock: held until it is released or its connection ends."""

from __future__ import annotations

import contextlib
import threading

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.cache.database import DatabaseError, problem_of
from core.cache.sql import transaction

# The lock has two numbers, from its name and the schema: two installations may share a database.
NUMBERS = "hashtext(:name), hashtext(current_schema())"
TAKE = text(f"SELECT pg_try_advisory_lock({NUMBERS})")
TRY = text(f"SELECT pg_try_advisory_xact_lock({NUMBERS})")
# This connection takes no other advisory lock. 0 also if a pooler has switched it to another server session.
STILL_HELD = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()")
# Seconds; by default the server notices a lost machine after two hours only, and keeps its lock until then.
KEEP_ALIVE = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"


class AdvisoryLock:
    """The lock `name` in the database of `engine`, held by at most one owner on all machines; safe for any thread."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, {"name": name}
        self._connection: Connection | None = None  # while the lock is held
        self._guard = threading.Lock()

    def take(self) -> bool:
        """Take the lock; return False if it is held already. Raises DatabaseError."""
        with self._guard:
            if self._connection is not None:
                return False
            try:
                with contextlib.ExitStack() as stack:
                    connection = stack.enter_context(contextlib.closing(self._connect()))
                    if connection.execute(TAKE, self._name).scalar():
                        self._connection = connection
                        stack.pop_all()
            except DBAPIError as error:
                raise DatabaseError(problem_of(error, self._engine.url.render_as_string())) from error
            return self._connection is not None

    def free(self) -> bool:
        """Return True if nobody holds the lock at present. Raises DatabaseError."""
        with transaction(self._engine) as connection:
            return bool(connection.execute(TRY, self._name).scalar())

    def held(self) -> bool:
        """Return True while this object holds the lock; False if its connection was lost."""
        with self._guard:
            if self._connection is None:
                return False
            try:
                held = bool(self._connection.execute(STILL_HELD).scalar())
            except SQLAlchemyError:
                held = False
            if not held:
                self._drop()
            return held

    def release(self) -> None:
        """Release the lock; do nothing if it was lost."""
        with self._guard:
            if self._connection is not None:
                with contextlib.suppress(SQLAlchemyError):  # the server notices the end of the connection later
                    self._connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
            self._drop()

    def _connect(self) -> Connection:
        """Return a connection outside of the pool, which close() really closes."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            connection.detach()
            connection.exec_driver_sql(KEEP_ALIVE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.close()
