"""Open the database: engine, SQLite options, upgrade of an older version after a backup."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from core.problems import Problem, ProblemError

BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).with_name("migrations")


class DatabaseError(ProblemError):
    """The database cannot be used; `problem` has the file and what to do."""


def open_database(url: str, migrations: Path = MIGRATIONS) -> Engine:
    """Return an engine on the database at `url` (SQLAlchemy URL), upgraded to the newest of `migrations`.

    A file of an older version is copied to `<file>.<version>.<time>.bak` before it is upgraded.
    Raises DatabaseError if it cannot be opened, is damaged or comes from a newer version.
    """
    target = make_url(url)
    file = Path(target.database) if target.get_backend_name() == "sqlite" and target.database else None
    try:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(target, connect_args={"timeout": BUSY_SECONDS} if file else {}, pool_pre_ping=not file)
        if file is not None:
            event.listen(engine, "connect", _sqlite_options)
            with FileLock(f"{file}.upgrade.lock", timeout=BUSY_SECONDS):
                _upgrade(engine, file, migrations)
        else:
            _upgrade(engine, None, migrations)
    except (DBAPIError, OSError, sqlite3.Error) as error:
        raise DatabaseError(problem_of(error, str(file or target.render_as_string()))) from error
    except ImportError as error:
        params = {"file": target.render_as_string(), "module": error.name or str(error)}
        raise DatabaseError(Problem("database.driver_missing", params)) from error
    return engine


def problem_of(error: BaseException, where: str) -> Problem:
    """Return the problem for an error of the driver: disk full, read-only, damaged, busy, or else not reachable."""
    text = str(getattr(error, "orig", None) or error)
    code = next((code for sign, code in SIGNS if sign in text.lower()), "database.unreachable")
    return Problem(code, {"file": where}, text)


SIGNS = (
    ("readonly", "database.read_only"),
    ("read-only", "database.read_only"),
    ("permission denied", "database.read_only"),
    ("disk is full", "database.full"),
    ("no space left", "database.full"),
    ("quota exceeded", "database.full"),
    ("disk i/o error", "database.disk_fault"),  # a full disk gives this text, too, while the database is opened
    ("malformed", "database.damaged"),
    ("not a database", "database.damaged"),
    ("database is locked", "database.busy"),
    ("could not be acquired", "database.busy"),
)


def _sqlite_options(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL is safe against a crash of the process and saves a disk flush per tenant.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _upgrade(engine: Engine, file: Path | None, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == script.get_current_head():
        return
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        where = str(file or engine.url.render_as_string())
        raise DatabaseError(Problem("database.newer", {"file": where, "version": current}))
    if file is not None and current is not None:
        _back_up(file, current)
    with engine.connect() as connection:
        if file is not None:
            # A table that is rebuilt is dropped for a moment, which would delete the rows that refer to it.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            # One transaction: without this sqlite3 commits every change of a table separately.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif engine.dialect.name == "postgresql":
            # Of machines that start at the same time one upgrades, the others wait.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('lizenztool.upgrade'))")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()  # the connection without foreign keys


def _back_up(file: Path, version: str) -> None:
    """Copy the file with SQLite's own backup, which includes the write-ahead log."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    copy = file.with_name(f"{file.name}.{version}.{stamp}.bak")
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    shutil.copymode(file, copy)
