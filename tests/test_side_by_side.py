"""Old and new side by side: the tables a program works with, what a migration may change, waiting for an upgrade."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, NullPool, Table, create_engine, inspect, text

from core import runtime
from core.cache import upgrade
from core.cache.database import OtherSchema, open_database
from core.cache.schema_version import MIGRATIONS, Fit, fit_of, newest_version
from core.settings import Settings
from tests.earlier_versions import migrations_up_to, opened
from tests.office import Office
from tests.postgres import new_database
from tests.test_server import Start, start  # noqa: F401 - fixture

RELEASED = "0012"  # the newest migration of the last release: raise it with each release
NOW = datetime(2027, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "needs_code", "fit"),
    [
        pytest.param("0014", "", Fit.FITS, id="its-own"),
        pytest.param(None, "", Fit.OLDER, id="no-tables"),
        pytest.param("0013", "0012", Fit.OLDER, id="older"),
        pytest.param("0015", "0012", Fit.FITS, id="newer-with-more"),
        pytest.param("0015", "0014", Fit.FITS, id="newer-and-less-but-our-code-does-without"),
        pytest.param("0015", "0015", Fit.NEWER, id="newer-and-less"),
        pytest.param("0015", "", Fit.NEWER, id="newer-and-unknown"),
        pytest.param("1a2b3c", "", Fit.NEWER, id="another-program"),
        pytest.param("moving-0014", "0012", Fit.MOVING, id="a-move-that-has-not-ended"),
    ],
)
def test_a_program_works_with_its_own_tables_and_with_newer_ones_that_have_only_more(
    stored: str | None, needs_code: str, fit: Fit
) -> None:
    assert fit_of(stored, "0014", needs_code) is fit


# What a migration may change


@dataclass(frozen=True, slots=True)
class Shape:
    """A column as a database has it; `optional`: an INSERT may leave it off."""

    kind: str
    nullable: bool
    optional: bool


Shapes = dict[str, dict[str, Shape]]  # table -> column -> shape
ID, NAME, NOTE = Shape("INTEGER", False, False), Shape("VARCHAR(9)", False, False), Shape("TEXT", True, True)
BEFORE: Shapes = {"things": {"id": ID, "name": NAME}, "notes": {"note": NOTE}}
REQUIRED = Shape("TEXT", False, False)


def shapes_of(connection: Connection) -> Shapes:
    inspector = inspect(connection)
    return {
        table: {
            column["name"]: Shape(
                str(column["type"]), column["nullable"], column["nullable"] or column["default"] is not None
            )
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
    }


def breaks(before: Shapes, after: Shapes) -> list[str]:
    """What programs that know the tables `before` cannot do any more with those `after`."""
    gone = [table for table in before if table not in after]
    kept = [(table, column) for table in before if table in after for column in before[table]]
    gone += [f"{table}.{column}" for table, column in kept if column not in after[table]]
    new = [(table, column) for table in before if table in after for column in after[table].keys() - before[table]]
    return (
        [f"{name} is gone" for name in gone]
        + [f"{table}.{column} must be given" for table, column in new if not after[table][column].optional]
        + [f"{table}.{column} is another" for table, column in kept
           if column in after[table] and not takes(after[table][column], before[table][column])]
    )  # fmt: skip


def takes(after: Shape, before: Shape) -> bool:
    """Whether a column takes and gives all that it did before."""
    return after.kind == before.kind and after.nullable >= before.nullable and after.optional >= before.optional


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"more": {"id": ID}}, [], id="another-table"),
        pytest.param({"notes": {"note": NOTE, "x": NOTE}}, [], id="a-column-that-may-be-left-off"),
        pytest.param({"notes": {"note": NOTE, "x": ID}}, ["notes.x must be given"], id="a-column-that-must-be-given"),
        pytest.param({"things": {"id": ID}}, ["things.name is gone"], id="a-column-less"),
        pytest.param({"notes": None}, ["notes is gone"], id="a-table-less"),
        pytest.param({"notes": {"note": NAME}}, ["notes.note is another"], id="another-kind"),
        pytest.param({"notes": {"note": REQUIRED}}, ["notes.note is another"], id="null-forbidden"),
    ],
)
def test_what_breaks_an_older_program_is_seen(changed: dict[str, Any], said: list[str]) -> None:
    after = {table: columns for table, columns in (BEFORE | changed).items() if columns is not None}

    assert breaks(BEFORE, after) == said


def after_the_rule() -> list[str]:
    script = ScriptDirectory(str(MIGRATIONS))
    return sorted(one.revision for one in script.walk_revisions() if one.revision > upgrade.FIRST_RULE)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shapes]:
    """The tables of SQLite after each migration from the last one without the rule on."""
    folder, found = tmp_path_factory.mktemp("shapes"), {}
    for version in [upgrade.FIRST_RULE, *after_the_rule()]:
        engine = open_database(f"sqlite:///{folder / 'x.db'}", migrations_up_to(version, folder / version))
        with engine.connect() as connection:
            found[version] = shapes_of(connection)
        engine.dispose()
    return found


@pytest.mark.migrates
@pytest.mark.parametrize("version", after_the_rule())
def test_a_migration_only_adds_or_names_the_code_that_does_without(version: str, shapes: dict[str, Shapes]) -> None:
    script = ScriptDirectory(str(MIGRATIONS)).get_revision(version)
    assert script is not None
    needs_code, before = getattr(script.module, "needs_code", ""), str(script.down_revision)

    assert needs_code <= before  # the code without it was there a version earlier
    assert needs_code or breaks(shapes[before], shapes[version]) == []


def row_of(table: Table) -> dict[str, Any]:
    values = {bool: True, int: 1, float: 1.5, str: "x", dict: {}, datetime: NOW, date: NOW.date(), object: {}}
    return {column.name: values[column.type.python_type] for column in table.columns}


@pytest.mark.migrates
def test_what_the_last_release_writes_and_reads_works_on_the_newest_tables(empty_url: str, tmp_path: Path) -> None:
    known = MetaData()
    with opened(empty_url, migrations_up_to(RELEASED, tmp_path / "released")) as engine:
        known.reflect(engine)
    tables = [table for table in known.sorted_tables if table.name not in ("alembic_version", "audit_anchor")]

    with opened(empty_url) as engine, engine.begin() as connection:
        connection.execute(known.tables["documents"].delete())  # what the migrations have written
        for table in tables:
            connection.execute(table.insert().values(row_of(table)))
            assert len(connection.execute(table.select()).all()) == 1
        for table in reversed(tables):
            if table.name != "audit":
                connection.execute(table.update().values(row_of(table)))
                connection.execute(table.delete())


# Waiting for an upgrade


@pytest.fixture
def database_of_server(postgres_url: str, postgres_template: str) -> Iterator[str]:
    with new_database(postgres_url, postgres_template) as url:
        yield url


def set_version(url: str, version: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))


@pytest.mark.migrates
def test_who_may_not_upgrade_waits_until_the_tables_fit(postgres_url: str, tmp_path: Path) -> None:
    with new_database(postgres_url) as url:
        settings, waited = Settings(data_dir=tmp_path, database_url=url, role="web"), []

        def pause(seconds: float) -> None:
            waited.append(seconds)
            open_database(url).dispose()  # `db upgrade` by somebody else

        with pytest.raises(OtherSchema) as error:
            runtime.open_engine(settings)
        runtime.open_engine_in_time(settings, pause).dispose()

    assert error.value.problem.code == "database.older"
    assert len(waited) == 1


def test_a_refresh_on_tables_of_another_version_reads_and_writes_nothing(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    url = office.engine.url.render_as_string(hide_password=False)
    set_version(url, "moving-1")

    with pytest.raises(OtherSchema):
        office.refresh()
    set_version(url, newest_version())

    assert office.m365.count("GET", "/subscribedSkus") == 0
    assert office.rows() == []


def test_the_dashboard_waits_for_its_tables_says_so_and_goes_on(start: Start, database_of_server: str) -> None:  # noqa: F811
    set_version(database_of_server, "moving-1")
    app = start(DATABASE_URL=database_of_server)
    app.wait_until_ready()

    answer = requests.get(f"{app.url}/health/ready", timeout=20)
    assert (answer.status_code, answer.json()["reason"]) == (503, "database.moving")
    page = requests.get(f"{app.url}/tenant", timeout=20)
    assert (page.status_code, page.headers["refresh"]) == (503, "2")
    assert "Die Datenbank wird umgestellt" in page.text
    assert requests.get(f"{app.url}/api/v1/licenses", timeout=20).json()["error"]["code"] == "UNAVAILABLE"

    set_version(database_of_server, newest_version())
    until(lambda: requests.get(f"{app.url}/health/ready", timeout=20).status_code == 200)
    assert "/login" in requests.get(f"{app.url}/tenant", timeout=20).url

    set_version(database_of_server, "moving-1")
    until(lambda: requests.get(f"{app.url}/tenant", timeout=20).status_code == 503)
    assert app.process.poll() is None
    assert "geheim" not in app.output()


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)
