"""Copy the tables of a PostgreSQL database with pg_dump, and bring them back with pg_restore and psql.

Passwords reach these programs by their environment, never by their arguments, which others can see.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.cache.database import DatabaseError, problem_of
from core.problems import Problem

PROGRAMS = ("pg_dump", "pg_restore", "psql")
SECRETS = ("password", "sslpassword")
PATIENCE_SECONDS = 30  # for a lock that somebody else holds
CHUNK = 64 * 1024
MAJOR = re.compile(r"(\d+)(?:\.|\s|beta|rc|devel|$)")
IN_PLACE = re.compile(
    r"SCHEMA - |COMMENT - SCHEMA "
)  # entries of a dump about the schema itself, which is there already
TRIGGER_FUNCTIONS = text(
    "SELECT DISTINCT p.proname FROM pg_trigger t"
    " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
    " WHERE NOT t.tgisinternal AND c.relnamespace = to_regnamespace(current_schema())"
    " AND p.pronamespace = c.relnamespace"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A database for the programs: its address without secrets, and the environment that has these."""

    address: str
    environment: Mapping[str, str] = field(repr=False)


def server_of(url: str) -> Server:
    """Return how the programs reach the database at `url`."""
    from psycopg.conninfo import make_conninfo

    target = make_url(url)
    _, parameters = target.get_dialect()().create_connect_args(target)
    password = str(parameters.get("password") or "")
    address = make_conninfo(**{name: value for name, value in parameters.items() if name not in SECRETS})
    environment = dict(os.environ) | ({"PGPASSWORD": password} if password else {})
    # What the program says is read by us, whatever language the machine speaks.
    return Server(address, environment | {"LC_ALL": "C", "PGAPPNAME": "lizenztool backup"})


def need_programs(url: str) -> None:
    """Raise DatabaseError if a program is missing, or older than the server, which it could not read."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise DatabaseError(Problem("backup.program_missing", {"program": program}))
    output = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=False).stdout
    own = _major(output.rpartition(") ")[2])
    with _connection(url) as connection:
        server = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if own < server:
        params = {"program": "pg_dump", "own": str(own), "server": str(server)}
        raise DatabaseError(Problem("backup.program_old", params))


def _major(version: str) -> int:
    match = MAJOR.match(version)
    return int(match[1]) if match else 0


@dataclass(frozen=True, slots=True)
class Dumped:
    """A dump: the schema of its tables, their version, and the number of rows of each."""

    namespace: str
    version: str
    tables: Mapping[str, int]


def dump_postgres(url: str, file: Path) -> Dumped:
    """Write a dump of all tables, as they are at one moment, to `file`. Raises DatabaseError."""
    need_programs(url)
    server = server_of(url)
    with _connection(url) as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        namespace = str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
        version = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
        tables = row_counts(connection)
        command = ["pg_dump", "--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--no-password",
                   f"--lock-wait-timeout={PATIENCE_SECONDS}s", f"--snapshot={snapshot}", f"--schema={namespace}",
                   f"--file={file}", f"--dbname={server.address}"]  # fmt: skip
        _run(command, server)
    return Dumped(namespace, version, tables)


def row_counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table of the present schema."""
    quote = connection.dialect.identifier_preparer.quote
    names = sorted(inspect(connection).get_table_names())
    return {
        name: int(connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)}").scalar_one())  # noqa: S608 - quoted
        for name in names
    }


def table_counts(url: str) -> dict[str, int]:
    """Return the number of rows of each table of the database at `url`. Raises DatabaseError."""
    with _connection(url) as connection:
        return row_counts(connection)


def check_dump(file: Path) -> None:
    """Raise DatabaseError if `file` is no dump that pg_restore can read."""
    if shutil.which("pg_restore") is None:
        raise DatabaseError(Problem("backup.program_missing", {"program": "pg_restore"}))
    _entries(file)


def _entries(file: Path) -> str:
    """Return the list of contents of a dump, without the schema itself."""
    listing = _run(["pg_restore", "--list", str(file)], None)
    return "".join(line for line in listing.splitlines(keepends=True) if not IN_PLACE.search(line))


@contextmanager
def restored_postgres(url: str, dump: Path, aside: str) -> Iterator[None]:
    """Yield with the dump loaded in a transaction that is committed after the block, or rolled back if it raises.

    The present tables go into the new schema `aside`, which exists from the commit on. Raises DatabaseError.
    """
    need_programs(url)
    server = server_of(url)
    with _connection(url) as connection:
        moves = _moves(connection, aside)
    with tempfile.TemporaryFile() as errors:
        psql = subprocess.Popen(
            ["psql", "--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null", "--set=ON_ERROR_STOP=1",
             f"--dbname={server.address}"],
            env=dict(server.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            _say(psql, errors, "BEGIN;", f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s';", *moves)
            _load(psql, errors, dump)
            _hear(psql, errors, "loaded")
            yield
            _say(psql, errors, "COMMIT;")
            _hear(psql, errors, "committed")
        finally:
            psql.kill()  # without a COMMIT the server rolls back
            for end in (psql.stdin, psql.stdout):
                with suppress(OSError):
                    if end is not None:
                        end.close()
            psql.wait()


def _moves(connection: Connection, aside: str) -> list[str]:
    """Return the statements that move the present tables, and the functions of their triggers, into `aside`."""
    quote = connection.dialect.identifier_preparer.quote
    tables = inspect(connection).get_table_names()
    functions = connection.execute(TRIGGER_FUNCTIONS).scalars().all()
    moves = [f"CREATE SCHEMA {quote(aside)};"]
    moves += [f"ALTER TABLE {quote(name)} SET SCHEMA {quote(aside)};" for name in sorted(tables)]
    return moves + [f"ALTER FUNCTION {quote(name)}() SET SCHEMA {quote(aside)};" for name in sorted(functions)]


def _load(psql: subprocess.Popen[bytes], errors: IO[bytes], dump: Path) -> None:
    """Send the dump to psql; raise DatabaseError if it is damaged, before anything is committed."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as listing:
        listing.write(_entries(dump))
        listing.flush()
        command = ["pg_restore", "--file=-", "--no-owner", "--no-privileges", f"--use-list={listing.name}", str(dump)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as restore:
            assert restore.stdout is not None  # noqa: S101 - for the type
            try:
                while chunk := restore.stdout.read(CHUNK):
                    _write(psql, errors, chunk)
            except BaseException:
                restore.kill()
                raise
        if restore.returncode:
            raise DatabaseError(Problem("backup.dump_damaged"))


def _say(psql: subprocess.Popen[bytes], errors: IO[bytes], *lines: str) -> None:
    _write(psql, errors, "".join(f"{line}\n" for line in lines).encode())


def _write(psql: subprocess.Popen[bytes], errors: IO[bytes], content: bytes) -> None:
    assert psql.stdin is not None  # noqa: S101 - for the type
    try:
        psql.stdin.write(content)
        psql.stdin.flush()
    except OSError:
        raise _failed(psql, errors) from None


def _hear(psql: subprocess.Popen[bytes], errors: IO[bytes], word: str) -> None:
    """Wait until psql has done everything so far. Raises DatabaseError if it stopped at an error."""
    _say(psql, errors, f"\\echo {word}")
    assert psql.stdout is not None  # noqa: S101 - for the type
    if psql.stdout.readline().strip() != word.encode():
        raise _failed(psql, errors)


def _failed(psql: subprocess.Popen[bytes], errors: IO[bytes]) -> DatabaseError:
    psql.kill()
    psql.wait()
    errors.seek(0)
    return _database_error(errors.read().decode(errors="replace"))


def _database_error(said: str) -> DatabaseError:
    """Return the error for what a program wrote: its first line with an error."""
    lines = [line for line in said.splitlines() if line.strip()]
    line = next((line for line in lines if "ERROR:" in line or "error:" in line), lines[0] if lines else "")
    line = line.rpartition("ERROR:")[2].rpartition("error:")[2].strip()[:300]
    right = "database" if "permission denied for database" in line or "permission denied to create" in line else ""
    return DatabaseError(Problem("backup.right_missing" if right else "backup.program_failed", {}, line))


def _run(command: Sequence[str], server: Server | None) -> str:
    done = subprocess.run(
        command, env=dict(server.environment) if server else None, capture_output=True, text=True, check=False,
        errors="replace", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise _database_error(done.stderr)
    return done.stdout


def present_schema(url: str) -> str:
    """Return the schema in which the product has its tables. Raises DatabaseError."""
    with _connection(url) as connection:
        return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())


def schema_exists(url: str, name: str) -> bool:
    """Return True if the database has the schema `name`. Raises DatabaseError."""
    with _connection(url) as connection:
        return connection.execute(text("SELECT to_regnamespace(:name)"), {"name": name}).scalar() is not None


def drop_schema_if_empty(url: str, name: str) -> bool:
    """Drop the schema `name` if it has no tables; return True if it did. Raises DatabaseError."""
    with _connection(url) as connection:
        if inspect(connection).get_table_names(schema=name):
            return False
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {connection.dialect.identifier_preparer.quote(name)}")
        connection.commit()
        return True


@contextmanager
def scratch_postgres(url: str, name: str, namespace: str) -> Iterator[str]:
    """Yield the URL of a new empty database `name` on the same server, which is dropped afterwards.

    Raises DatabaseError, also if the right to create databases is missing.
    """
    with _statements(url) as run:
        run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        run(f'CREATE DATABASE "{name}" TEMPLATE template0')
    target = make_url(url).set(database=name)
    try:
        with _statements(target.render_as_string(hide_password=False)) as run:
            run(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
        yield target.render_as_string(hide_password=False)
    finally:
        with _statements(url) as run:
            run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def _statements(url: str) -> Iterator[Callable[[str], object]]:
    with _connection(url, isolation_level="AUTOCOMMIT") as connection:
        yield connection.exec_driver_sql


@contextmanager
def _connection(url: str, **options: str) -> Iterator[Connection]:
    """Yield a connection of its own. Errors of the driver become DatabaseError."""
    engine: Engine = create_engine(make_url(url), poolclass=NullPool, **options)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        if "permission denied to create database" in str(error.orig):
            raise DatabaseError(Problem("backup.no_createdb", {}, str(error.orig))) from error
        raise DatabaseError(problem_of(error, engine.url.render_as_string())) from error
    finally:
        engine.dispose()
