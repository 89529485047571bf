"""The place of the database, which tells a restored database from a copy that another machine works with."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from core.cache.sql import transaction

FILE = "place.json"
SERVER = text("SELECT system_identifier FROM pg_control_system()")
NAMES = text("SELECT current_database(), current_schema()")


def place_of(engine: Engine) -> str:
    """Return the place of the database: eight hex digits that stay the same when another database is put there.

    With SQLite it is the folder of the file, with PostgreSQL the server, the name of the database and its schema.
    """
    if engine.dialect.name == "postgresql":
        return _short(":".join(map(str, _server(engine))))
    return folder_place(Path(engine.url.database or "").resolve().parent)


def folder_place(folder: Path) -> str:
    """Return the place of a folder, kept in a file there; a copy of the folder is another place."""
    file = folder / FILE
    here: dict[str, Any] = {"host": socket.gethostname(), "path": str(folder)}
    with suppress(OSError, ValueError):
        stored = json.loads(file.read_text("utf-8"))
        here["inode"] = file.stat().st_ino
        if is_same_place(stored, here):
            return str(stored["id"])
    here["id"] = uuid4().hex[:8]
    try:
        file.write_text("{}", "utf-8")  # for its number
        here["inode"] = file.stat().st_ino
        file.write_text(json.dumps(here), "utf-8")
    except OSError:  # a folder that may not be written: its name has to do
        return _short(f"{here['host']}:{folder}")
    return str(here["id"])


def is_same_place(stored: Any, here: Mapping[str, Any]) -> bool:
    """Return True if the file was made where it is now: it was not copied, or it has the same machine and path.

    A container has another name after each start, but its volume keeps the number of the file (inode). A folder that
    is restored from a backup has other numbers, but the machine and path of before.
    """
    if not isinstance(stored, dict) or not isinstance(stored.get("id"), str):
        return False
    same_path = (stored.get("host"), stored.get("path")) == (here["host"], here["path"])
    return same_path or stored.get("inode") == here["inode"]


def _server(engine: Engine) -> tuple[Any, ...]:
    with transaction(engine) as connection:
        names = tuple(connection.execute(NAMES).one())
    with suppress(DBAPIError), engine.connect() as connection:  # a server may refuse that to us
        return connection.execute(SERVER).scalar(), *names
    return engine.url.host, *names


def host_name() -> str:
    """Return the name of this machine, or container, for people."""
    return socket.gethostname()[:60] or str(os.getpid())


def _short(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:8]
