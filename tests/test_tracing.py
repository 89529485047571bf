"""Traces: off, nothing is sent; on, one goes from who asked through the queue to each request to Microsoft."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine

from core import tracing
from core.cache import run_rows
from core.problems import ProblemError
from core.roles import schedule_actor
from core.runtime import refresher_of
from core.setting_faults import SettingFault
from core.setting_values import collector_url
from tests.held_refresh import command
from tests.office import Office, open_office
from tests.warm_process import ROOT, WarmProcess

TRACE, ASKED = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TENANTS = ("Schule Höri", "Bau AG Chur")
# Everything that a span may say; a name, an address of a tenant or the text of an error is not among it.
SAID = {"source", "run", "changes", "attempt", "server.address", "http.response.status_code"}


def test_nothing_is_measured_and_nobody_is_told_unless_a_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[Any] = set()
    connect = socket.socket.connect

    def noted(self: socket.socket, to: Any) -> None:
        called.add(to[:2])
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", noted)
    with open_office(tmp_path) as office:
        office.m365.add_tenant("Schule Höri", skus={"SPB": (5, 5)})
        assert office.refresh()["ok"] == 1
        run = run_rows.latest_run(office.engine)
        simulated = {("127.0.0.1", int(url.rpartition(":")[2])) for url in _urls(office)}

    assert called - simulated == set()
    assert run is not None
    assert run.traceparent == tracing.carrier() == ""
    assert not [thread.name for thread in threading.enumerate() if "otel" in thread.name.lower()]


def _urls(office: Office) -> set[str]:
    return {office.settings.graph_url, office.settings.login_url}


class Collector(ThreadingHTTPServer):
    """Takes traces by OTLP, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> dict[str, Span]:
        """Span id -> span."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        parts = [part for request in requests for resource in request.resource_spans for part in resource.scope_spans]
        return {span.span_id.hex(): span for part in parts for span in part.spans}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


# A collector that is away is waited for; for the product's 5 seconds no test needs to.
SYNC = """
import sys
from core import tracing
from core.__main__ import main
tracing.SECONDS = 0.5
sys.exit(main(["sync"]))
"""


def sync(office: Office, folder: Path, endpoint: str) -> int:
    """`python -m core sync` of another process, which sends its traces to `endpoint`; return its exit code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    environment |= office.m365.environment() | {
        "LIZENZTOOL_DATA_DIR": str(office.settings.data_dir),
        "LIZENZTOOL_LOG_DIR": str(folder / "logs"),
        "LIZENZTOOL_OTLP_ENDPOINT": endpoint,
    }
    with (folder / "sync.txt").open("w") as output:
        process = WarmProcess(
            [sys.executable, "-c", SYNC], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        return process.wait(timeout=60)


def test_one_trace_goes_from_who_asked_through_the_queue_to_microsoft(tmp_path: Path) -> None:
    with open_office(tmp_path) as office, collector() as server:
        for name in TENANTS:
            office.m365.add_tenant(name, skus={"SPB": (5, 5)})
        asked = run_rows.waiting_run("page", "Anna", [], office.now(), traceparent=f"00-{TRACE}-{ASKED}-01")
        run_rows.join_or_wait(office.engine, asked, lambda *_: False)

        code = sync(office, tmp_path, f"http://127.0.0.1:{server.server_port}")

        assert code == 0, (tmp_path / "sync.txt").read_text()
        spans = {at: span for at, span in server.spans.items() if span.trace_id.hex() == TRACE}
    names = [chain(spans, at) for at in spans]
    assert {"refresh.run", "refresh.run > tenant.read > HTTP GET"} <= set(names)
    assert "refresh.run > sharepoint.push > sharepoint.batch > HTTP POST" in names
    assert {span.parent_span_id.hex() for span in spans.values() if span.name == "refresh.run"} == {ASKED}
    assert names.count("refresh.run > tenant.read") == len(TENANTS)
    assert {one.key for span in spans.values() for one in span.attributes} <= SAID
    assert not [span for span in spans.values() if span.events]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_trace_goes_on_in_the_process_that_works(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for here, carried out there: prepared, read and written by hints, each a part of the same trace."""
    shared = {"DATABASE_URL": database_url, "ROLE": "worker", "REFRESH_MINUTES": "0"}
    settings = {f"LIZENZTOOL_{name}": value for name, value in shared.items()}
    with open_office(tmp_path, **settings) as office, collector() as server:
        for name in TENANTS:
            office.m365.add_tenant(name, skus={"SPB": (5, 5)})
        monkeypatch.setattr(tracing, "carrier", lambda: f"00-{TRACE}-{ASKED}-01")  # what a page's own trace would say
        for name, value in (settings | {"LIZENZTOOL_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}).items():
            monkeypatch.setenv(name, value)
        worker = command(office, "worker")
        try:
            assert refresher_of(office.services).run(schedule_actor())["ok"] == len(TENANTS)
        finally:
            worker.terminate()
            worker.communicate(timeout=20)
        spans = {at: span for at, span in server.spans.items() if span.trace_id.hex() == TRACE}

    names = [chain(spans, at) for at in spans]
    assert names.count("refresh.run") == 3  # prepared, one piece, written
    assert {span.parent_span_id.hex() for span in spans.values() if span.name == "refresh.run"} == {ASKED}
    assert names.count("refresh.run > tenant.read") == len(TENANTS)
    assert "refresh.run > tenant.read > HTTP GET" in names
    assert "refresh.run > sharepoint.push > sharepoint.batch > HTTP POST" in names


def chain(spans: dict[str, Span], at: str) -> str:
    """The names of a span and of all around it."""
    names = []
    while at in spans:
        names.append(spans[at].name)
        at = spans[at].parent_span_id.hex()
    return " > ".join(reversed(names))


def test_no_name_id_or_token_goes_to_the_collector(tmp_path: Path) -> None:
    with open_office(tmp_path) as office, collector() as server:
        tenants = [office.m365.add_tenant(name, skus={"SPB": (5, 5)}) for name in TENANTS]
        tenants[0].permissions = set()  # so that an error, which names the tenant, passes the spans

        code = sync(office, tmp_path, f"http://127.0.0.1:{server.server_port}")

        sent = b"".join(server.bodies)
    assert code == 1
    assert b"tenant.read" in sent
    secrets = [*TENANTS, *(tenant.tenant_id for tenant in tenants), "Bearer", "eyJ", "SPB", str(tmp_path)]
    assert [secret for secret in secrets if secret.encode() in sent] == []


def test_a_collector_that_is_away_is_no_fault_of_the_refresh(tmp_path: Path) -> None:
    with socket.socket() as taken, open_office(tmp_path) as office:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        office.m365.add_tenant(TENANTS[0], skus={"SPB": (5, 5)})

        assert sync(office, tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}") == 0


def test_the_trace_is_stored_with_the_run_until_it_begins(database: Engine) -> None:
    now = datetime.now(UTC)
    asked = run_rows.waiting_run("page", "Anna", [], now, traceparent=f"00-{TRACE}-{ASKED}-01")
    run_rows.join_or_wait(database, asked, lambda *_: False)

    begun = run_rows.begin_next(database, now)

    assert begun is not None
    assert begun.traceparent == f"00-{TRACE}-{ASKED}-01"


def test_without_the_packages_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(ProblemError, match=r"requirements-scale\.lock"):
        tracing.set_up("http://127.0.0.1:4318")


@pytest.mark.parametrize(
    ("raw", "taken"),
    [
        ("http://collector:4318", "http://collector:4318"),
        ("https://otel.example.ch/lizenztool/", "https://otel.example.ch/lizenztool"),
        ("http://user:secret@collector:4318", ""),
        ("collector:4318", ""),
        ("http://", ""),
        ("http://collector?x=1", ""),
    ],
)
def test_a_collector_is_an_address_without_a_password(raw: str, taken: str) -> None:
    if taken:
        assert collector_url(raw) == taken
    else:
        with pytest.raises(SettingFault):
            collector_url(raw)
