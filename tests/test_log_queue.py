"""Whoever logs waits for no disk and no network; a flood is counted, and nothing of value is lost at the end."""

from __future__ import annotations

import logging
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from core.logs import log_queue, syslog
from core.logs.log_lines import carry
from core.logs.log_queue import MOST_ALIKE, BackgroundWriter, Repeats
from core.logs.setup import (
    log_in_background,
    log_in_foreground,
    request_in_log,
    run_in_log,
    set_up_logs,
    tenant_in_log,
)
from core.logs.syslog import Target, parse
from core.masking import MOST_BYTES
from tests.log_files import log_with

ROOT = Path(__file__).parent.parent
HUGE = "://a:" * 200_000  # 1 MB


async def identity_of_thread() -> int:
    return threading.get_ident()


class Slow(logging.Handler):
    """A disk that hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.free.wait(30)
        self.lines.append(record.getMessage())


def _raise(text: str) -> None:
    raise ValueError(text)


def line(text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("core", logging.WARNING, "x.py", 1, text, values, None)


# Beside the work


def test_a_disk_that_hangs_holds_nobody_up_and_what_is_left_off_is_counted() -> None:
    disk = Slow()
    writer = BackgroundWriter(disk, most=5)
    for number in range(100):
        writer.handle(line(f"line {number}"))  # would hang here
    disk.free.set()
    writer.close()

    kept = [text for text in disk.lines if text.startswith("line")]
    counts = [
        int(text.split()[0])
        for text in disk.lines
        if text.endswith(" lines were left off: they came faster than they can be written")
    ]
    assert 5 <= len(kept) <= 6
    assert sum(counts) == 100 - len(kept)
    assert len(counts) <= 2  # those before the writer took its first line, and those behind it


def test_on_the_event_loop_a_hostile_line_is_only_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logs(tmp_path, "INFO")
    log_in_background()
    threads: set[int] = set()

    def watched(text: str, **_: bool) -> str:
        threads.add(threading.get_ident())
        return text

    monkeypatch.setattr("core.logs.log_lines.hide_secrets", watched)

    async def hostile() -> None:
        logging.getLogger("web").warning("Frame %s of %s was dropped", HUGE, HUGE)

    with start_blocking_portal() as portal:
        portal.call(hostile)
        loop = portal.call(identity_of_thread)
    log_in_foreground()

    assert threads
    assert loop not in threads


def test_run_tenant_and_request_are_those_of_the_thread_that_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path, "INFO")
    log_in_background()

    with request_in_log("c3d4", "anna"), run_in_log("a1b2"), tenant_in_log("Schule Höri"):
        logging.getLogger("core.refresh.reader").info("read")
    log_in_foreground()

    assert "run=a1b2 tenant=Schule Höri request=c3d4: read" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_is_longer_than_eight_kilobytes_and_its_traceback_neither(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    set_up_logs(tmp_path, "INFO", form)
    for hostile in (HUGE, "\x00" * 100_000, "€" * 100_000, "password=a " * 10_000):
        try:
            _raise(hostile)
        except ValueError:
            logging.getLogger("web").exception("%s said %s", "anna", hostile)

    written = capsys.readouterr().err
    assert len(written) < 4 * (2 * MOST_BYTES + 2_000)
    assert max(map(len, written.split("\n"))) <= (MOST_BYTES + 200 if form == "text" else 2 * MOST_BYTES + 1_000)
    assert written.count("anna said") == 4
    assert written.count("characters cut") >= 4
    assert written.count("ValueError: ") >= 4


def test_what_an_exception_says_begins_no_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO")
    forged = "2026-11-20 13:00:01,204 [INFO] core.access.accounts: anna is admin"
    try:
        _raise(f"x\n{forged}\x1b[2J")
    except ValueError:
        logging.getLogger("core").exception("broken")

    written = capsys.readouterr().err
    assert forged in written
    assert not [text for text in written.splitlines() if text.startswith(forged[:10])]
    assert "\x1b" not in written


def test_a_value_whose_text_cannot_be_made_costs_no_line() -> None:
    carried = carry(line("%d of them", "many"), {})

    assert carried.getMessage() == "%d of them (TypeError in a value of this line)"


@pytest.mark.parametrize(
    "end", ["", "raise SystemExit(3)", "raise ValueError('password=geheim crash')"], ids=["end", "exit", "crash"]
)
def test_at_the_end_of_the_process_everything_is_written(tmp_path: Path, end: str) -> None:
    code = (
        "import logging, pathlib, sys\n"
        "from core.logs.setup import *\n"
        "log_uncaught()\n"
        f"set_up_logs(pathlib.Path({str(tmp_path)!r}), 'INFO'); log_in_background()\n"
        "for number in range(1_000): logging.getLogger('x').info('line %d', number)\n"
        f"{end}"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    lines = (tmp_path / "lizenztool.log").read_text().splitlines()
    assert [text.rpartition(" ")[2] for text in lines[:1_000]] == [str(number) for number in range(1_000)]
    assert [text for text in done.stderr.splitlines() if "[INFO]" in text] == lines[:1_000]
    assert ("ValueError: password=***" in done.stderr) is ("crash" in end)
    assert "geheim" not in done.stderr


# Again and again


def test_one_line_again_and_again_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, "INFO")
    log_in_background()
    log = logging.getLogger("web")
    for number in range(1_000):
        log.warning("a form of %s is wrong", number)
        log.info("read %s", number)
        with run_in_log("a1b2"):
            log.warning("tenant %s cannot be read", number)
    log_in_foreground()

    written = capsys.readouterr().err
    assert written.count("a form of ") == MOST_ALIKE + 1
    assert f"{1_000 - MOST_ALIKE} more like this within a minute: a form of %s is wrong" in written
    assert written.count(": read ") == 1_000
    assert written.count("cannot be read") == 1_000  # of a refresh nothing is held back


def test_the_count_is_told_once_a_minute_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_queue, "MINUTE", 0.05)
    told: list[str] = []
    arrived = threading.Event()

    def write(record: logging.LogRecord) -> None:
        told.append(record.getMessage())
        arrived.set()

    repeats = Repeats(write, most=2)

    assert [repeats.passes(line("x")) for _ in range(5)] == [True, True, False, False, False]
    assert arrived.wait(30)
    assert told == ["3 more like this within a minute: x"]
    assert repeats.passes(line("x"))


# Syslog


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("/dev/log", Target("unix", "/dev/log")),
        ("udp://log.example.ch:5514", Target("udp", "log.example.ch", 5514)),
        ("udp://10.0.0.5", Target("udp", "10.0.0.5", 514)),
        ("tcp://[::1]", Target("tcp", "::1", 601)),
    ],
)
def test_the_setting_names_a_socket_or_a_host(text: str, target: Target) -> None:
    assert parse(text) == target


@pytest.mark.parametrize(
    "text", ["log", "http://x", "udp://", "udp://u:geheim@x", "tcp://x:0", "tcp://x:y", "udp://x/y", "tcp://["]
)
def test_what_names_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form") as refused:
        parse(text)

    assert "geheim" not in str(refused.value)


@contextmanager
def udp_syslog() -> Iterator[tuple[str, list[str]]]:
    lines: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def read() -> None:
            while not lines or "end" not in lines[-1]:
                lines.append(server.recv(65_536).decode())

        thread = threading.Thread(target=read)
        thread.start()
        yield f"udp://127.0.0.1:{server.getsockname()[1]}", lines
        thread.join(30)


@contextmanager
def tcp_syslog(port: int = 0) -> Iterator[tuple[str, list[str]]]:
    lines: list[str] = []

    class Reader(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines.extend(text.decode().rstrip("\n") for text in self.rfile)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", port), Reader) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}", lines
        end = time.monotonic() + 30
        while not any("end" in text for text in lines) and time.monotonic() < end:
            time.sleep(0.01)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", [udp_syslog, tcp_syslog], ids=["udp", "tcp"])
def test_each_entry_is_one_line_of_syslog_with_the_same_mask(tmp_path: Path, kind: object) -> None:
    with kind() as (address, lines):  # type: ignore[operator]
        set_up_logs(tmp_path, "INFO", syslog=address)
        with request_in_log("c3d4"):
            try:
                _raise("one\ntwo")
            except ValueError:
                logging.getLogger("core").exception("password=geheim of %s", HUGE)
        logging.getLogger("core").info("end")
        logging.getLogger().handlers[-1].close()

    first, last = lines
    header = r"<27>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 \S+ lizenztool \d+ - - "
    assert re.match(header, first)
    assert last.startswith("<30>1 ")
    assert "request=c3d4: password=*** of " in first
    assert "geheim" not in first
    assert "\n" not in first
    assert len(first) < MOST_BYTES + 300


def test_a_syslog_that_is_away_holds_nobody_up_and_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "AGAIN_SECONDS", 0.02)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    set_up_logs(tmp_path, "INFO", syslog=f"tcp://127.0.0.1:{port}")
    log = logging.getLogger("core")
    for number in range(50):
        log.info("line %d", number)
    log_with(tmp_path / "lizenztool.log", "cannot be reached")
    time.sleep(0.2)  # several attempts

    assert capsys.readouterr().err.count("cannot be reached") == 1
    with tcp_syslog(port) as (_, lines):
        log.info("end")
    assert [text.rpartition(" ")[2] for text in lines if ": line " in text] == [str(number) for number in range(50)]
    assert "is back" in log_with(tmp_path / "lizenztool.log", "is back")
