"""Fixtures that several test files share."""

import gc
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from sqlalchemy import URL, Engine, create_engine, delete, event, make_url
from streamlit.components.v2 import manifest_scanner

from core.access import passwords
from core.cache import database as cache_database
from core.cache.database import open_database
from core.cache.schema import audit_anchor, metadata, sign_in_budgets
from core.cache.schema_version import MIGRATIONS
from core.network import NAMES
from core.secrets import secret_rotation
from core.settings import Settings
from tests import page_world
from tests.day import anna, carla, day, eventful_day, open_browser, product, windows  # noqa: F401 - fixtures
from tests.earlier_versions import empty_url  # noqa: F401 - fixture
from tests.list_provider import provider  # noqa: F401 - fixture
from tests.loggers import restored_loggers
from tests.office import Office, open_office
from tests.people import CHEAP
from tests.postgres import new_database, postgres
from tests.served import Served, serve

CHEAP_HASH = bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(CHEAP)).decode()
# The first draws no window around the pages, and so needs a quarter less CPU for the browser tests.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
MIGRATE = cache_database._upgrade
os.umask(0o077)  # as every process of the product: what others may read is a finding

# What playwright leaves out (this list takes the place of its own); then what only a person at the window needs: a
# popup under the address bar, which is a page of its own in each window, and a process in reserve.
NOT_IN_CHROMIUM = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess",
)  # fmt: skip
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
CHROMIUM_OPTIONS += [f"--disable-features={','.join(NOT_IN_CHROMIUM)}"]


# Left out by --fast (make test FAST=1), unless it is named: what needs a browser, a server of its own, PostgreSQL or a
# long time. Nearly half of the cases are left; whoever changes a page or the lists names their files by TESTS.
LONG_FILES = {
    "test_access.py", "test_accounts_page.py", "test_api_calls.py", "test_api_schema.py", "test_api_tenants.py",
    "test_approvals.py", "test_attack.py", "test_attention.py", "test_audit.py", "test_audit_page.py",
    "test_backup.py", "test_backup_state.py", "test_bound.py", "test_bounds.py", "test_broken_disk.py",
    "test_case_changes.py", "test_case_pages.py", "test_cases_command.py", "test_certificates.py", "test_chaos.py",
    "test_cli.py", "test_consent_pages.py", "test_contacts_page.py", "test_database.py", "test_delivery.py",
    "test_due_tenants.py", "test_fence.py", "test_file_modes.py", "test_flow_export.py", "test_gate.py",
    "test_half_requests.py", "test_history.py", "test_hostile_requests.py", "test_leaving.py", "test_levels_page.py",
    "test_license_events.py", "test_license_identity.py", "test_list_delta.py", "test_list_owner.py",
    "test_lists_check.py", "test_lists_columns.py", "test_lists_provision.py", "test_lost_lists.py",
    "test_microsoft_sign_in.py", "test_odd_answers.py", "test_odd_values.py", "test_onboarding.py",
    "test_operations.py", "test_order_pages.py", "test_orders.py", "test_pace.py", "test_pace_of_accounts.py",
    "test_pages.py", "test_patterns.py", "test_profile_scenarios.py", "test_queue.py", "test_ratings.py",
    "test_refresh.py", "test_refusals.py", "test_reminders.py", "test_role_walk.py", "test_roles_of_processes.py",
    "test_rotation.py", "test_rule_scenarios.py", "test_rules_page.py", "test_run_watch.py", "test_runbook.py",
    "test_saved_views.py", "test_scenarios.py", "test_second_factor.py", "test_secrets.py", "test_server.py",
    "test_side_by_side.py", "test_sign_in_codes.py", "test_sign_in_flood.py", "test_simulator.py", "test_soak.py",
    "test_spreadsheets.py", "test_tenant_command.py", "test_tenant_import.py", "test_tenant_switches.py",
    "test_tracing.py", "test_uvicorn_contract.py", "test_vanish.py",
}  # fmt: skip
LONG_FIXTURES = {"page", "context", "browser", "served", "postgres_url"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only what is quick, for the inner loop")
    parser.addoption("--postgresql", action="store_true", help="with PostgreSQL in place of each file of SQLite")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --fast do not even read the files that take long."""
    return True if config.getoption("--fast") and collection_path.name in LONG_FILES else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --fast leave out what takes long; tests with a browser come first.

    Of several processes the first then takes them all, so that one browser and one product for it are started.
    """
    if config.getoption("--fast"):
        long = [item for item in items if _takes_long(item)]
        config.hook.pytest_deselected(items=long)
        left_out = set(long)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_collection_finish() -> None:
    """Make what pytest does for each test cheaper, once all modules are imported.

    Modules and tests are kept out of the collections of garbage, which cost a tenth of all tests; those are made rarer.
    Streamlit's loggers reach the root, else pytest gives each of 64 a handler and takes it away, six times for a test.
    """
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.propagate = True
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _takes_long(item: pytest.Item) -> bool:
    if item.get_closest_marker("browser"):
        return True
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return "postgresql" in parameters.values() or bool(fixtures & LONG_FIXTURES)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the developer's shell has set for the product."""
    for name in list(os.environ):
        if name.startswith("LIZENZTOOL_") or name.upper() in NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def clean_loggers() -> Iterator[None]:
    """No test writes into the log that another one has set up."""
    with restored_loggers():
        yield


@pytest.fixture(autouse=True)
def whole_pages(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No block of a page broke unnoticed behind its fence; a test that breaks one says so by the marker."""
    yield
    broken = [record.getMessage() for record in caplog.get_records("call") if record.name == "ui.frame.block_errors"]
    assert not broken or request.node.get_closest_marker("breaks_a_block")


@pytest.fixture(scope="session", autouse=True)
def one_compiler() -> Iterator[None]:
    """Each statement is compiled once for all databases of a kind, as in the product, which opens only one."""
    models: dict[str, Engine] = {}

    def create(url: URL, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if model := models.get(engine.name):
            engine.dialect = engine.pool._dialect = model.dialect
            engine._compiled_cache = model._compiled_cache
        else:  # a dialect is complete after its first connection
            event.listen(engine, "connect", lambda *_: models.setdefault(engine.name, engine))
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache_database, "create_engine", create)
        yield


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database as the migrations leave it."""
    file = tmp_path_factory.mktemp("migrated") / "empty.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture(scope="session", autouse=True)
def new_databases_are_copies(migrated_file: Path) -> Iterator[None]:
    """A new SQLite file is a copy of a migrated one (0.1 s less for each)."""

    def copy_or_upgrade(engine: Engine, file: Path | None, migrations: Path, **options: bool) -> None:
        if file is not None and migrations == MIGRATIONS and not file.exists():
            shutil.copyfile(migrated_file, file)
        else:
            MIGRATE(engine, file, migrations, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache_database, "_upgrade", copy_or_upgrade)
        yield


@pytest.fixture(autouse=True)
def new_databases_are_migrated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a test that is marked `migrates` they are made by the migrations after all."""
    if request.node.get_closest_marker("migrates"):
        monkeypatch.setattr(cache_database, "_upgrade", MIGRATE)


@pytest.fixture(autouse=True)
def servers_in_place_of_files(request: pytest.FixtureRequest) -> Iterator[None]:
    """With --postgresql a database of a server, with all tables, takes the place of each file of SQLite in a test."""
    if not request.config.getoption("--postgresql"):
        yield
        return
    if request.node.get_closest_marker("of_a_file"):
        pytest.skip("about the file of SQLite")
    server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_template")
    place, create = cache_database._place, vars(cache_database)["create_engine"]  # of one_compiler
    urls: dict[str, URL] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def place_on_server(url: str) -> tuple[URL, Path | None]:
            target, file = place(url)
            if file is None:
                return target, None
            name = str(file.resolve())
            if name not in urls:
                urls[name] = make_url(stack.enter_context(new_database(server, template)))
            return urls[name], None

        def create_and_close(url: URL, **options: Any) -> Engine:
            engine: Engine = create(url, **options)
            stack.callback(engine.dispose)  # of a file nobody minds an open connection
            return engine

        patch.setattr(cache_database, "_place", place_on_server)
        patch.setattr(cache_database, "create_engine", create_and_close)
        patch.setattr(page_world, "_copy_of", page_world_on_server)
        yield


def page_world_on_server(
    fill: Callable[[page_world.World], None], folder: Path, settings: dict[str, Any]
) -> page_world.World:
    """A world that is filled anew: the files of a model say nothing about the database of a server."""
    return page_world.new_world(fill, Settings(data_dir=folder, **settings))


@pytest.fixture(autouse=True)
def cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost 2 ms instead of 0.3 s, unless the test is marked `real_hashes`."""
    if not request.node.get_closest_marker("real_hashes"):
        monkeypatch.setattr(passwords, "COST", CHEAP)
        monkeypatch.setattr(passwords, "UNKNOWN_ACCOUNT_HASH", CHEAP_HASH)


@pytest.fixture(scope="session", autouse=True)
def one_look_for_components() -> Iterator[None]:
    """Streamlit reads the metadata of every installed package for each page under test; here once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server for all tests of this process."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a database on that server with all tables, of which others are made (`new_database`)."""
    with new_database(postgres_url) as url:
        open_database(url).dispose()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    """An engine on that server, whose only database has all tables."""
    engine = open_database(postgres_url)
    yield engine
    engine.dispose()


# What a new database has, put aside before it is emptied for the first time.
SEEDS = ("calendars", "levels")
EMPTY_ALL = ["CREATE SCHEMA IF NOT EXISTS seeds"]
EMPTY_ALL += [f"CREATE TABLE IF NOT EXISTS seeds.{table} AS SELECT * FROM public.{table}" for table in SEEDS]
# Else the audit lets nobody empty it (whatever numbers its rows have); and events of cases go with them only.
EMPTY_ALL += ["UPDATE audit_anchor SET seq = 2147483647", "DELETE FROM cases", "DELETE FROM consents"]
EMPTY_ALL += [f"DELETE FROM {table}" for table in reversed(metadata.sorted_tables) if table is not audit_anchor]
EMPTY_ALL += ["UPDATE audit_anchor SET seq = 0, hash = ''"]
EMPTY_ALL += [f"INSERT INTO public.{table} SELECT * FROM seeds.{table}" for table in SEEDS]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind that the product knows; of PostgreSQL one for all tests, emptied."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    with request.getfixturevalue("postgres_engine").begin() as connection:
        connection.exec_driver_sql(";".join(EMPTY_ALL))
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, of each kind that the product knows."""
    opened = open_database(database_url)
    secret_rotation.prepare(opened, Settings(data_dir=tmp_path))
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real server with a small script of its own behind the gate."""
    with serve(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(autouse=True)
def whole_budgets(request: pytest.FixtureRequest) -> None:
    """The shared server sees all tests come from one address: none meets what others have failed at."""
    if "served" in request.fixturenames:
        server = request.getfixturevalue("served")
        if isinstance(server, Served):  # some files bring a server of their own under this name
            with server.engine.begin() as connection:
                connection.execute(delete(sign_in_budgets))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium where there is one, else the one that playwright has installed."""
    options = {**browser_type_launch_args, "args": CHROMIUM_OPTIONS}
    return options | ({"executable_path": str(Path(CHROMIUM))} if CHROMIUM else {})


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Microsoft 365 in a box, the product pointed at it, nothing read yet."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        yield opened
