"""How the process starts, what it says when it cannot, and how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest
import requests

from core import runtime
from core.operations.dashboard_lock import AlreadyRunning, only_dashboard
from core.runtime import Runtime
from core.settings import PARSERS, Settings
from tests.served import free_port
from tests.warm_process import ROOT, WarmProcess
from web import demo
from web.console import show_address, show_password
from web.demo import Demo, DemoError

PASSWORD = re.compile(r"[A-Za-z0-9]{6}(-[A-Za-z0-9]{6}){3}")
Start = Callable[..., "Started"]


class Started:
    """A started app.py and what it has written."""

    def __init__(self, command: list[str], folder: Path, port: int, *, cold: bool = False, **settings: str) -> None:
        self.url, self._output = f"http://127.0.0.1:{port}", folder / "output.txt"
        own = {"DATA_DIR": folder / "data", "LOG_DIR": folder / "logs", "PROFILES_DIR": folder / "profiles"}
        # Set to nothing, so that no .env of a developer reaches a test.
        empty = {name.upper(): "" for name in PARSERS}
        values = empty | {"DEMO": "off", "REFRESH_MINUTES": "0", "PORT": str(port), **own, **settings}
        environment = os.environ | {f"LIZENZTOOL_{name}": str(value) for name, value in values.items()}
        with self._output.open("w") as output:
            self.process = (subprocess.Popen[str] if cold else WarmProcess)(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def output(self) -> str:
        return self._output.read_text()

    def code(self) -> int:
        return self.process.wait(timeout=30)

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, self.output()
            try:
                requests.get(f"{self.url}/health", timeout=20)
            except requests.ConnectionError:
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.code()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start app.py, by python or by streamlit, with data, logs and profiles in tmp_path; `cold`: with all imports."""
    started: list[Started] = []

    def run(*, by: str = "python", arguments: Sequence[str] = (), cold: bool = False, **settings: str) -> Started:
        port = free_port()
        streamlit = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        command = streamlit if by == "streamlit" else [sys.executable, "app.py", *arguments]
        started.append(Started(command, tmp_path, port, cold=cold, **settings))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_wrong_settings_are_told_all_at_once_and_plainly(start: Start, by: str):
    app = start(by=by, DEMO="maybe", WORKERS="many")

    assert app.code() == 2
    assert "LIZENZTOOL_DEMO: 'maybe' ist nicht möglich; möglich sind auto, on, off." in app.output()
    assert "LIZENZTOOL_WORKERS: 'many' ist keine Zahl" in app.output()
    assert "Traceback" not in app.output()


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_a_second_dashboard_in_the_folder_says_which_runs_and_ends_and_a_killed_one_blocks_nobody(
    start: Start, tmp_path: Path, by: str
):
    first = start()
    first.wait_until_ready()
    with pytest.raises(AlreadyRunning) as running, only_dashboard(tmp_path / "data", UTC, patience=0):
        pass

    second = start(by=by)

    assert second.code() == 2
    assert f"(process {first.process.pid}, since " in second.output()
    assert "Traceback" not in second.output()
    assert running.value.problem.params["pid"] == str(first.process.pid)
    first.process.kill()
    first.process.wait(20)
    start().wait_until_ready()


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_damaged_database_is_told_plainly(start: Start, tmp_path: Path, by: str):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lizenztool.db").write_text("no database, and longer than a header " * 10)

    app = start(by=by)

    assert app.code() == 2
    assert "is damaged" in app.output()
    assert "Traceback" not in app.output()


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_dashboard_is_behind_the_gate_however_it_is_started(start: Start, by: str):
    app = start(by=by, cold=True)
    app.wait_until_ready()

    answer = requests.get(f"{app.url}/two?x=1", allow_redirects=False, timeout=20)

    assert answer.headers["location"] == "/login?next=/two%3Fx%3D1"
    assert requests.get(f"{app.url}/_stcore/health", timeout=20).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["--proxy", "proxy.example"], "LIZENZTOOL_PROXY: 'proxy.example' ist keine Adresse", id="no-address"
        ),
        pytest.param(["--prox"], "Argument --proxy: Es fehlt ein Wert", id="nothing"),
        pytest.param(["--forwarded", "*"], "unbekannt: --forwarded *", id="unknown"),
    ],
)
def test_wrong_words_on_the_command_line_are_told(start: Start, arguments: list[str], said: str):
    app = start(arguments=arguments)

    assert app.code() == 2
    assert said in app.output()


def test_proxy_on_the_command_line_is_the_setting(start: Start):
    app = start(arguments=["--proxy", "127.0.0.1"], PROXY="10.0.0.1")
    app.wait_until_ready()

    answer = requests.get(f"{app.url}/login", headers={"X-Forwarded-Proto": "https"}, timeout=20)

    assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_as_json_the_log_is_json_from_start_to_stop(start: Start, tmp_path: Path, by: str):
    app, file = start(by=by, LOG_FORMAT="json", REFRESH_MINUTES="30"), tmp_path / "logs" / "lizenztool.log"
    app.wait_until_ready()
    end = time.monotonic() + 30
    while "refresh done" not in file.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    app.stop()

    lines = file.read_text().splitlines()
    assert "refresh done" in "".join(json.loads(line)["message"] for line in lines)
    assert [line for line in app.output().splitlines() if line.startswith("{")] == lines
    assert "[INFO]" not in app.output()


def test_password_of_the_first_account_is_shown_once_and_works_and_is_in_no_file(start: Start, tmp_path: Path):
    first = start()
    first.wait_until_ready()
    found = PASSWORD.search(first.output())
    assert found is not None
    form = {"name": "admin", "password": found[0]}
    assert requests.post(f"{first.url}/login", data=form, allow_redirects=False, timeout=20).status_code == 303
    first.stop()

    second = start()
    second.wait_until_ready()

    assert PASSWORD.search(second.output()) is None
    for file in [*(tmp_path / "logs").iterdir(), *(tmp_path / "data").iterdir()]:
        assert found[0].encode() not in file.read_bytes()


def test_a_key_and_a_folder_that_others_may_read_are_told_at_each_start_and_stop_nothing(start: Start, tmp_path: Path):
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "my.key").touch()
    (tmp_path / "certs" / "my.key").chmod(0o644)
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)

    app = start()
    app.wait_until_ready()

    assert f"Abhilfe: chmod 600 {tmp_path}/certs/my.key" in app.output()
    assert f"Abhilfe: chmod 700 {tmp_path}/data" in app.output()


def test_sigterm_ends_it_soon_and_quietly(start: Start):
    app = start()
    app.wait_until_ready()
    begun = time.monotonic()

    app.stop()

    assert time.monotonic() - begun < 6
    assert "Traceback" not in app.output()
    assert "ERROR" not in app.output()


# ---------------------------------------------------------------- demo

WORLD = {
    "login_url": "https://127.0.0.1:1",
    "graph_url": "https://127.0.0.1:2",
    "ca_bundle": "ca.pem",
    "profiles_dir": "made-up",
    "pid": 1,
}


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("setting", "files", "wanted"),
    [
        pytest.param("auto", [], True, id="nothing-configured"),
        pytest.param("auto", ["config-x-profile.example.json"], True, id="only-an-example"),
        pytest.param("auto", ["config-x-profile.json"], False, id="a-tenant"),
        pytest.param("on", ["config-x-profile.json"], True, id="asked-for"),
        pytest.param("off", [], False, id="not-wanted"),
    ],
)
def test_demo_runs_when_it_is_asked_for_or_nothing_is_configured(
    tmp_path: Path, setting: str, files: list[str], wanted: bool
):
    for file in files:
        (tmp_path / file).touch()

    assert demo.wanted(Settings(demo=setting, profiles_dir=tmp_path)) is wanted


def test_the_console_says_how_to_set_the_password_anew_with_the_python_that_runs(capsys: pytest.CaptureFixture[str]):
    show_password("Abc-123", "LIZENZTOOL_DATA_DIR=/data/demo ")

    command = f"LIZENZTOOL_DATA_DIR=/data/demo {shlex.quote(sys.executable)} -m core users passwd admin"
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("is_demo", [True, False])
def test_the_console_says_that_it_is_the_demo(is_demo: bool, capsys: pytest.CaptureFixture[str]):
    show_address("http://localhost:8501", "de", demo=is_demo)

    assert ("Demo mit erfundenen Tenants" in capsys.readouterr().out) == is_demo


def test_demo_keeps_its_data_apart_from_the_real_database(tmp_path: Path):
    real = Settings(data_dir=tmp_path, database_url="postgresql://real", workers=3)
    code = f"import sys; print({json.dumps(json.dumps(WORLD))}, flush=True); sys.stdin.read()"

    with Demo(real, child(code)) as settings:
        assert settings.database == f"sqlite:///{tmp_path / 'demo' / 'lizenztool.db'}"
        assert (settings.login_url, settings.graph_url) == ("https://127.0.0.1:1", "https://127.0.0.1:2")
        assert (settings.ca_bundle, settings.profiles_dir) == ("ca.pem", Path("made-up"))
        assert settings.workers == 3


def test_demo_ends_with_us_and_never_waits_for_a_full_pipe(tmp_path: Path):
    mark = tmp_path / "ended"
    code = (
        f"import sys; print({json.dumps(json.dumps(WORLD))}, flush=True)\n"
        "for _ in range(5000): print('x' * 100)\n"
        f"sys.stdin.read(); open({str(mark)!r}, 'w').close()"
    )

    with Demo(Settings(data_dir=tmp_path), child(code)):
        assert not mark.exists()

    assert mark.exists()


def test_demo_that_does_not_start_says_so(tmp_path: Path):
    with (
        pytest.raises(DemoError, match="did not start: it ended at once"),
        Demo(Settings(data_dir=tmp_path), child("raise SystemExit(1)")),
    ):
        pass


# ---------------------------------------------------------------- runtime


def test_page_without_a_server_gets_a_runtime_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path))
    runtime.install(None)
    try:
        current = runtime.current()

        assert current is runtime.current()
        assert current.settings.data_dir == tmp_path
        assert (current.services, current.refresher, current.demo) == (None, None, False)
        current.engine.dispose()

        runtime.install(Runtime(current.settings, current.engine, demo=True))
        assert runtime.current().demo
    finally:
        runtime.install(None)
