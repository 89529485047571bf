"""The version of a database's tables, and whether this program works with it."""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, delete, insert, inspect, select, table

from core.cache.schema import documents

MIGRATIONS = Path(__file__).with_name("migrations")
ALEMBIC_VERSION = table("alembic_version", column("version_num"))
MOVING = "moving-"  # before the version of a database into which a move still copies
# The document with the oldest version of the program that works with these tables: {"needs_code": "0012"}.
RULE = "schema"


class Fit(Enum):
    """Whether a program works with the tables of a database."""

    FITS = "fits"  # the version of the program, or a newer one that has only added something
    OLDER = "older"
    NEWER = "newer"
    MOVING = "moving"


def fit_of(stored: str | None, own: str, needs_code: str = "") -> Fit:
    """Return how tables of the version `stored` (None: there are none) fit a program of the version `own`.

    `needs_code`: the oldest version of the program that works with these tables, "" if it is not known.
    """
    if stored == own:
        return Fit.FITS
    if stored is None:
        return Fit.OLDER
    if stored.startswith(MOVING):
        return Fit.MOVING
    if stored < own:
        return Fit.OLDER
    return Fit.FITS if needs_code and needs_code <= own else Fit.NEWER


def stored_version(connection: Connection) -> str | None:
    """Return the version of the database's tables, None of an empty database."""
    if not inspect(connection).has_table(ALEMBIC_VERSION.name):
        return None
    version: str | None = connection.execute(select(ALEMBIC_VERSION.c.version_num)).scalar()
    return version


def stored_fit(connection: Connection, migrations: Path = MIGRATIONS) -> tuple[Fit, str | None]:
    """Return how the database fits the program with these `migrations`, and its version."""
    stored, own = stored_version(connection), newest_version(migrations)
    fit = fit_of(stored, own)
    if fit is Fit.NEWER and inspect(connection).has_table(documents.name):
        rule = connection.execute(select(documents.c.value).where(documents.c.key == RULE)).scalar()
        fit = fit_of(stored, own, rule["needs_code"] if rule else "")
    return fit, stored


def save_rule(connection: Connection, needs_code: str) -> None:
    """Store the oldest version of the program that works with these tables."""
    connection.execute(delete(documents).where(documents.c.key == RULE))
    connection.execute(insert(documents).values(key=RULE, value={"needs_code": needs_code}))


@cache
def newest_version(migrations: Path = MIGRATIONS) -> str:
    """Return the version after all `migrations`; their files are named `<version>_<what it does>.py`, in order."""
    return max(file.stem.partition("_")[0] for file in migrations.glob("versions/*.py"))
