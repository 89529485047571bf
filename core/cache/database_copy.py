"""Copy all tables of a database into another one, in the order of their references, and compare both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, func, select

from core.cache.audit_rows import Entry, append
from core.cache.database import DatabaseError, open_database, sqlite_file
from core.cache.schema import metadata
from core.cache.schema_version import newest_version, stored_version
from core.cache.sole_use import keep_writers_out, sole_connection
from core.cache.table_copy import Contents, Progress, contents_of, continue_numbers, copy_table
from core.cache.unfinished_move import begin, copied_before, finish, has_no_tables, make_empty, note_copied
from core.problems import Problem

TABLES = metadata.sorted_tables  # a table comes after those that it refers to
Copied = Mapping[str, Contents]


def rows_to_copy(source_url: str, target_url: str) -> Mapping[str, int]:
    """Return the number of rows of each table, after the checks that a copy begins with; change nothing."""
    with _source(source_url) as source:
        if not _lacks_tables(target_url):
            with sole_connection(target_url) as target:
                copied_before(target)
        return {table.name: source.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}


def copy_database(source_url: str, target_url: str, entry: Entry, now: datetime, progress: Progress) -> Copied:
    """Copy each table that an interrupted copy has not brought yet; return what both databases have in each.

    `entry` is written into the audit of the target. Raises DatabaseError; complete tables stay in the target.
    """
    with _source(source_url) as source:
        if _lacks_tables(target_url):
            open_database(target_url).dispose()
        with sole_connection(target_url) as target:
            copied = dict(_begin(source, target))
            for table in TABLES:
                if table.name not in copied:
                    with target.begin():
                        copied[table.name] = copy_table(source, target, table, progress)
                        note_copied(target, table.name, copied[table.name])
            _compare(target, copied)
            with target.begin():
                continue_numbers(target)
                append(target, entry.changed(None, {"rows": sum(table.rows for table in copied.values())}), now)
                finish(target)
    return copied


@contextmanager
def _source(url: str) -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now, while nobody writes.

    Raises DatabaseError if its version is not that of this program.
    """
    with sole_connection(url) as source:
        with source.begin():
            version = stored_version(source)
        if version != newest_version():
            raise DatabaseError(Problem("move.source_version", {"file": url, "version": str(version)}))
        with source.begin():
            keep_writers_out(source, [table.name for table in TABLES])
            yield source


def _lacks_tables(url: str) -> bool:
    """Return True if nothing is at `url` yet. Raises DatabaseError if tables of another program are there."""
    if (file := sqlite_file(url)) is not None and not file.exists():
        return True
    with sole_connection(url) as connection:
        return has_no_tables(connection)


def _begin(source: Connection, target: Connection) -> Copied:
    """Return what an interrupted copy has brought; if the source has changed since, empty the target and begin anew."""
    with target.begin():
        copied = copied_before(target)
        if copied is None:
            begin(target)
        elif any(contents_of(source, table) != copied[table.name] for table in TABLES if table.name in copied):
            make_empty(target)
            copied = None
    return copied or {}


def _compare(target: Connection, copied: Copied) -> None:
    """Raise DatabaseError, and empty the target, if it has not what was copied."""
    with target.begin():
        different = [table.name for table in TABLES if contents_of(target, table) != copied[table.name]]
        if different:
            make_empty(target)
    if different:
        raise DatabaseError(Problem("move.differs", {"tables": ", ".join(different)}))
