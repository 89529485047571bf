"""Whatever a client sends, it gets an answer with headers, id and a sentence, and the log no traceback."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from typing import Any

import pytest
import requests
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.settings import Settings
from tests.served import Served
from tests.test_server import Start, start
from web.asgi_app import app_options
from web.headers import COMMON
from web.outer_middleware import OuterMiddleware
from web.server import Server

__all__ = ["start"]

PATHS = ["/", "/login", "/login/code", "/login/microsoft/callback", "/logout", "/metrics", "/health",
         "/api/v1/licenses", "/media/x", "/assets/icon.svg", "/_stcore/stream", "/two"]  # fmt: skip
BEHIND = ["", "%", "%zz", "%00", "%ff%fe", "/../..", "%0a", "?%zz=%zz", "?next=http://[", "?state=%00&code=%ff",
          "?lang=%ff", f"?{'a=1&' * 300}", "/\\..\\", "?q=%ed%a0%80"]  # fmt: skip
LINES = ["Origin: http://[", "Origin: http://℀.example", "Origin: null", "Host: [", "Host: a:b", "Host: \xff",
         "Cookie: \xff\xfe=\xff",
         'Cookie: lizenztool_session="\\377"', "Cookie: lang=\xff", f"Cookie: {'a=b;' * 1000}", "Range: bytes=a-b",
         f"Range: bytes={'0-1,' * 500}", "Content-Length: -1", "Content-Length: 5, 6", "Transfer-Encoding: x",
         "Authorization: Bearer \xff", "Content-Type: multipart/form-data", "Content-Type: \xff", "X-Request-Id: \xff",
         "Accept-Language: \xff;q=nan", "If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT", "Sec-Fetch-Site: \xff",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"]  # fmt: skip
BODIES = [
    "",
    "&".join(f"field{number}=1" for number in range(11)),
    "name=%zz&password=%ff",
    "name=%00",
    "[" * 500,
    "\x00",
]
OWN = {"content-security-policy", "x-request-id", *COMMON}


def ask(served: Served, method: str, target: str, lines: list[str], body: str) -> tuple[int, dict[str, str], str]:
    """(status, headers, text) of the answer to a request as no library would write it; status 0 for none."""
    port = int(served.host.rpartition(":")[2])
    own = [f"Host: {served.host}"] if not any(line.startswith("Host") for line in lines) else []
    own += (
        [f"Content-Length: {len(body)}"] if not any("Content-L" in line or "Transfer" in line for line in lines) else []
    )
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *own, *lines, "Connection: close"])
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(f"{head}\r\n\r\n{body}".encode("latin-1", "replace"))
        while piece := connection.recv(65_536):
            answer += piece
    start_line, _, rest = answer.decode("latin-1").partition("\r\n")
    headers, _, text = rest.partition("\r\n\r\n")
    pairs = (line.partition(":") for line in headers.split("\r\n"))
    return int([*start_line.split(), "0", "0"][1]), {name.lower(): value.strip() for name, _, value in pairs}, text


def tracebacks(served: Served) -> str:
    text = (served.folder / "output.txt").read_text()
    return "\n".join(re.findall(r"^.*(?:Traceback|Exception| failed$).*$", text, re.MULTILINE))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE", "FOO"]),
    path=st.sampled_from(PATHS),
    behind=st.sampled_from(BEHIND) | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20),
    lines=st.lists(st.sampled_from(LINES), max_size=2),
    body=st.sampled_from(BODIES),
)
def test_no_request_makes_the_server_fail(
    served: Served, method: str, path: str, behind: str, lines: list[str], body: str
) -> None:
    status, headers, _ = ask(served, method, path + behind, lines, body)

    assert status < 500 or status == 503
    if status != 400 and status > 100:  # what is no HTTP at all never reaches us
        assert set(headers) >= OWN
    assert tracebacks(served) == ""


@pytest.mark.parametrize(
    ("target", "lines", "body", "status", "sentence"),
    [
        pytest.param("/login", [], BODIES[1], 400, "Felder", id="eleven-fields"),
        pytest.param("/login", [], f"name={'a' * 9_000}", 400, "Felder", id="long-field"),
        pytest.param("/login", ["Origin: http://["], "a=1", 403, "fremden Seite", id="origin"),
        pytest.param("/api/v1/refreshes", ["Origin: http://["], "{}", 403, "foreign page", id="origin-at-the-api"),
        pytest.param("/login", ["Host: ["], "a=1", 421, "", id="host"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(
    served: Served, target: str, lines: list[str], body: str, status: int, sentence: str
) -> None:
    answer, headers, text = ask(served, "POST", target, lines, body)

    assert answer == status
    assert set(headers) >= OWN
    assert sentence in text.encode("latin-1").decode()
    assert tracebacks(served) == ""


@pytest.mark.parametrize("by", ["python", "streamlit"])
def test_headers_and_id_are_there_however_the_server_is_started(start: Start, by: str) -> None:
    app = start(by=by)
    app.wait_until_ready()

    answer = requests.get(f"{app.url}/login", headers={"Origin": "http://[", "X-Request-Id": "mine"}, timeout=20)

    assert {name.lower() for name in answer.headers} >= OWN
    assert answer.headers["x-request-id"] == "mine"
    app.stop()
    assert "Traceback" not in app.output()


# What nobody has foreseen


def test_the_layer_is_in_front_of_all_others() -> None:
    first = app_options(Server(Settings(proxy=("127.0.0.1",))), {})["middleware"][0]

    assert getattr(first, "cls", None) is OuterMiddleware


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("secret=geheim " + "://a:" * 100_000)


async def broken_in_the_middle(scope: Scope, receive: Receive, send: Send) -> None:
    async def pieces() -> Any:
        yield b"half"
        raise ValueError("x")

    await StreamingResponse(pieces())(scope, receive, send)


async def left(scope: Scope, receive: Receive, send: Send) -> None:
    raise ClientDisconnect


def told(app: ASGIApp, path: str = "/", kind: str = "http", request_id: str = "mine") -> list[Message]:
    """What the app behind the layer sends."""
    sent: list[Message] = []
    scope: dict[str, Any] = {"type": kind, "path": path, "scheme": "https", "query_string": b""}
    scope |= {"headers": [(b"x-request-id", request_id.encode())]} | ({"method": "GET"} if kind == "http" else {})

    async def receive() -> Message:
        return await asyncio.Future()  # the client says no more

    async def send(message: Message) -> None:
        sent.append(message)

    with start_blocking_portal() as portal:
        portal.call(OuterMiddleware(app, language="en", hsts="max-age=1"), scope, receive, send)
    return sent


def headers_of(start_message: Message) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in start_message["headers"]}


def test_an_unforeseen_error_is_a_sentence_with_an_id_and_one_entry(caplog: pytest.LogCaptureFixture) -> None:
    begin, body = told(broken, "/two")

    assert begin["status"] == 500
    assert body["body"] == b"An unexpected error occurred on the server. The log has the details under mine."
    assert set(headers_of(begin)) >= OWN
    assert headers_of(begin)["strict-transport-security"] == "max-age=1"
    assert headers_of(begin)["cache-control"] == "no-store"
    (entry,) = caplog.records
    assert (entry.name, entry.levelno, entry.getMessage()) == ("web.outer_middleware", logging.ERROR, "GET /two failed")


def test_the_api_gets_it_in_the_form_of_the_api() -> None:
    begin, body = told(broken, "/api/v1/licenses")

    answer = json.loads(body["body"])
    assert begin["status"] == 500
    assert (answer["error"]["code"], answer["meta"]["requestId"]) == ("INTERNAL", "mine")


def test_an_error_in_the_middle_of_an_answer_adds_nothing_to_it(caplog: pytest.LogCaptureFixture) -> None:
    assert [message.get("body") for message in told(broken_in_the_middle)] == [None, b"half"]
    assert [record.getMessage() for record in caplog.records] == ["GET / failed"]


def test_a_client_that_has_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    assert told(left) == []
    assert caplog.records == []


def test_a_websocket_whose_app_fails_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    assert told(broken, "/_stcore/stream", "websocket") == [{"type": "websocket.close", "code": 1011}]
    assert [record.getMessage() for record in caplog.records] == ["websocket /_stcore/stream failed"]


def test_what_the_app_says_itself_stays() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer: Response = PlainTextResponse(scope["request_id"], headers={"x-frame-options": "DENY"})
        await answer(scope, receive, send)

    begin, body = told(app, request_id="not one that may stand in a log")

    assert headers_of(begin)["x-frame-options"] == "DENY"
    assert body["body"].decode() == headers_of(begin)["x-request-id"]
