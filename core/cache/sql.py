"""Small pieces of SQL that several modules of the cache share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, Table, Text, cast, delete, false, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from core.cache.database import DatabaseError, problem_of
from core.cache.schema import documents

FORGET_AT_A_TIME = 2  # rows for each new one


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction; a fault of the database leaves it as DatabaseError, in words."""
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        problem = problem_of(error, engine.url.database or engine.url.host or "")
        if problem.code == "database.damaged":
            engine.dispose()  # what a connection remembers of the broken file must not outlive its repair
        raise DatabaseError(problem) from error


def _insert(connection: Connection) -> Any:
    """The INSERT of this kind of database, which may go on where the row is there already."""
    return postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, or overwrite those with the same primary key; all rows have the same columns."""
    if not rows:
        return
    statement = _insert(connection)(table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), list(rows))


def document(engine: Engine, key: str, default: Any = None) -> Any:
    """The stored document `key`, or `default`."""
    with transaction(engine) as connection:
        value = connection.execute(select(documents.c.value).where(documents.c.key == key)).scalar()
    return default if value is None else value


def save_document(connection: Connection, key: str, value: Any) -> None:
    upsert(connection, documents, [{"key": key, "value": value}])


def write_alone(connection: Connection, table: Table) -> None:
    """Let nobody else write into `table` until this transaction ends: what is read in it now stays true."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")
    else:  # without effect, but it takes the one write lock that SQLite has
        connection.execute(delete(table).where(false()))


def forget_older(connection: Connection, column: Column[datetime], before: datetime) -> None:
    """Delete the oldest rows whose time in `column` is earlier than `before`, FORGET_AT_A_TIME at the most.

    Called with every new row: the table does not grow, and a clock that is far ahead for once does not empty it.
    """
    (key,) = column.table.primary_key
    oldest = select(key).where(column < before).order_by(column).limit(FORGET_AT_A_TIME)
    connection.execute(delete(column.table).where(key.in_(oldest.scalar_subquery())))


def data_version(engine: Engine) -> int:
    """Counts the changes that pages should know of; equal version, equal frames."""
    return int(document(engine, "version", 0))


def bump(connection: Connection) -> None:
    """Tell the pages that there is something newer."""
    # In one statement: two transactions could otherwise count to the same number.
    following = cast(cast(documents.c.value, Text), Integer) + 1
    statement = _insert(connection)(documents).values(key="version", value=1)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[documents.c.key], set_={"value": cast(cast(following, Text), documents.c.value.type)}
        )
    )
