"""Open the database: engine, SQLite options, version."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from core.cache.schema_version import MIGRATIONS, newest_version, stored_version
from core.problems import Problem, ProblemError

BUSY_SECONDS = 30
OPENED = "opened file"  # where a connection has its OpenedFile
JOURNAL_BYTES = 64 * 1024 * 1024


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
            opened = OpenedFile(file)
            event.listen(engine, "connect", partial(_set_up, opened))
            with FileLock(f"{file}.upgrade.lock", timeout=BUSY_SECONDS):
                _upgrade(engine, file, migrations)
            opened.keep()
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


class OpenedFile:
    """The SQLite file of an engine. What is written after it was removed goes into a file without a name."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._identity: tuple[int, int] | None = None

    def keep(self) -> None:
        """Take the present file for the right one from now on."""
        self._identity = self._present()

    def need_same(self) -> None:
        """Raise DatabaseError if the file was removed or replaced, or cannot be found out about."""
        if self._identity is not None and self._present() != self._identity:
            raise DatabaseError(Problem("database.removed", {"file": str(self._file)}))

    def _present(self) -> tuple[int, int] | None:
        """Return what tells the file from any other that has its name, before or after; None if there is none."""
        try:
            status = self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:  # its folder is closed to us, or on a share that is away
            raise DatabaseError(problem_of(error, str(self._file))) from error
        return status.st_dev, status.st_ino


def need_same_file(connection: Connection) -> None:
    """Raise DatabaseError if the SQLite file of this connection was removed or replaced since it was opened."""
    if (opened := connection.info.get(OPENED)) is not None:
        opened.need_same()


def _set_up(opened: OpenedFile, connection: Any, record: Any) -> None:
    opened.need_same()  # before the first statement, which would make a new file
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL is safe against a crash of the process and saves a disk flush per tenant.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # A long transaction makes the write-ahead log large; afterwards it is cut to this again.
    cursor.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
    cursor.close()
    record.info[OPENED] = opened


def _upgrade(engine: Engine, file: Path | None, migrations: Path) -> None:
    with engine.connect() as connection:
        current = stored_version(connection)
    if current == newest_version(migrations):
        return
    from core.cache import upgrade  # alembic takes as long to load as a short command lasts

    if current is not None and not upgrade.is_known(migrations, current):
        where = str(file or engine.url.render_as_string())
        raise DatabaseError(Problem("database.newer", {"file": where, "version": current}))
    upgrade.upgrade(engine, file, migrations, current)
