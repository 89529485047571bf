"""What the security standard (docs/asvs.md) asks for and no other test shows."""

from __future__ import annotations

import ast
import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import SystemRandom
from threading import Thread

import pyotp.compat
import pytest
import requests

from core.access import second_factor
from core.graph.http import Http
from core.problems import Problem
from simulator.certificates import server_files
from tests.served import ROOT, Served
from tests.ws_client import Tab

FOREIGN = "https://evil.example"


def get(served: Served, path: str, method: str = "GET", **options) -> requests.Response:
    return requests.request(method, served.url + path, **{"allow_redirects": False, "timeout": 20} | options)


def served_files(served: Served) -> list[str]:
    """The addresses of the scripts and styles that the dashboard's page names."""
    page = get(served, "/", cookies=served.cookie()).text
    return re.findall(r'="\.(/static/[^"]+\.(?:js|css))"', page)


# ---------------------------------------------------------------- answers


def test_every_body_says_what_it_is_and_how_it_is_written(served: Served) -> None:
    kinds = {
        "/": "text/html",
        "/nothing": "text/html",
        "/login": "text/html",
        "/health": "application/json",
        "/metrics": "text/plain",
        "/assets/plain.css": "text/css",
        "/assets/icon.svg": "image/svg+xml",
        "/api/v1/licenses": "application/json",
        "/_stcore/metrics": "text/plain",
    }
    files = served_files(served)
    assert {file.rpartition(".")[2] for file in files} == {"js", "css"}

    for path in (*kinds, *files):
        answer = get(served, path, cookies=served.cookie(), allow_redirects=True)
        kind, _, rest = answer.headers["content-type"].partition(";")
        assert kind == kinds.get(path, kind), path
        assert not kind.startswith("text/") or "charset=utf-8" in rest, (path, rest)


def test_a_file_is_an_attachment_under_the_name_that_the_page_gave(served: Served) -> None:
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
        answer = get(served, tab.widget("CSV").url, cookies={"lizenztool_session": token})

    assert answer.headers["content-disposition"] == 'attachment; filename="a.csv"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_frontend_listens_to_no_other_window(served: Served) -> None:
    told = get(served, "/_stcore/host-config", cookies=served.cookie()).json()

    assert told["allowedOrigins"] == []
    assert told["useExternalAuthToken"] is False


@pytest.mark.parametrize("path", ["/", "/login", "/health", "/_stcore/health", "/_stcore/host-config", "/media/x.csv"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_answer_allows_another_origin(served: Served, path: str, method: str) -> None:
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}

    for cookies in ({}, served.cookie()):
        answer = get(served, path, method, headers=asked, cookies=cookies)
        assert answer.headers.get("access-control-allow-origin") is None


@pytest.mark.parametrize(
    "path",
    ["/.git/config", "/.env", "/certs/", "/profiles/", "/data/lizenztool.db", "/assets/", "/assets/../gate.py",
     "/static/", "/static/js/", "/media/", "/static/%2e%2e/%2e%2e/app.py", "/assets/%2e%2e/gate.py"],
)  # fmt: skip
def test_nothing_beside_the_program_is_served(served: Served, path: str) -> None:
    """Neither files of the folder in which the service runs nor lists of files."""
    for cookies in ({}, served.cookie()):
        request = requests.Request("GET", served.url, cookies=cookies).prepare()
        request.url = served.url + path  # as it is, without tidying
        answer = requests.Session().send(request, timeout=20, allow_redirects=False)
        assert answer.status_code in (301, 303, 400, 401, 404), path
        assert "import " not in answer.text


def test_trace_repeats_nothing(served: Served) -> None:
    cookies = served.cookie()

    for path in ("/", "/login", "/health", "/api/v1/licenses", "/assets/icon.svg"):
        answer = get(served, path, "TRACE", cookies=cookies)
        assert answer.status_code in (401, 404, 405), path
        assert cookies["lizenztool_session"] not in answer.text


# ---------------------------------------------------------------- requests

SMUGGLED = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "lengths",
    [
        pytest.param([b"Content-Length: %d" % len(SMUGGLED), b"Transfer-Encoding: chunked"], id="both"),
        pytest.param([b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED)], id="two"),
        pytest.param([b"Content-Length: +%d" % len(SMUGGLED)], id="signed"),
        pytest.param([b"Transfer-Encoding: chunked, identity"], id="not last"),
        pytest.param([b"Transfer-Encoding : chunked"], id="blank"),
    ],
)
def test_a_request_with_two_lengths_is_one_request_or_none(served: Served, lengths: list[bytes]) -> None:
    """What a proxy may take for the body of one request must not be a second one here, and the other way round."""
    host, _, port = served.host.rpartition(":")
    head = b"\r\n".join([b"POST /nothing HTTP/1.1", b"Host: localhost", *lengths])
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head + b"\r\n\r\n0\r\n\r\n" + SMUGGLED)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part

    refused = answer.startswith(b"HTTP/1.1 400")
    chunked = lengths[-1] == b"Transfer-Encoding: chunked"  # RFC 9112, 6.3: chunks count, what follows is the next
    assert refused or (chunked and answer.count(b"HTTP/1.1 ") <= 2)
    assert refused == (b'{"status":"ok"}' not in answer)


def test_the_sign_in_helps_password_managers(served: Served) -> None:
    page = get(served, "/login").text

    assert 'autocomplete="username"' in page
    assert 'type="password"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page


# ---------------------------------------------------------------- secrets


def test_the_second_factor_is_made_of_the_systems_randomness() -> None:
    assert isinstance(pyotp.compat.random, SystemRandom)
    assert len(pyotp.random_base32()) * 5 >= 160
    codes = {second_factor._recovery_code() for _ in range(100)}
    assert len(codes) == 100
    assert {len(code.replace("-", "")) for code in codes} == {second_factor.RECOVERY_LENGTH}


# ---------------------------------------------------------------- the way out


@contextmanager
def elsewhere(folder: Path, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> Iterator[tuple[Http, str, list[str]]]:
    """Our wire, the address of a host that answers with redirects, and the paths that it was asked for."""
    authority, key = server_files(folder)
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/further")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(key)
    tls.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL itself would refuse to serve the old ones
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        tls.minimum_version, tls.maximum_version = lowest, highest
    server = HTTPServer(("127.0.0.1", 0), Redirects)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    http = Http(ca_bundle=str(authority), timeout=(5, 5))
    try:
        yield http, f"https://localhost:{server.server_port}", asked
    finally:
        http.close()
        server.shutdown()
        server.server_close()


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with elsewhere(tmp_path, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) as (http, url, asked):
        answer = http.request("GET", f"{url}/first")

    assert (answer.status_code, asked) == (302, ["/first"])


def test_no_older_tls_than_1_2_is_spoken(tmp_path: Path) -> None:
    with (
        elsewhere(tmp_path, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1) as (http, url, asked),
        pytest.raises(requests.exceptions.SSLError),
    ):
        http.request("GET", url)

    assert asked == []


# ---------------------------------------------------------------- the code

# Calls and modules that make a program, a query or an object of text; (file, name) -> why it may stand there.
DANGEROUS = {"eval", "exec", "compile", "__import__", "system", "popen", "Popen", "run_path", "exec_module"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "yaml", "subprocess", "xml", "lxml", "ldap3", "dill"}
DECIDED = {
    ("web/demo.py", "subprocess"): "our own simulator, from a fixed list",
    ("web/demo.py", "Popen"): "the same",
    (
        "core/cache/postgres_copy.py",
        "subprocess",
    ): "pg_dump and pg_restore, each with a list of arguments and without a shell",
    ("core/cache/postgres_copy.py", "Popen"): "the same",
    ("core/sharepoint/flow/solution_xml.py", "xml"): "writes XML of our own, and reads none",
}


def test_nothing_is_run_or_built_from_text() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for room in ("core", "web", "ui", "pages")
        for path in (ROOT / room).rglob("*.py")
        for name in _dangerous_names(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert found == set(DECIDED)


def _dangerous_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            own = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "re"
            if called in DANGEROUS and not own:  # re.compile is another
                yield called
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (name.split(".")[0] for name in names if name.split(".")[0] in UNSAFE_MODULES)


@pytest.mark.parametrize("hostile", ["{tenant.__class__}", "{0}", "%s%n", "$tenant", "{{what}}"])
def test_a_value_in_a_sentence_is_no_format(hostile: str) -> None:
    problem = Problem("graph.unreadable", {"tenant": hostile, "what": "token"})

    for language in ("de", "en"):
        assert hostile in problem.text(language)
