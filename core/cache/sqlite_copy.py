"""Copy an SQLite file while it is in use, and check a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.cache.database import DatabaseError, problem_of
from core.problems import Problem


def copy_sqlite(file: Path, copy: Path) -> None:
    """Copy the file with SQLite's own backup, which includes the write-ahead log. Raises DatabaseError."""
    # Read-only, for else a file that is missing would be made.
    address = f"{file.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(problem_of(error, str(file))) from error


def sqlite_row_counts(file: Path) -> dict[str, int]:
    """Return the number of rows of each table. Raises DatabaseError if the file is damaged."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            if (verdict := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise DatabaseError(Problem("database.damaged", {"file": file.name}, str(verdict)))
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            ).fetchall()
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables}  # noqa: S608 - the names of its own tables
    except sqlite3.Error as error:
        raise DatabaseError(problem_of(error, file.name)) from error


def sqlite_version(file: Path) -> str:
    """Return the version of the tables in the file, "" if it has none. Raises DatabaseError."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except sqlite3.Error as error:
        raise DatabaseError(problem_of(error, file.name)) from error
