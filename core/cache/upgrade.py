"""Upgrade the tables of a database with alembic, an SQLite file after a backup."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from core.cache.schema_version import newest_version, save_rule

FIRST_RULE = "0012"  # the migrations up to this one were made without the rule

log = logging.getLogger(__name__)


def needed_code(migrations: Path) -> str:
    """Return the oldest version of the program that works with the tables after all `migrations`.

    A migration only adds, so the program before it works on. One that takes something away names the first version
    that does without it: `needs_code = "0013"`.
    """
    revisions = ScriptDirectory.from_config(_config(migrations)).walk_revisions()
    return max([FIRST_RULE, *(getattr(revision.module, "needs_code", "") for revision in revisions)])


def is_known(migrations: Path, version: str) -> bool:
    """Return True if one of `migrations` leads to this version."""
    revisions = ScriptDirectory.from_config(_config(migrations)).walk_revisions()
    return version in {revision.revision for revision in revisions}


def upgrade(engine: Engine, file: Path | None, migrations: Path, current: str | None) -> None:
    """Upgrade from the version `current` (None: empty) to the newest of `migrations`, in one transaction.

    If it fails the database is as before, and its copy is deleted: a service that is started again and again would fill
    the disk.
    """
    copy = _back_up(file, current) if file is not None and current is not None else None
    try:
        _migrate(engine, file, migrations)
    except BaseException:
        if copy is not None:
            copy.unlink()
        raise
    if copy is not None:
        _give_back_free_pages(engine)


def _migrate(engine: Engine, file: Path | None, migrations: Path) -> None:
    with engine.connect() as connection:
        if file is not None:
            # A table that is rebuilt is dropped for a moment, which would delete the rows that refer to it.
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            # Otherwise SQLite overwrites each page of a dropped table with zeros, and needs three times the disk space.
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
            # One transaction: without this sqlite3 commits every change of a table separately.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif engine.dialect.name == "postgresql":
            # Of several machines that start at the same time one upgrades, the others wait.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('lizenztool.upgrade'))")
        config = _config(migrations)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if newest_version(migrations) > FIRST_RULE:
            save_rule(connection, needed_code(migrations))
        connection.commit()
    engine.dispose()  # the connection without foreign keys


def _give_back_free_pages(engine: Engine) -> None:
    """Make the file smaller if more than half of it is free, as after a large table was rebuilt smaller.

    A failure is logged: SQLite needs as much space again, in the folder for temporary files, too.
    """
    try:
        _vacuum(engine)
    except DBAPIError as error:
        log.warning("the database is upgraded, but its file cannot be made smaller: %s", error.orig)


def _vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        free, pages = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("freelist_count", "page_count")
        )
        if free and pages and free > pages / 2:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def _back_up(file: Path, version: str) -> Path:
    """Copy the file with SQLite's own backup, which includes the write-ahead log; return the complete copy."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    copy, part = file.with_name(f"{file.name}.{version}.{stamp}.bak"), file.with_name(f"{file.name}.part")
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        shutil.copymode(file, part)
        return part.rename(copy)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
