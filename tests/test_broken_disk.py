"""A disk that is full, fills up, may not be written or holds rubbish: words, an exit code, and nothing lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.__main__ import main
from core.cache.database import open_database
from core.cache.readings import known_licenses
from tests.loggers import restored_loggers
from tests.office import Office, open_office
from tests.postgres import NOBODY

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
    return subprocess.Popen(
        [sys.executable, "-c", LIMITED.format(most=most), *arguments],
        cwd=home,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


LIMITED = """import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))
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
    assert "Check free space" in errors
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
        told_words = next(line for line in child.stderr if "Check free space" in line)
        engine = open_database(office.settings.database)
        rows = [row["consumed"] for tenant in known_licenses(engine).values() for row in tenant.values()]
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
    assert "no log file" in errors
    assert "Traceback" not in errors
