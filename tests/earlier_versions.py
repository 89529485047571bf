"""Databases of earlier versions: the migrations up to one of them, and a place for each kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.cache.database import open_database
from core.cache.schema_version import MIGRATIONS
from tests.postgres import new_database


def migrations_up_to(newest: str, folder: Path) -> Path:
    """The migrations of a former version, up to the one with this number, in a new folder."""
    migrations = Path(shutil.copytree(MIGRATIONS, folder))
    for file in migrations.glob("versions/0*.py"):
        if file.name[:4] > newest:
            file.unlink()
    return migrations


@contextmanager
def opened(url: str, migrations: Path = MIGRATIONS) -> Iterator[Engine]:
    engine = open_database(url, migrations)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of each kind, in which there is nothing yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'lizenztool.db'}"
        return
    with new_database(request.getfixturevalue("postgres_url")) as url:
        yield url
