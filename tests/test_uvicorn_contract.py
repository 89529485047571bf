"""What we rest on in uvicorn and nobody has promised us, on real sockets: time limits, bounded buffers, reading."""

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import requests
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from core.access.sessions import Session
from tests.loops import on_a_loop
from tests.served import free_port
from web.limits import connections
from web.limits.answer_pieces import PIECE
from web.limits.connection import TIME_LIMITS, State, connection_of
from web.limits.connection_limits import ConnectionLimits
from web.limits.connections import Connections
from web.tab import Tab
from web.tabs import Tabs
from web.uvicorn_internals import HttpProtocol, StreamProtocol

SHORT = 0.2
LARGE = 16 * 2**20
HEAD = "Host: localhost\r\n"
HANDSHAKE = (
    f"GET /stream HTTP/1.1\r\n{HEAD}Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass
class Server:
    """uvicorn with our protocol classes before a small app, which notes what came to it."""

    connections: Connections = field(default_factory=lambda: Connections(ConnectionLimits()))
    events: list[str] = field(default_factory=list)
    most_unread: int = 0
    port: int = field(default_factory=free_port)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        try:
            await (self.answer if scope["type"] == "http" else self.stream)(scope, receive, send)
        finally:
            self.events.append(f"{scope['path']} ended")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/form":
            while (message := await receive())["type"] == "http.request" and message["more_body"]:
                pass
            self.events.append(message["type"])
        body = bytes(LARGE) if scope["path"] == "/large" else b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        connection_of(scope).become_tab()
        await send({"type": "websocket.accept"})
        for _ in range(LARGE // 2**20):
            await send({"type": "websocket.send", "bytes": bytes(2**20)})

    def connect(self, sent: str) -> socket.socket:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(20)
        one.connect(("127.0.0.1", self.port))
        one.sendall(sent.encode())
        return one

    def measure(self) -> None:
        for connection in list(self.connections._open.values()):
            self.most_unread = max(self.most_unread, connection.transport.get_write_buffer_size())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Its time limits are short, and its sweeper measures what has been written and not read."""
    for state in TIME_LIMITS:
        monkeypatch.setitem(TIME_LIMITS, state, SHORT)
    monkeypatch.setattr(connections, "SWEEP_SECONDS", SHORT / 10)
    made = Server()
    sweep = made.connections.sweep

    def measure_and_sweep() -> None:
        made.measure()
        sweep()

    monkeypatch.setattr(made.connections, "sweep", measure_and_sweep)
    protocols = {
        "http": lambda **options: HttpProtocol(connections=made.connections, **options),
        "ws": lambda **options: StreamProtocol(connections=made.connections, **options),
    }
    config = uvicorn.Config(made.app, port=made.port, log_config=None, lifespan="off", interface="asgi3", **protocols)  # type: ignore[arg-type]
    running = uvicorn.Server(config)

    async def run() -> None:
        watch = asyncio.create_task(made.connections.watch())
        await running.serve()
        watch.cancel()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    until(lambda: running.started)
    yield made
    running.should_exit = True
    thread.join(20)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def rest(one: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    received = b""
    try:
        while piece := one.recv(2**20):
            received += piece
    except ConnectionError:
        pass
    return received


@pytest.mark.parametrize(
    ("sent", "state", "answered"),
    [
        pytest.param("", State.IDLE, False, id="nothing"),
        pytest.param(f"GET / HTTP/1.1\r\n{HEAD}X-A: ", State.HEADER, False, id="header"),
        pytest.param(f"POST /form HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\na", State.BODY, False, id="body"),
        pytest.param(f"GET / HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\na", State.BODY, True, id="body-after-answer"),
        pytest.param(f"GET / HTTP/1.1\r\n{HEAD}\r\n", State.IDLE, True, id="idle"),
        pytest.param(f"GET / HTTP/1.1\r\n{HEAD}\r\nGET / HT", State.IDLE, True, id="half-a-second-request"),
    ],
)
def test_what_a_connection_is_at_is_known_and_ends_in_time(server: Server, sent: str, state: State, answered: bool):
    with server.connect(sent) as one:
        until(lambda: state in {connection.state for connection in server.connections._open.values()})

        assert rest(one).startswith(b"HTTP/1.1 200") == answered
    until(lambda: len(server.connections) == 0)


def test_a_form_that_does_not_come_ends_its_request(server: Server):
    with server.connect(f"POST /form HTTP/1.1\r\n{HEAD}Content-Length: 9\r\n\r\na") as one:
        rest(one)

    until(lambda: "/form ended" in server.events)
    assert server.events[0] == "http.disconnect"


def test_bytes_now_and_then_do_not_lengthen_the_time(server: Server):
    def send_slowly(one: socket.socket) -> None:
        for _ in range(500):
            one.sendall(b"a")
            time.sleep(0.01)

    with server.connect(f"GET / HTTP/1.1\r\n{HEAD}X-A: ") as one, pytest.raises(ConnectionError):
        send_slowly(one)


@pytest.mark.parametrize(("path", "sent"), [("/large", f"GET /large HTTP/1.1\r\n{HEAD}\r\n"), ("/stream", HANDSHAKE)])
def test_whoever_does_not_read_is_dropped_and_fills_no_memory(server: Server, path: str, sent: str):
    with server.connect(sent):
        until(lambda: f"{path} ended" in server.events)

    assert 0 < server.most_unread <= 2**20 + 2 * PIECE
    until(lambda: len(server.connections) == 0)


def test_a_large_answer_comes_whole(server: Server, monkeypatch: pytest.MonkeyPatch):
    for state in (State.READING, State.CLOSING):
        monkeypatch.setitem(TIME_LIMITS, state, 20)

    answer = requests.get(f"http://127.0.0.1:{server.port}/large", timeout=20)

    assert len(answer.content) == LARGE


def test_whoever_does_not_read_starts_no_further_run():
    asked: list[str] = []

    async def scenario() -> None:
        read = asyncio.Event()

        async def receive() -> dict[str, str]:
            asked.append("receive")
            return {"type": "websocket.disconnect"}

        async def send(_message: object) -> None:
            await read.wait()

        now = datetime.now(UTC)
        tab = Tab(Tabs(), Session("id", "anna", "anna", "admin", now, now), receive, send, reconnected=False)
        sending = asyncio.create_task(tab.send({"type": "websocket.send", "bytes": b"rows"}))
        await asyncio.sleep(0)
        receiving = asyncio.create_task(tab.receive())
        for _ in range(10):
            await asyncio.sleep(0)
        asked.append("read")
        read.set()
        await asyncio.gather(sending, receiving)

    on_a_loop(scenario)

    assert asked == ["read", "receive"]


def test_uvicorn_is_as_it_was_looked_into():
    assert uvicorn.__version__ == "0.54.0"
    http, stream = inspect.getsource(H11Protocol), inspect.getsource(WebSocketsSansIOProtocol)

    for used in (
        "self.app = config.loaded_app",
        "protocol.connection_made(self.transport)",
        "on_response=self.on_response_complete",
    ):
        assert used in http
    for used in (
        "self.conn.send_response(response)",
        "self.read_paused",
        "self.queue.get()",
        "self.close_timeout",
        "self.conn.events_received()",
    ):
        assert used in stream
