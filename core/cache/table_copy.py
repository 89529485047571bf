"""Copy the rows of a table into another database, of any kind, and compare what both have."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Integer,
    String,
    Table,
    TableClause,
    column,
    func,
    insert,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from core.cache.database import DatabaseError
from core.cache.schema import DayNumber, ShownText, StoredTime, UtcTime, metadata
from core.problems import Problem

BATCH = 5_000  # rows in memory at a time

Row = tuple[Any, ...]
Progress = Callable[[str, int], None]  # (table, rows so far)


@dataclass(frozen=True, slots=True)
class Contents:
    """The number of rows and a digest of them, which depends neither on their order nor on the kind of database."""

    rows: int = 0
    digest: str = "0" * 32

    def and_also(self, rows: Sequence[Row]) -> Contents:
        """Return the contents with these rows, too."""
        digest = (int(self.digest, 16) + sum(map(_digest, rows))) % 2**128
        return Contents(self.rows + len(rows), f"{digest:032x}")


def _digest(row: Row) -> int:
    return int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest())


def copy_table(source: Connection, target: Connection, copied: Table, progress: Progress) -> Contents:
    """Copy all rows into the empty table of `target`, in its transaction; return what was written.

    Raises DatabaseError if the other kind of database refuses a row: a key too long, a row without its parent.
    """
    contents, columns = Contents(), _stored(copied)
    with closing(_batches(source, copied)) as batches:
        for rows in batches:
            try:
                _write(target, columns, rows)
            except (DBAPIError, target.dialect.loaded_dbapi.Error) as error:  # COPY gives the driver's own
                cause = str(getattr(error, "orig", None) or error)
                raise DatabaseError(Problem("database.row_refused", {"table": copied.name}, cause)) from error
            contents = contents.and_also(rows)
            progress(copied.name, contents.rows)
    return contents


def contents_of(connection: Connection, counted: Table) -> Contents:
    """Return what a table has, read in batches."""
    contents = Contents()
    for rows in _batches(connection, counted):
        contents = contents.and_also(rows)
    return contents


def _write(target: Connection, columns: TableClause, rows: Sequence[Row]) -> None:
    if target.dialect.driver != "psycopg":
        names = [named.name for named in columns.c]
        target.execute(insert(columns), [dict(zip(names, row, strict=True)) for row in rows])
        return
    # COPY takes a tenth of the time of INSERT. It wants the plain values, which are what was read.
    quote = target.dialect.identifier_preparer.quote
    names = [quote(named.name) for named in columns.c]
    driver: Any = target.connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(columns.name)} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _batches(connection: Connection, read: Table) -> Generator[Sequence[Row]]:
    """Yield all rows of a table, every value as both kinds of database can store it."""
    changes = [(place, change) for place, named in enumerate(read.columns) if (change := _change(named))]
    query = select(*_stored(read).c)
    with connection.execute(query, execution_options={"yield_per": BATCH}) as result:
        for batch in result.partitions():
            rows: Sequence[Row] = [tuple(row) for row in batch]
            yield [_changed(row, changes) for row in rows] if changes else rows


def _changed(row: Row, changes: Sequence[tuple[int, Callable[[Any], Any]]]) -> Row:
    values = list(row)
    for place, change in changes:
        if values[place] is not None:
            values[place] = change(values[place])
    return tuple(values)


def _change(read: Column[Any]) -> Callable[[Any], Any] | None:
    """Return the function for the values of a column, None if they are taken as they are, like those of keys."""
    if isinstance(read.type, JSON):
        return _json_text
    length = getattr(read.type, "length", None)
    if read.primary_key or read.foreign_keys or read.unique or not isinstance(_stored_type(read.type), String):
        return None
    return lambda value: value.replace("\0", "")[:length]  # an earlier version stored longer text in SQLite


def _json_text(text: str) -> str:
    """Return the JSON text; a single number in the form in which SQLite returns it, which stores it as a number."""
    if text[:1] not in "-0123456789":
        return text
    value = float(text)
    return str(int(value)) if value.is_integer() else str(value)


def _stored(described: Table) -> TableClause:
    return table(described.name, *(column(named.name, _stored_type(named.type)) for named in described.columns))


def _stored_type(described: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type that gives and takes what is stored, without the rules for what is shown."""
    for kind, stored in ((UtcTime, StoredTime()), (ShownText, String()), (DayNumber, Integer())):
        if isinstance(described, kind):
            return stored
    return JSON(none_as_null=True) if isinstance(described, JSON) else described


def continue_numbers(target: Connection) -> None:
    """Let the sequences of a server's database go on after the numbers that were copied; SQLite does so by itself."""
    if target.dialect.name != "postgresql":
        return
    for numbered in metadata.sorted_tables:
        if (key := numbered.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(numbered.name, key.name)
            following = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
            target.execute(select(func.setval(sequence, following, False)))
