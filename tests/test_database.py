"""Opening the database: from nothing, from an older version after a copy, and in words when it cannot be used."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Engine, create_engine, text

from core.__main__ import main
from core.cache import database, run_rows, upgrade
from core.cache.database import DatabaseError, open_database
from core.cache.history_rows import history_keys
from core.cache.readings import Reading, save_readings, stored_licenses
from core.cache.rule_rows import all_rules
from core.cache.schema import metadata
from core.cache.schema_version import MIGRATIONS, newest_version
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.cache.tenant_rows import tenant_rows as tenants_of
from core.licenses.units import License
from tests.earlier_versions import migrations_up_to
from tests.loggers import restored_loggers
from tests.postgres import NOBODY

pytestmark = pytest.mark.migrates

NOW = datetime(2027, 1, 15, tzinfo=UTC)
TENANT = ProfileTenant("11111111-0000-0000-0000-000000000001", "contoso", "Contoso", NOW)
NEXT = '''"""The next schema"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "next", "{before}"
{needs}

def upgrade():
    {change}
'''
# The harshest change there is on SQLite: the table that all others refer to is built anew.
REBUILD = """with op.batch_alter_table("tenants", recreate="always") as table:
        table.add_column(sa.Column("note", sa.Text()))"""
BREAK = 'op.create_table("half", sa.Column("x", sa.Integer()))\n    op.execute("this is no SQL")'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the database will be; the folder is not there yet."""
    return tmp_path / "data" / "lizenztool.db"


def head() -> str:
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def next_version(folder: Path, change: str, needs: str = "") -> Path:
    """The migrations of a coming version: ours and one more, whose tables need the code of the version `needs`."""
    migrations = folder / "100% next"  # a folder may be called anything
    shutil.copytree(MIGRATIONS, migrations)
    (migrations / "versions" / "next.py").write_text(
        NEXT.format(before=head(), change=change, needs=f"needs_code = {needs!r}")
    )
    return migrations


def fill(engine: Engine) -> None:
    save_profiles(engine, [TENANT], {})
    readings = [Reading(TENANT.tenant_id, [License("sku", "SPB", 10, 4)], {}, NOW)]
    save_readings(engine, readings, stored_licenses(engine), history_keys(engine, NOW.date()), NOW.date())


@contextmanager
def opened(file: Path, migrations: Path = MIGRATIONS) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{file}", migrations)
    try:
        yield engine
    finally:
        engine.dispose()


def query(file: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def refused(url: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as error:
        open_database(url)
    return error.value


# From nothing


def test_a_database_is_made_from_nothing_folders_included(file: Path) -> None:
    with opened(file) as engine:
        assert stored_licenses(engine) == {}

    assert query(file, "select version_num from alembic_version") == [(head(),)]
    assert query(file, "pragma journal_mode") == [("wal",)]


def test_the_names_of_the_migrations_tell_their_versions(tmp_path: Path) -> None:
    script = ScriptDirectory(str(MIGRATIONS))

    assert newest_version() == head()
    assert all(Path(one.path).stem.partition("_")[0] == one.revision for one in script.walk_revisions())
    assert newest_version(migrations_up_to("0004", tmp_path / "older")) == "0004"


def test_opening_it_again_changes_and_copies_nothing(file: Path) -> None:
    with opened(file) as engine:
        fill(engine)
    before = {path.name for path in file.parent.iterdir()}

    with opened(file) as engine:
        assert list(stored_licenses(engine)) == [TENANT.tenant_id]

    assert {path.name for path in file.parent.iterdir()} == before


def test_many_that_open_it_at_once_find_one_database(file: Path) -> None:
    found: list[Any] = []

    def enter() -> None:
        with opened(file) as engine:
            found.append(stored_licenses(engine))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [{}] * 4


def test_migrations_and_tables_say_the_same(empty_url: str) -> None:
    engine = open_database(empty_url)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    engine.dispose()
    assert differences == []


# From an older version


def test_an_older_database_is_copied_then_upgraded_and_keeps_every_row(file: Path, tmp_path: Path) -> None:
    with opened(file) as engine:
        fill(engine)

    with opened(file, next_version(tmp_path, REBUILD)) as engine:
        assert stored_licenses(engine)[TENANT.tenant_id]["sku"]["enabled"] == 10
        assert history_keys(engine, NOW.date()) == {(TENANT.tenant_id, "sku")}

    (copy,) = file.parent.glob(f"lizenztool.db.{head()}.*.bak")
    assert query(file, "select version_num, note from alembic_version, tenants") == [("next", None)]
    assert query(copy, "select version_num, name, enabled from alembic_version, tenants") == [(head(), "Contoso", 1)]


def test_a_database_of_the_first_version_is_upgraded_with_a_copy_put_aside(file: Path, tmp_path: Path) -> None:
    row = f"('{TENANT.tenant_id}', 'contoso', 'Contoso', '[]', 1, 0, 1, 1)"
    with opened(file, migrations_up_to("0001", tmp_path / "older")) as engine, engine.begin() as connection:
        columns = "tenant_id, slug, name, former_names, has_profile, listed, enabled, monitored"
        connection.execute(text(f"insert into tenants ({columns}) values {row}"))
    assert query(file, "select version_num from alembic_version") == [("0001",)]

    with opened(file) as engine:
        assert all_rules(engine) == []
        assert list(tenants_of(engine)) == [TENANT.tenant_id]

    (copy,) = file.parent.glob("lizenztool.db.0001.*.bak")
    assert query(copy, "select version_num, name from alembic_version, tenants") == [("0001", "Contoso")]
    assert query(file, "select version_num from alembic_version") == [(head(),)]


def test_runs_of_a_version_without_a_queue_are_in_their_order_and_none_of_them_waits(
    file: Path, tmp_path: Path
) -> None:
    with opened(file, migrations_up_to("0008", tmp_path / "older")) as engine, engine.begin() as connection:
        columns = "run_id, source, requested_by, scope, started_at, finished_at, state, step, done, total, request_id"
        for number, ended, state in ((0, "'2027-01-10 09:00'", "done"), (1, "NULL", "running")):
            began = f"2027-01-1{number} 08:00"
            values = f"'{number}', 'read-only', 'anna', '[]', '{began}', {ended}, '{state}', '', 0, 0, ''"
            connection.execute(text(f"insert into runs ({columns}) values ({values})"))

    with opened(file) as engine:
        runs = [run_rows.run(engine, run_id) for run_id in "01"]

        assert [run and (run.state, run.requested_at, run.read_only) for run in runs] == [
            ("done", datetime(2027, 1, 10, 8, tzinfo=UTC), True),
            ("running", datetime(2027, 1, 11, 8, tzinfo=UTC), True),
        ]
        assert run_rows.begin_next(engine, NOW) is None
        assert run_rows.open_runs(engine) == []


def test_the_copy_also_holds_what_only_the_write_ahead_log_has(file: Path, tmp_path: Path) -> None:
    with opened(file) as writer:
        fill(writer)
        with opened(file, next_version(tmp_path, REBUILD)):
            pass

    (copy,) = file.parent.glob("*.bak")
    assert query(copy, "select count(*) from licenses") == [(1,)]


def test_after_an_upgrade_rows_still_go_with_their_tenant(file: Path, tmp_path: Path) -> None:
    with opened(file) as engine:
        fill(engine)

    with opened(file, next_version(tmp_path, REBUILD)) as engine, engine.begin() as connection:
        connection.execute(text("delete from tenants"))

    assert query(file, "select count(*) from licenses") == [(0,)]


def test_an_upgrade_that_fails_leaves_the_old_database(file: Path, tmp_path: Path) -> None:
    with opened(file) as engine:
        fill(engine)

    with pytest.raises(DatabaseError), opened(file, next_version(tmp_path, BREAK)):
        pass

    assert query(file, "select name from sqlite_master where name = 'half'") == []
    assert not list(file.parent.glob("*.bak"))  # each start would leave one more
    with opened(file) as engine:
        assert list(tenants_of(engine)) == [TENANT.tenant_id]


def test_a_disk_that_is_too_small_for_the_copy_gets_no_part_of_one(file: Path, tmp_path: Path) -> None:
    with opened(file) as engine:
        fill(engine)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size // 2, limit[1]))
    try:
        with pytest.raises(DatabaseError), opened(file, next_version(tmp_path, REBUILD)):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert not [left for left in file.parent.iterdir() if left.suffix in (".bak", ".part")]


def test_an_upgrade_succeeds_although_the_file_cannot_be_made_smaller(file: Path) -> None:
    with opened(file):
        pass
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("create table large as select zeroblob(2000000) as content; drop table large")
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0.01})

    with closing(sqlite3.connect(file)) as other:
        other.execute("begin immediate")  # as effective as a full disk
        upgrade._give_back_free_pages(engine)
        other.rollback()
    assert file.stat().st_size > 2_000_000

    upgrade._give_back_free_pages(engine)
    engine.dispose()
    assert file.stat().st_size < 1_000_000


def test_a_newer_database_is_refused_in_words(file: Path, tmp_path: Path) -> None:
    with opened(file, next_version(tmp_path, REBUILD, needs="next")):
        pass

    problem = refused(f"sqlite:///{file}").problem

    assert problem.code == "database.newer"
    assert str(file) in problem.text("de")
    assert "Version next" in problem.text("de")
    assert "Die neuere Version des Programms starten" in problem.text("de")
    assert query(file, "select version_num from alembic_version") == [("next",)]


def test_a_newer_database_that_has_only_more_is_used(file: Path, tmp_path: Path) -> None:
    with opened(file, next_version(tmp_path, REBUILD)):
        pass

    with opened(file) as engine:
        fill(engine)
        assert list(tenants_of(engine)) == [TENANT.tenant_id]

    assert query(file, "select version_num from alembic_version") == [("next",)]


# What cannot be used


def not_a_database(file: Path) -> None:
    file.write_text("Das ist ein Brief. " * 100)


def damaged(file: Path) -> None:
    with opened(file):
        pass
    content = bytearray(file.read_bytes())
    content[100:3000] = b"\xff" * 2900  # where the list of tables begins
    file.write_bytes(content)


def a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("prepare", "code", "german", "english"),
    [
        pytest.param(not_a_database, "damaged", ".bak", ".bak", id="not-a-database"),
        pytest.param(damaged, "damaged", "Kopie", "copy", id="damaged"),
        pytest.param(a_folder, "unreachable", "LIZENZTOOL_DATABASE_URL", "LIZENZTOOL_DATABASE_URL", id="a-folder"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_the_remedy(
    file: Path, prepare: Any, code: str, german: str, english: str
) -> None:
    file.parent.mkdir()
    prepare(file)

    problem = refused(f"sqlite:///{file}").problem

    assert problem.code == f"database.{code}"
    for words, remedy in ((problem.text("de"), german), (problem.text("en"), english)):
        assert str(file) in words
        assert remedy in words


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")

    assert refused(f"sqlite:///{tmp_path / 'data' / 'x.db'}").problem.code == "database.unreachable"


@contextmanager
def unprivileged() -> Iterator[Path]:
    """As somebody who may not write everywhere, in a folder that is open to all."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(NOBODY)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_is_told() -> None:
    with unprivileged() as folder:
        if os.geteuid() == os.getuid():
            folder.chmod(0o555)

        problem = refused(f"sqlite:///{folder / 'data' / 'x.db'}").problem

    assert problem.code == "database.read_only"
    assert "Rechte" in problem.text("de")


def test_a_file_that_may_not_be_written_is_told_when_somebody_writes(file: Path) -> None:
    with opened(file) as engine:
        fill(engine)
        engine.dispose()
        with engine.connect() as connection:
            connection.execute(text("pragma query_only = on"))

        with pytest.raises(DatabaseError) as error:
            save_profiles(engine, [], {})

    assert error.value.problem.code == "database.read_only"


def test_a_file_that_gets_damaged_while_we_run_is_told(file: Path) -> None:
    with opened(file) as engine:
        fill(engine)
        engine.dispose()
        not_a_database(file)

        with pytest.raises(DatabaseError) as error:
            stored_licenses(engine)

    assert error.value.problem.code == "database.damaged"


@pytest.mark.parametrize(
    ("replace", "code"),
    [
        pytest.param(lambda file: shutil.move(file.parent, file.parent.with_name("aside")) and file.parent.touch(),
                     "database.removed", id="a-file-in-place-of-its-folder"),
        pytest.param(lambda file: file.unlink() or file.symlink_to(file), "database.unreachable", id="unreachable"),
    ],
)  # fmt: skip
def test_a_place_of_the_file_that_cannot_be_looked_at_is_told(
    file: Path, replace: Callable[[Path], object], code: str
) -> None:
    with opened(file) as engine:
        assert all_rules(engine) == []
        replace(file)

        with pytest.raises(DatabaseError) as caught:
            all_rules(engine)

    assert caught.value.problem.code == code


def test_somebody_who_holds_the_database_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    file.parent.mkdir()

    with FileLock(f"{file}.upgrade.lock"):
        problem = refused(f"sqlite:///{file}").problem

    assert problem.code == "database.busy"


def test_a_database_of_another_kind_without_its_driver_is_told() -> None:
    problem = refused("postgresql+pg8000://lizenz:geheim@localhost/x").problem

    assert problem.code == "database.driver_missing"
    assert "pg8000" in problem.text("de")
    assert "geheim" not in problem.text("de") + problem.detail


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    problem = refused("postgresql+psycopg://lizenz:geheim@127.0.0.1:1/x?connect_timeout=2").problem

    assert problem.code == "database.unreachable"
    assert "127.0.0.1" in problem.text("de")
    assert "geheim" not in problem.text("de") + problem.detail


# The command


def db(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with restored_loggers():
        code = main(["db", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_command_tells_the_version_and_upgrades_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, empty_url: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIZENZTOOL_DATABASE_URL", empty_url)
    code, seen = db(capsys, "status")
    assert (code, seen["version"], seen["program"], seen["fit"]) == (1, None, head(), "older")
    open_database(empty_url, migrations_up_to("0011", tmp_path / "older")).dispose()

    before, upgraded, after = (db(capsys, action) for action in ("status", "upgrade", "status"))

    assert before == (1, seen | {"version": "0011"})
    assert upgraded == (0, seen | {"version": head(), "fit": "fits", "before": "0011"})
    assert after == (0, seen | {"version": head(), "fit": "fits"})
