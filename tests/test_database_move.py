"""`db move`: everything from one kind of database into the other, compared, continued after its end, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    NullPool,
    Table,
    UniqueConstraint,
    create_engine,
    insert,
    select,
    text,
)

from core import audit
from core.__main__ import main
from core.cache import sole_use
from core.cache.account_rows import Account, add_account
from core.cache.database import DatabaseError, open_database
from core.cache.database_copy import copy_database
from core.cache.history_rows import history_keys
from core.cache.readings import Reading, save_readings, stored_licenses
from core.cache.schema import DayNumber, UtcTime, audit_anchor, license_numbers, list_items, metadata
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.units import License
from core.operations.database_move import Move, look, move
from tests.actors import ADMIN, entry
from tests.conftest import EMPTY_ALL
from tests.loggers import restored_loggers
from tests.postgres import new_database

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
KINDS = pytest.mark.parametrize("there", ["postgresql", "sqlite"])


@pytest.fixture
def server(postgres_url: str, postgres_template: str) -> Iterator[str]:
    """The URL of a database of PostgreSQL with all tables, in which there is nothing yet."""
    with new_database(postgres_url, postgres_template) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'lizenztool.db'}"


@pytest.fixture
def source(there: str, file: str, server: str) -> str:
    """The URL of a database with some data, of the other kind than `there`."""
    url = file if there == "postgresql" else server
    fill(url)
    return url


@pytest.fixture
def target(there: str, tmp_path: Path, server: str) -> str:
    """The URL of a database without data, of SQLite also without tables."""
    return server if there == "postgresql" else f"sqlite:///{tmp_path / 'new' / 'x.db'}"


def fill(url: str) -> None:
    """Write two tenants with licences and their days, and an account."""
    engine = open_database(url)
    tenants = [ProfileTenant(f"tenant-{number}", f"t{number}", f"Schule {number}", NOW) for number in range(2)]
    save_profiles(engine, tenants, {})
    for ago in range(5, 0, -1):
        at, day = NOW - timedelta(days=ago), (NOW - timedelta(days=ago)).date()
        readings = [Reading(tenant.tenant_id, [License("sku", "SPB", 10, ago)], {}, at) for tenant in tenants]
        save_readings(engine, readings, stored_licenses(engine), history_keys(engine, day), day)
    add_account(engine, Account("anna", "hash", "admin", False, NOW, NOW), entry())
    engine.dispose()


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def moved(source: str, target: str, progress: Callable[[str, int], None] = lambda _table, _rows: None) -> Move:
    return move(source, target, ADMIN, NOW, progress)


def rows(url: str) -> dict[str, list[str]]:
    """Every row of every table as the product reads it, without what the move itself writes into the audit."""
    engine = open_database(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return found | {"audit": [row for row in found["audit"] if "database.moved" not in row]}


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(DatabaseError) as error:
        call()
    return error.value.problem.code


# Everything arrives


@KINDS
def test_everything_is_copied_and_the_source_stays_as_it_is(source: str, target: str) -> None:
    before = rows(source)

    done = moved(source, target)

    assert rows(target) == rows(source) == before
    assert {name: contents.rows for name, contents in done.tables.items()} == {
        name: len(found) for name, found in before.items()
    }
    assert done.audit.broken_at is None


@KINDS
def test_the_move_is_in_the_audit_of_the_new_database(source: str, target: str) -> None:
    moved(source, target)

    engine = open_database(target)
    (newest, *_), count = audit.find(engine, ADMIN, audit.Search(), limit=9)
    engine.dispose()
    assert (newest.action, newest.actor, count) == ("database.moved", ADMIN.name, 2)


@KINDS
def test_new_rows_get_numbers_after_those_that_were_copied(source: str, target: str) -> None:
    moved(source, target)

    engine = open_database(target)
    with engine.begin() as connection:
        values = {"tenant_id": "tenant-0", "sku_id": "new", "last_day": NOW.date()}
        connection.execute(insert(license_numbers).values(values))
        numbers = connection.execute(select(license_numbers.c.license_number)).scalars().all()
    engine.dispose()
    assert sorted(numbers) == [1, 2, 3]


# Odd rows: of every table what its columns can have

SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(SIGNS, max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
VALUES: Sequence[tuple[Any, st.SearchStrategy[Any]]] = (
    (UtcTime, st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC))),  # noqa: DTZ001 - of hypothesis
    ((DayNumber, Date), st.dates(date.min, date.max)),
    (Boolean, st.booleans()),
    (Float, st.floats(allow_nan=False, allow_infinity=False)),
    (JSON, JSON_VALUES),
    (Integer, st.integers(-(2**31), 2**31 - 1)),
)


OF_A_KIND = 6  # so many values of each kind for all columns of a world: with one drawn for each it would be too large
# Short texts, and what is repeated (times 0) to the last sign that fits.
TEXTS = st.tuples(st.text(SIGNS, max_size=8), st.just(1)) | st.tuples(
    st.text(SIGNS, min_size=1, max_size=3), st.just(0)
)


class Pools:
    """The values of a world, from which its columns take theirs."""

    def __init__(self, draw: st.DrawFn) -> None:
        def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
            return st.sampled_from(draw(st.lists(values, min_size=OF_A_KIND, max_size=OF_A_KIND)))

        self._kinds = [(kind, some(values)) for kind, values in VALUES]
        self._texts = some(TEXTS)

    def of(self, column: Column[Any]) -> st.SearchStrategy[Any]:
        known = next((drawn for kind, drawn in self._kinds if isinstance(column.type, kind)), None)
        if known is not None:
            return known
        longest = getattr(column.type, "length", None) or 2000
        return self._texts.map(lambda text: (text[0] * (text[1] or longest))[:longest])


def values_of(
    column: Column[Any], parents: dict[str, list[dict[str, Any]]], pools: Pools
) -> st.SearchStrategy[Any]:  # fmt: skip
    for key in column.foreign_keys:
        keys = [row[key.column.name] for row in parents.get(key.column.table.name, [])]
        return st.sampled_from([*keys, None]) if column.nullable else st.sampled_from(keys)
    if column.primary_key and isinstance(column.type, Integer):  # the next number must fit as well
        return st.integers(1, 10**9)
    return st.none() | pools.of(column) if column.nullable else pools.of(column)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Some rows for every table; no two have the same key."""
    world: dict[str, list[dict[str, Any]]] = {}
    pools = Pools(draw)
    for table in metadata.sorted_tables:
        if table is not audit_anchor:
            row = st.fixed_dictionaries({column.name: values_of(column, world, pools) for column in table.columns})
            world[table.name] = draw(st.lists(row, min_size=1, max_size=2, unique_by=tuple(keys_of(table))))
    return world


def keys_of(table: Table) -> Iterator[Callable[[dict[str, Any]], Any]]:
    uniques = [list(one.columns) for one in table.constraints if isinstance(one, UniqueConstraint)]
    uniques += [list(one.columns) for one in table.indexes if one.unique]  # some only while something is open
    for columns in (list(table.primary_key), *uniques):
        names = [column.name for column in columns]
        yield lambda row, names=names: tuple(row[name] for name in names)  # type: ignore[misc]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_odd_rows_come_back_as_they_went(
    world: dict[str, list[dict[str, Any]]], server: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    here, back = (f"sqlite:///{folder / name}" for name in ("here.db", "back.db"))
    engine = open_database(here)
    with engine.begin() as connection:
        for name, drawn in world.items():
            for row in drawn:
                connection.execute(insert(metadata.tables[name]).values(row))
    engine.dispose()
    execute(server, *EMPTY_ALL)

    copy_database(here, server, entry(), NOW, lambda _table, _rows: None)
    copy_database(server, back, entry(), NOW, lambda _table, _rows: None)

    assert stored(folder / "back.db") == stored(folder / "here.db")


def stored(file: Path) -> dict[str, list[str]]:
    """Every row as it is in the file, without those of the audit, which a move adds to."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(f'select * from "{table.name}"')))
            for table in metadata.sorted_tables
            if table.name not in ("audit", "audit_anchor")
        }


# What is interrupted, and what is refused


def stop_at(table: str) -> Callable[[str, int], None]:
    """A progress in which the process ends when it is at this table."""

    def progress(name: str, _rows: int) -> None:
        if name == table:
            raise KeyboardInterrupt

    return progress


def interrupt(source: str, target: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        moved(source, target, stop_at("license_numbers"))


@KINDS
def test_a_move_that_was_interrupted_goes_on_after_the_tables_that_are_complete(source: str, target: str) -> None:
    interrupt(source, target)
    copied: list[str] = []

    moved(source, target, lambda table, _rows: copied.append(table))

    assert copied == ["license_numbers", "licenses", "history"]
    assert rows(target) == rows(source)


@KINDS
def test_what_has_changed_since_the_interruption_is_copied_anew(source: str, target: str) -> None:
    interrupt(source, target)
    engine = open_database(source)
    save_profiles(engine, [ProfileTenant("tenant-0", "t0", "Anderer Name", NOW)], {})
    engine.dispose()

    moved(source, target)

    assert rows(target) == rows(source)


@KINDS
def test_what_arrives_changed_is_noticed_and_the_next_move_begins_anew(source: str, target: str) -> None:
    interrupt(source, target)
    execute(target, "UPDATE tenants SET enabled = NOT enabled")

    assert refused(lambda: moved(source, target)) == "move.differs"

    moved(source, target)
    assert rows(target) == rows(source)


def test_texts_that_only_sqlite_takes_are_cut_and_keys_are_not(file: str, server: str, tmp_path: Path) -> None:
    fill(file)
    long = {"kind": "tenant", "etag": "x" * 200, "fields": {}}
    engine = open_database(file)
    with engine.begin() as connection:
        connection.execute(insert(list_items).values(long | {"item_id": "1"}))
    engine.dispose()

    moved(file, server)
    with create_engine(server, poolclass=NullPool).connect() as connection:
        assert connection.execute(text("SELECT length(etag) FROM list_items")).scalar() == 100

    engine = open_database(file)
    with engine.begin() as connection:
        connection.execute(insert(list_items).values(long | {"item_id": "1" * 21}))
        connection.execute(text("DELETE FROM list_items WHERE item_id = '1'"))
    engine.dispose()
    execute(server, *EMPTY_ALL)
    with pytest.raises(DatabaseError) as error:
        moved(file, server)
    assert error.value.problem.code == "database.row_refused"
    assert "list_items" in error.value.problem.text("de")


def schema_of(url: str, version: str) -> None:
    open_database(url).dispose()
    execute(url, f"UPDATE alembic_version SET version_num = '{version}'")


def of_another_program(url: str) -> None:
    open_database(url).dispose()
    execute(url, "DROP TABLE alembic_version")


REFUSED = [
    pytest.param(fill, "move.not_empty", id="data"),
    pytest.param(of_another_program, "move.foreign", id="another-program"),
    pytest.param(lambda url: schema_of(url, "0011"), "move.other_version", id="older"),
    pytest.param(lambda url: schema_of(url, "a1b2c3"), "move.other_version", id="newer"),
    pytest.param(lambda url: schema_of(url, "moving-0011"), "move.other_version", id="a-move-of-an-older-version"),
]


@KINDS
@pytest.mark.parametrize(("prepare", "code"), REFUSED)
def test_a_target_with_something_of_its_own_is_refused_and_stays_as_it_is(
    source: str, target: str, tmp_path: Path, prepare: Callable[[str], object], code: str
) -> None:
    (tmp_path / "new").mkdir()
    prepare(target)

    assert refused(lambda: look(source, target, ADMIN)) == code
    assert refused(lambda: moved(source, target)) == code


@KINDS
@pytest.mark.parametrize("busy", ["source", "target"])
def test_a_database_that_another_process_has_open_is_refused(source: str, target: str, busy: str) -> None:
    open_database(target).dispose()
    engine = open_database({"source": source, "target": target}[busy])
    with engine.connect() as connection:  # idle in the pool, as that of a dashboard
        connection.execute(text("SELECT 1"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sole_use, "PATIENCE_SECONDS", 0.2)
        assert refused(lambda: moved(source, target)) == "database.in_use"

    engine.dispose()
    moved(source, target)


def test_the_same_database_and_one_that_is_missing_are_refused(file: str, server: str) -> None:
    missing = f"{file}.missing"

    assert refused(lambda: moved(missing, server)) == "database.missing"
    assert refused(lambda: moved(file, file)) == "move.same"
    assert refused(lambda: moved(server, server.replace("tests@", "other:geheim@"))) == "move.same"
    execute(server, "DROP TABLE alembic_version")
    assert refused(lambda: moved(server, file)) == "move.source_version"


def test_nobody_opens_a_database_that_is_not_complete(file: str, server: str) -> None:
    fill(file)
    interrupt(file, server)

    assert refused(lambda: open_database(server)) == "database.moving"


# The command


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with restored_loggers():
        code = main(["db", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_moves_and_tells_the_setting_without_a_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with new_database(postgres_url) as server:
        move_by_command(capsys, server)


def move_by_command(capsys: pytest.CaptureFixture[str], server: str) -> None:
    fill("sqlite:///data/lizenztool.db")
    secret = server.replace("tests@", "tests:geheim@")

    looked, would, _ = command(capsys, "move", "--to", secret, "--dry-run")
    code, out, _ = command(capsys, "move", "--to", secret, "--json")
    again, _, refusal = command(capsys, "move", "--to", secret)

    assert (looked, code, again) == (0, 0, 2)
    assert "2 tenants" in would
    assert "geändert wurde nichts" in would
    answer = json.loads(out)
    assert (answer["moved"], answer["audit_whole"], answer["setting"]) == (True, True, "LIZENZTOOL_DATABASE_URL")
    assert answer["tables"]["history"] == 10
    assert "bereits Daten" in refusal
    assert "geheim" not in would + out + refusal


def test_an_address_of_another_kind_is_refused_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["db", "move", "--to", "mysql://anna:geheim@host/x"])

    told = capsys.readouterr().err
    assert "sqlite:///" in told
    assert "geheim" not in told
