"""A database into which a move copies: which tables it has got, and that no process of the product may open it yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)

from core.cache.database import DatabaseError
from core.cache.schema import audit_anchor, calendars, cases, documents, levels, metadata
from core.cache.schema_version import ALEMBIC_VERSION, MOVING, newest_version, stored_version
from core.cache.table_copy import Contents
from core.problems import Problem

SEEDED = (documents, audit_anchor, calendars, levels)  # tables of which the migrations write the first rows
LARGEST = 2**31 - 1  # no row of the audit has a larger number
# Not in the metadata of the schema: it is there only while a move goes on.
copied_tables = Table(
    "copied_tables",
    MetaData(),
    Column("name", String(100), primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("digest", String(32), nullable=False),
)


def has_no_tables(connection: Connection) -> bool:
    """Return True if the database has no table. Raises DatabaseError if it has some, but none of the product."""
    names = set(inspect(connection).get_table_names())
    if names and ALEMBIC_VERSION.name not in names:
        raise DatabaseError(Problem("move.foreign", {"tables": ", ".join(sorted(names)[:5])}))
    return not names


def copied_before(target: Connection) -> Mapping[str, Contents] | None:
    """Return the tables that an interrupted move has copied, None if the database has no data yet.

    Raises DatabaseError if it has another version, or data that no move has copied.
    """
    version, own = stored_version(target), newest_version()
    if version == MOVING + own:
        return {row.name: Contents(row.rows, row.digest) for row in target.execute(select(copied_tables))}
    if version != own:
        raise DatabaseError(Problem("move.other_version", {"version": str(version), "own": own}))
    for table in metadata.sorted_tables:
        if table not in SEEDED and (rows := target.execute(select(func.count()).select_from(table)).scalar_one()):
            raise DatabaseError(Problem("move.not_empty", {"table": table.name, "count": str(rows)}))
    return None


def begin(target: Connection) -> None:
    """Mark a database without data as one that is being filled."""
    copied_tables.create(target, checkfirst=True)
    target.execute(update(ALEMBIC_VERSION).values(version_num=MOVING + newest_version()))
    make_empty(target)


def make_empty(target: Connection) -> None:
    """Delete all rows of a database that is being filled."""
    # The audit lets nobody delete rows after the number in its anchor.
    target.execute(delete(audit_anchor))
    target.execute(insert(audit_anchor).values(one=1, seq=LARGEST, hash=""))
    target.execute(delete(cases))  # the events of a case go only together with it
    others = [table for table in reversed(metadata.sorted_tables) if table is not audit_anchor]
    for table in (*others, audit_anchor, copied_tables):
        target.execute(delete(table))


def note_copied(target: Connection, table: str, contents: Contents) -> None:
    """Note, in the transaction of its rows, that a table is complete."""
    target.execute(insert(copied_tables).values(name=table, **asdict(contents)))


def finish(target: Connection) -> None:
    """Give the database its version, so that processes of the product may open it."""
    target.execute(update(ALEMBIC_VERSION).values(version_num=newest_version()))
    copied_tables.drop(target)
