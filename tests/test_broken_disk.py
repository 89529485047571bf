"""A disk that is full, fills up, may not be written or holds rubbish: words, an exit code, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.access import accounts
from core.access.sessions import EndedSession, Session, Sessions, session_id, start_session
from core.cache.database import DatabaseError, open_database
from core.cache.readings import stored_licenses
from core.cache.rule_rows import all_rules
from core.cache.sql import document, save_document, transaction
from core.operations.health import health_of
from tests.html_tables import html_tables
from tests.loggers import restored_loggers
from tests.office import Office, open_office
from tests.page_world import World, license_
from tests.postgres import NOBODY
from tests.test_pages import (  # noqa: F401 - fixtures
    PAGES,
    RULES,
    button,
    hardened,
    no_runtime_left,
    open_page,
    small,
)
from tests.warm_process import WarmProcess

ROOT = Path(__file__).parent.parent
PREMIUM = "Schule Höri: Microsoft 365 Business Premium (SPB)"
NOTHING = resource.RLIM_INFINITY


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A tenant without a shortage, read once by the command line."""
    with open_office(tmp_path, LIZENZTOOL_REFRESH_MINUTES="0.02") as opened:
        opened.engine.dispose()
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
        assert sync(opened)[0] == 0
        yield opened


def start(office: Office, *arguments: str, most: int = NOTHING) -> subprocess.Popen[str]:
    """`python -m core sync` that may write files of `most` bytes: what comes after is refused, as by a full disk."""
    home = office.settings.data_dir.parent
    settings = {
        **office.m365.environment(),
        "LIZENZTOOL_DATA_DIR": str(office.settings.data_dir),
        "LIZENZTOOL_LOG_DIR": str(home / "logs"),
        "LIZENZTOOL_LANGUAGE": "en",
        "LIZENZTOOL_REFRESH_MINUTES": "0.02",
        "PYTHONPATH": str(ROOT),
    }
    return WarmProcess(
        [sys.executable, "-c", LIMITED.format(most=most), *arguments],
        cwd=home,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


LIMITED = """import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))
from core.access import accounts
from core.__main__ import main
sys.exit(main(["sync", *sys.argv[1:]]))"""


def sync(office: Office, *, most: int = NOTHING) -> tuple[int, str]:
    """(exit code, stderr) of one refresh."""
    child = start(office, most=most)
    _, errors = child.communicate(timeout=60)
    return child.returncode, errors


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def told(office: Office) -> list[str]:
    office.m365.flow.run()
    return office.messages


def test_a_full_disk_is_told_and_afterwards_all_goes_on(office: Office) -> None:
    office.m365.find_tenant("Schule Höri").set_sku("SPB", consumed=10)

    code, errors = sync(office, most=8192)

    assert code == 2
    assert "Check its free space" in errors
    assert "Traceback" not in errors
    assert told(office) == []

    assert sync(office)[0] == 0
    assert told(office) == [PREMIUM]


def test_a_disk_that_fills_up_ends_nothing_and_the_old_rows_stay(office: Office) -> None:
    child = start(office, "--watch", "--json")
    try:
        assert child.stdout
        assert child.stderr
        child.stdout.readline()
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (0, NOTHING))
        office.m365.find_tenant("Schule Höri").set_sku("SPB", consumed=10)
        told_words = next(line for line in child.stderr if "Check its free space" in line)
        engine = open_database(office.settings.database)
        rows = [row["consumed"] for tenant in stored_licenses(engine).values() for row in tenant.values()]
        engine.dispose()

        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (NOTHING, NOTHING))
        until(lambda: told(office))
        child.stdout.readline()
    finally:
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=30)

    assert "lizenztool.db" in told_words
    assert rows == [8]
    assert "Traceback" not in errors
    assert told(office) == [PREMIUM]


def test_a_damaged_database_is_told_and_left_as_it_is(office: Office) -> None:
    file = office.settings.data_dir / "lizenztool.db"
    with closing(sqlite3.connect(file)) as connection:  # a fork of a test ends without taking its log into the file
        connection.execute("pragma wal_checkpoint(truncate)")
    content = b"\xff" * 100 + file.read_bytes()[100:]
    file.write_bytes(content)
    requests = len(office.m365.requests)

    code, errors = sync(office)

    assert code == 2
    assert "is damaged" in errors
    assert "Traceback" not in errors
    assert file.read_bytes() == content
    assert len(office.m365.requests) == requests


def test_a_new_database_takes_the_alarms_from_the_lists_and_tells_nobody_again(office: Office) -> None:
    office.m365.find_tenant("Schule Höri").set_sku("SPB", consumed=10)
    assert sync(office)[0] == 0
    assert told(office) == [PREMIUM]

    for file in office.settings.data_dir.glob("lizenztool.db*"):
        file.unlink()
    assert sync(office)[0] == 0

    assert told(office) == [PREMIUM]


@contextmanager
def somebody_elses(folder: Path) -> Iterator[None]:
    """The superuser, whom no mode keeps out, becomes nobody."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    try:
        if root:
            os.seteuid(NOBODY)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_database_that_may_not_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        open_database(f"sqlite:///{folder / 'lizenztool.db'}").dispose()
        monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(folder))
        monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(folder / "logs"))
        with somebody_elses(folder), restored_loggers():
            code = main(["sync"])

    errors = capsys.readouterr().err
    assert code == 2
    assert "darf nicht beschrieben werden" in errors
    assert "keine Logdatei" in errors
    assert "Traceback" not in errors


# On the pages


@contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    """SQLite refuses every write, as on a file system that was mounted read-only after a fault."""
    with every_connection(engine, "PRAGMA query_only = ON"):
        yield


@contextmanager
def full(_engine: Engine) -> Iterator[None]:
    """No file may grow any more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def damaged(engine: Engine) -> Iterator[None]:
    """Something has written over the file and its log while the server runs; afterwards the copy is put back."""
    engine.dispose()  # the log is in the file, as in a copy
    file = Path(str(engine.url.database))
    whole = file.read_bytes()
    file.write_bytes(os.urandom(len(whole)))
    yield
    engine.dispose()
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    file.write_bytes(whole)


@contextmanager
def removed(engine: Engine) -> Iterator[None]:
    """Somebody has moved the file away while the server runs; afterwards it is put back."""
    file = Path(str(engine.url.database))
    aside = file.rename(file.with_suffix(".aside"))
    yield
    assert not file.exists()  # no empty one was made in its place
    aside.rename(file)


@contextmanager
def every_connection(engine: Engine, pragma: str) -> Iterator[None]:
    def hamper(connection: Any, _record: Any) -> None:
        connection.execute(pragma)

    engine.dispose()
    event.listen(engine, "connect", hamper)
    try:
        yield
    finally:
        event.remove(engine, "connect", hamper)
        engine.dispose()


FAULTS = {
    "read-only": (read_only, "darf nicht beschrieben werden"),
    "full": (full, "Der Datenträger von"),
    "damaged": (damaged, "ist beschädigt"),
    "removed": (removed, "gelöscht oder ersetzt"),
}
Fault = Callable[[Engine], AbstractContextManager[None]]


@pytest.fixture
def served_pages(small: World) -> Iterator[World]:  # noqa: F811
    """Two tenants, and a refresher that really asks the database."""
    small.open_refresher()
    yield small
    small.close_refresher()


def errors_of(app: AppTest) -> str:
    """What is told in red; there is never a traceback."""
    assert not app.exception
    return "\n".join(error.value.replace("\\", "") for error in app.error)


@pytest.mark.parametrize(("fault", "_words"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("page", PAGES)
def test_what_was_known_last_is_still_shown(
    served_pages: World,
    open_page: Callable[..., AppTest],  # noqa: F811
    page: str,
    fault: Fault,
    _words: str,
) -> None:
    app = open_page(served_pages, page)
    app.session_state["_result"] = served_pages.finished(by="admin")
    titles, tables = [title.value for title in app.title], len(html_tables(app))

    with fault(served_pages.engine):
        app.run()
        new = open_page(served_pages, page)
        errors_of(app)
        errors_of(new)

        assert [title.value for title in new.title][-1:] == titles[-1:]
        assert len(html_tables(app)) == len(html_tables(new)) == tables

    app.run()
    assert errors_of(app) == ""


@pytest.mark.parametrize(("fault", "told_words"), FAULTS.values(), ids=FAULTS)
def test_a_refresh_that_cannot_begin_is_told(
    served_pages: World,
    open_page: Callable[..., AppTest],  # noqa: F811
    fault: Fault,
    told_words: str,
) -> None:
    app = open_page(served_pages)

    with fault(served_pages.engine):
        app.button(key="refresh_refresh.button").click().run()

        assert told_words in errors_of(app)
        assert html_tables(app)

    app.run()
    assert not app.exception
    assert not app.button(key="refresh_refresh.button").disabled


@pytest.mark.parametrize(("fault", "told_words"), FAULTS.values(), ids=FAULTS)
def test_a_rule_that_cannot_be_saved_is_told_and_can_be_saved_afterwards(
    served_pages: World,
    open_page: Callable[..., AppTest],  # noqa: F811
    fault: Fault,
    told_words: str,
) -> None:
    app = open_page(served_pages, RULES)
    app.button(key="rule_add").click().run()
    app.number_input(key="rule_threshold").set_value(3).run()
    app.text_input(key="rule_reason").set_value("Absprache").run()

    with fault(served_pages.engine):
        button(app, "rule_save").click().run()

        assert told_words in errors_of(app)

    button(app, "rule_save").click().run()
    assert errors_of(app) == ""
    assert [rule.threshold for rule in all_rules(served_pages.engine)] == [3]


def test_all_is_never_well_while_the_database_does_not_answer(
    served_pages: World,
    open_page: Callable[..., AppTest],  # noqa: F811
) -> None:
    served_pages.read(served_pages.known[1].tenant_id, license_("SPB", 40, 10), ago=timedelta(0))
    served_pages.finished()
    assert open_page(served_pages).title[0].value.startswith(":green[")

    with damaged(served_pages.engine):
        app = open_page(served_pages)

        assert "ist beschädigt" in errors_of(app)
        assert app.title[0].value == "Keine Engpässe, aber ein Punkt braucht Aufmerksamkeit."


def test_a_file_that_is_repaired_in_its_place_is_read_again_without_a_restart(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with transaction(engine) as connection:
        for number in range(1000):
            save_document(connection, str(number), "x" * 500)
    engine.dispose()
    assert document(engine, "7") == "x" * 500
    file = tmp_path / "x.db"
    whole = file.read_bytes()

    write_over(file, os.urandom(len(whole)))
    with pytest.raises(DatabaseError, match="is damaged"):
        [document(engine, str(number)) for number in range(1000)]
    write_over(file, whole)

    assert {document(engine, str(number)) for number in range(1000)} == {"x" * 500}
    engine.dispose()


def test_a_file_that_is_replaced_is_neither_read_nor_written_until_the_restart(tmp_path: Path) -> None:
    file, aside, now = tmp_path / "x.db", tmp_path / "aside.db", datetime.now(UTC)
    engine = open_database(f"sqlite:///{file}")
    file.rename(aside)
    shutil.copy(aside, file)

    with pytest.raises(DatabaseError, match="was deleted or replaced"):
        document(engine, "version")
    health = health_of(engine, 30, now, now)
    assert (health.database, health.ready) == ("unreachable", False)
    assert str(file) in health.reason
    engine.dispose()

    restarted = open_database(f"sqlite:///{file}")
    assert health_of(restarted, 30, now, now).ready
    restarted.dispose()


def write_over(file: Path, content: bytes) -> None:
    """In the same file, which stays open elsewhere."""
    with file.open("r+b") as opened:
        opened.write(content)


@pytest.mark.parametrize("fault", [read_only, full])
def test_a_disk_that_takes_nothing_shuts_nobody_out(served_pages: World, fault: Fault) -> None:
    engine, now = served_pages.engine, datetime.now(UTC)
    accounts.create_first_admin(engine)
    session = session_id(start_session(engine, "admin", now))

    with fault(engine):
        found = Sessions(engine).find(session, now + timedelta(minutes=10), active=True)
        later = Sessions(engine).find(session, now + timedelta(minutes=70), active=True)

    assert isinstance(found, Session)
    assert later == EndedSession("idle")
