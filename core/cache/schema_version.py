"""The version of a database's tables, and that of this program's migrations."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

MIGRATIONS = Path(__file__).with_name("migrations")


def stored_version(connection: Connection) -> str | None:
    """Return the version of the database's tables, None of an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()


@cache
def newest_version(migrations: Path = MIGRATIONS) -> str:
    """Return the version after all `migrations`; their files are named `<version>_<what it does>.py`, in order."""
    return max(file.stem.partition("_")[0] for file in migrations.glob("versions/*.py"))
