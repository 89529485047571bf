"""Open the database: engine, SQLite options, version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from core.cache.schema_version import MIGRATIONS, Fit, newest_version, stored_fit
from core.problems import Problem, ProblemError

BUSY_SECONDS = 30
OPENED = "opened file"  # where a connection has its OpenedFile
JOURNAL_BYTES = 64 * 1024 * 1024


class DatabaseError(ProblemError):
    """The database cannot be used; `problem` has the file and what to do."""


class OtherSchema(DatabaseError):
    """The tables have another version, with which this program does not work: wait, or upgrade them."""


def open_database(url: str, migrations: Path = MIGRATIONS, *, may_upgrade: bool = True) -> Engine:
    """Return an engine on the database at `url` (SQLAlchemy URL), upgraded to the newest of `migrations`.

    A file of an older version is copied to `<file>.<version>.<time>.bak` before it is upgraded.
    Raises DatabaseError if it cannot be opened or is damaged, OtherSchema if it comes from a newer version that this
    program does not work with, from an older one without `may_upgrade`, or a move into it has not ended.
    """
    target, file = _place(url)
    with driver_errors(target), _engine_or_nothing(target, file) as engine:
        if file is not None:
            opened = OpenedFile(file)
            event.listen(engine, "connect", partial(_set_up, opened))
            with FileLock(f"{file}.upgrade.lock", timeout=BUSY_SECONDS):
                _upgrade(engine, file, migrations, may_upgrade=may_upgrade)
            opened.keep()
        else:
            _upgrade(engine, None, migrations, may_upgrade=may_upgrade)
    return engine


def schema_at(url: str) -> tuple[Fit, str | None]:
    """Return how the tables at `url` fit this program, and their version; change nothing. Raises DatabaseError."""
    target, file = _place(url)
    if file is not None and not file.exists():
        return Fit.OLDER, None
    with driver_errors(target), _engine_or_nothing(target, file) as engine:
        try:
            with engine.connect() as connection:
                return stored_fit(connection)
        finally:
            engine.dispose()


def sqlite_file(url: str | URL) -> Path | None:
    """Return the SQLite file at this address, None if the database is on a server (or in memory)."""
    target = make_url(url)
    return Path(target.database) if target.get_backend_name() == "sqlite" and target.database else None


def _place(url: str) -> tuple[URL, Path | None]:
    """Return the address in its parts, and the file of SQLite."""
    return make_url(url), sqlite_file(url)


def shown_place(url: str | URL) -> str:
    """Return what a text calls the database at this address: the file, or the address without its password."""
    return str(sqlite_file(url) or make_url(url).render_as_string())


@contextmanager
def _engine_or_nothing(target: URL, file: Path | None) -> Iterator[Engine]:
    """Yield an engine, which keeps no connection open if the block fails."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(target, connect_args={"timeout": BUSY_SECONDS} if file else {}, pool_pre_ping=not file)
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


@contextmanager
def driver_errors(url: URL) -> Iterator[None]:
    """Raise DatabaseError for what the driver of `url` raises in the block, and if there is no driver."""
    try:
        yield
    except (DBAPIError, OSError, sqlite3.Error) as error:
        raise DatabaseError(problem_of(error, shown_place(url))) from error
    except ImportError as error:
        params = {"file": url.render_as_string(), "module": error.name or str(error)}
        raise DatabaseError(Problem("database.driver_missing", params)) from error


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
    ("deadlock detected", "database.busy"),
    ("lock timeout", "database.busy"),
    ("too many clients", "database.overloaded"),
    ("too many connections", "database.overloaded"),
    ("connection slots", "database.overloaded"),
    ("queuepool limit", "database.overloaded"),  # of this process
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


def _upgrade(engine: Engine, file: Path | None, migrations: Path, *, may_upgrade: bool) -> None:
    with engine.connect() as connection:
        fit, current = stored_fit(connection, migrations)
    if fit is Fit.FITS:
        return
    from core.cache import upgrade  # alembic takes as long to load as a short command lasts

    if fit is Fit.OLDER and current is not None and not upgrade.is_known(migrations, current):
        fit = Fit.NEWER  # of another program
    if fit is not Fit.OLDER or not may_upgrade:
        raise OtherSchema(_problem_of_schema(engine, fit, current, migrations))
    try:
        upgrade.upgrade(engine, file, migrations, current)
    except (IntegrityError, DataError) as error:
        params = {"file": shown_place(engine.url)}
        raise DatabaseError(Problem("database.odd_rows", params, str(error.orig))) from error


def schema_problem(connection: Connection) -> Problem | None:
    """Return why this program does not work with the tables of the database; None if it does."""
    fit, version = stored_fit(connection)
    return None if fit is Fit.FITS else _problem_of_schema(connection.engine, fit, version, MIGRATIONS)


def _problem_of_schema(engine: Engine, fit: Fit, version: str | None, migrations: Path) -> Problem:
    return Problem(
        f"database.{fit.value}",
        {"file": shown_place(engine.url), "version": version or "-", "own": newest_version(migrations)},
    )
