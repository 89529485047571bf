"""Backups of PostgreSQL: its programs, rights, secrets, and a restore that is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from core.backup.backup_error import BackupError
from core.cache.database import DatabaseError
from core.cache.postgres_copy import need_programs, restored_postgres, scratch_postgres, server_of, table_counts
from core.runtime import open_engine
from tests.postgres import new_database
from tests.test_backup import KILL, Home, left_behind, rules_of, state


@pytest.fixture
def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Home]:
    """A small installation with a database of its own on the server."""
    with new_database(postgres_url) as url:
        home = Home(tmp_path, {"LIZENZTOOL_DATABASE_URL": url}, monkeypatch, capsys)
        (home.folder / ".env").write_text("LIZENZTOOL_WORKERS=4\n")
        with rules_of(home) as rules:
            rules("as it was")
        yield home


def test_the_password_is_no_argument_of_a_program() -> None:
    server = server_of("postgresql+psycopg://anna:s%20cret@db.example:5433/licences?sslmode=require")

    assert server.address == "host=db.example dbname=licences user=anna port=5433 sslmode=require"
    assert server.environment["PGPASSWORD"] == "s cret"
    assert "s cret" not in repr(server)


@pytest.mark.parametrize(("version", "code"), [("9.6.24", "program_old"), ("14.2", "program_old"), ("99.1", "")])
def test_programs_older_than_the_server_are_refused_before_anything_is_written(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, code: str
) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version} (some packager)"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    try:
        need_programs(postgres_url)
        told = ""
    except DatabaseError as error:
        told = error.problem.code
    assert told == (f"backup.{code}" if code else "")


def test_without_the_programs_the_package_is_named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(DatabaseError) as caught:
        need_programs(postgres_url)

    assert "postgresql-client" in caught.value.problem.text("en")


def test_a_drill_without_the_right_to_make_a_database_says_which_right(home: Home) -> None:
    url = home.settings.database
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DO $$ BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    engine.dispose()

    with pytest.raises(DatabaseError) as caught, scratch_postgres(url.replace("tests@", "poor@"), "lt_drill", "public"):
        raise AssertionError

    assert "CREATEDB" in caught.value.problem.text("en")


def test_a_drill_leaves_no_database_behind(home: Home) -> None:
    home.create()

    code, _, errors = home.read("drill")

    assert (code, errors) == (0, ""), errors
    engine = create_engine(home.settings.database)
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
    engine.dispose()
    assert [name for name in names if "drill" in name] == []


def test_a_dump_that_cannot_be_loaded_leaves_the_database_as_it_was(home: Home, tmp_path: Path) -> None:
    home.create()
    broken = tmp_path / "broken"
    broken.write_bytes(b"PGDMP" + b"\0" * 100)
    before = table_counts(home.settings.database)

    with pytest.raises(DatabaseError), restored_postgres(home.settings.database, broken, "aside"):
        raise AssertionError

    assert table_counts(home.settings.database) == before


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("restore.journal", id="before anything is changed"),
        pytest.param(".before-restore-", id="before the first file is replaced, with the dump loaded"),
        pytest.param(".restoring/.env", id="among the files"),
    ],
)
def test_a_killed_restore_is_all_or_nothing(home: Home, where: str) -> None:
    new, file = state(home), home.create()
    (home.folder / ".env").write_text("LIZENZTOOL_WORKERS=5\n")
    with rules_of(home) as rules:
        rules("changed")
    old = state(home)

    code = home.child(KILL.format(nth=1, event="os.rename", where=where), "restore", file, "--key", home.key)

    assert code == -9, home.errors
    if (home.settings.data_dir / "restore.journal").exists():
        with pytest.raises(BackupError):
            open_engine(home.settings)
        assert home.run("restore", "--continue")[0] == 0
        assert state(home) == new
    else:
        assert state(home) == old
        assert home.read("restore", file)[0] == 0
        assert state(home) == new
    assert [name[:16] for name in left_behind(home)] == [".before-restore-"]
