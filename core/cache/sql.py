"""SQL helpers that several modules of the cache use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.cache.database import DatabaseError, need_same_file, problem_of
from core.cache.schema import documents

Day = TypeVar("Day", date, datetime)

Transaction = Connection  # for the rooms above, which hand it on and write no SQL

_DOCUMENT = select(documents.c.value).where(documents.c.key == bindparam("this_key"))
FORGET_AT_A_TIME = 2  # rows deleted for each new one

_fence: ContextVar[Callable[[Connection], None] | None] = ContextVar("fence", default=None)


@contextmanager
def fenced(check: Callable[[Connection], None]) -> Iterator[None]:
    """Call `check` first in each transaction of this block, also in the threads that work for it; it may raise."""
    token = _fence.set(check)
    try:
        yield
    finally:
        _fence.reset(token)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Yield the connection of one transaction; errors of the driver become DatabaseError."""
    try:
        with engine.begin() as connection:
            need_same_file(connection)
            if (check := _fence.get()) is not None:
                check(connection)
            yield connection
    except (DBAPIError, PoolTimeout) as error:
        problem = problem_of(error, engine.url.database or engine.url.host or "")
        if problem.code == "database.damaged":
            engine.dispose()  # connections must not keep pages of the broken file after its repair
        raise DatabaseError(problem) from error


def _insert(connection: Connection) -> Any:
    """Return the INSERT of this kind of database, which supports ON CONFLICT."""
    return postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, or overwrite those with the same primary key; all must have the same columns."""
    if rows:
        connection.execute(_upsert_statement(_insert(connection), table, tuple(rows[0])), list(rows))


@cache
def _upsert_statement(insert: Any, table: Table, columns: tuple[str, ...]) -> Any:
    """Return the statement of `upsert`; kept, for to build one takes twice as long as to compile it."""
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def count_one(connection: Connection, table: Table, key: Mapping[str, Any], counter: Column[Any]) -> int:
    """Add 1 to `counter` in the row with this key, a new one begins with 1; return the number by now."""
    statement = _insert(connection)(table).values({**key, counter.name: 1})
    counted = statement.on_conflict_do_update(index_elements=list(key), set_={counter.name: counter + 1})
    return int(connection.execute(counted.returning(counter)).scalar_one())


def of_tenants(query: Select[Any], table: Table, tenant_ids: Collection[str] | None) -> Select[Any]:
    """Return the query for the rows of these tenants in `table`; None: of all."""
    return query if tenant_ids is None else query.where(table.c.tenant_id.in_(tenant_ids))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows` whose key is free; all must have the same columns."""
    if rows:
        connection.execute(_insert(connection)(table).on_conflict_do_nothing(), list(rows))


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row`; return False if its key is taken."""
    # PostgreSQL gives no row count here, so the statement returns the key of the new row.
    statement = _insert(connection)(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def share_before(connection: Connection, column: ColumnElement[Day], before: Day, most: timedelta) -> Day | None:
    """Return `before`, or less: at most `most` after the least value in `column`; None if it has no value.

    What is older than that may be deleted at once; so a wrong clock does not empty a table.
    """
    oldest = connection.execute(select(func.min(column))).scalar()
    return None if oldest is None else min(before, oldest + most)


def document(engine: Engine, key: str, default: Any = None) -> Any:
    """Return the stored document `key`, or `default`."""
    with transaction(engine) as connection:
        value = connection.execute(_DOCUMENT, {"this_key": key}).scalar()
    return default if value is None else value


def save_document(connection: Connection, key: str, value: Any) -> None:
    upsert(connection, documents, [{"key": key, "value": value}])


def lock_for_writing(connection: Connection, table: Table) -> None:
    """Lock `table` against other writers until this transaction ends; rows that are read after this do not change."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")
    else:  # changes nothing, but takes the write lock of SQLite
        connection.execute(delete(table).where(false()))


def forget_older(connection: Connection, column: Column[datetime], before: datetime) -> None:
    """Delete the oldest rows with a time in `column` before `before`, at most FORGET_AT_A_TIME.

    Called with every new row, so the table does not grow, and a wrong clock does not empty it.
    """
    (key,) = column.table.primary_key
    oldest = select(key).where(column < before).order_by(column).limit(FORGET_AT_A_TIME)
    connection.execute(delete(column.table).where(key.in_(oldest.scalar_subquery())))


def data_version(engine: Engine) -> int:
    """Return the version of the data; frames of an equal version are equal."""
    return int(document(engine, "version", 0))


def increase_version(connection: Connection, key: str = "version") -> None:
    """Increase the version of the data, or that of another document, so that pages read it again."""
    connection.execute(_next_version(_insert(connection), key))


@cache
def _next_version(insert: Any, key: str) -> Any:
    """Return the statement of `increase_version`: one, so that two transactions do not store the same number."""
    following = cast(cast(documents.c.value, Text), Integer) + 1
    statement = insert(documents).values(key=key, value=1)
    return statement.on_conflict_do_update(
        index_elements=[documents.c.key], set_={"value": cast(cast(following, Text), documents.c.value.type)}
    )
