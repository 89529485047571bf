"""uvicorn's protocol classes with limits for connections, time and size. They use private features of uvicorn.

uvicorn is pinned; tests/test_uvicorn_contract.py tests each feature that is used here.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request, Response

from web.headers import security_headers
from web.limits.answer_pieces import in_pieces
from web.limits.connection import EXTENSION, Connection, State
from web.limits.connection_limits import BACKLOG, QUEUE
from web.limits.connections import Connections

LARGEST_BODY = 6 * 2**20  # bytes: an attachment of 5 MB; API and forms have smaller limits, with an answer that says so
SLICE = 8 * 2**10  # bytes of a websocket that are parsed at once; frames are counted after each slice
# A page sends a few frames a second, each of which costs the event loop some 20 microseconds.
FRAMES_PER_SECOND = 500
CLOSE_SECONDS = 2.0  # from our close frame to the end of the socket; the client's answer is not read

__all__ = ["ClientDisconnected", "serve"]  # ClientDisconnected: raised by a send to a client that has left


class Server(uvicorn.Server):
    """Accepts BACKLOG connections in a turn of the loop, while QUEUE may wait in the operating system."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                with listening.dup() as same:
                    same.listen(QUEUE)


def serve(app: ASGIApp, connections: Connections, **options: Any) -> None:
    """Serve `app` as `uvicorn.run` does, with the classes below, until SIGTERM or Ctrl+C."""
    http, ws = partial(HttpProtocol, connections=connections), partial(StreamProtocol, connections=connections)
    server = Server(uvicorn.Config(app, http=http, ws=ws, backlog=BACKLOG, **options))  # type: ignore[arg-type]
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class HttpProtocol(H11Protocol):
    """HTTP/1.1 that reports the state of each connection to `connections`."""

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self._connection: Connection | None = None  # None again after the upgrade to a websocket
        self._body = 0  # received bytes of the body
        self.app = _with_connection(self.app, self)

    @property
    def connection(self) -> Connection | None:
        return self._connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connection = self._connections.admit(transport, self.client[0] if self.client else "")
        if self._connection is None:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.forget(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._body = self._body + len(data) if self.conn.their_state is h11.SEND_BODY else 0
        if self._body > LARGEST_BODY and self._connection is not None:
            self._connections.refused("size", self._connection.address)
            self.transport.abort()
        self._report(State.HEADER)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._connection = None
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answer a malformed request, which no app sees, with the same security headers as all other answers."""
        own = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(msg)), "connection": "close"}
        headers = [(name.encode(), value.encode()) for name, value in {**own, **security_headers()}.items()]
        events = (h11.Response(status_code=400, headers=headers), h11.Data(data=msg.encode()), h11.EndOfMessage())
        try:
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # another answer has begun already
            self.transport.abort()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._report(State.IDLE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._report(State.HEADER)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._report(State.HEADER)

    def _report(self, between: State) -> None:
        """Report the state; `between` is the state between two requests."""
        if self._connection is None or self.transport.is_closing():
            return  # the next sweep handles a closing connection
        if self.flow.write_paused:
            self._connection.enter(State.READING)
        elif self.conn.their_state is h11.IDLE:
            self._connection.enter(between)
        elif self.conn.their_state is h11.SEND_BODY:
            self._connection.enter(State.BODY)
        else:
            self._connection.enter(State.WORKING)


class StreamProtocol(WebSocketsSansIOProtocol):
    """A websocket that reads only when the app waits for a message, and nothing before the app has accepted it."""

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self.connection: Connection | None = None
        self._deaf = False
        self._second, self._frames = 0, 0
        self.app = _with_connection(self.app, self)
        setattr(self.conn, "send_response", partial(_answer, self.conn.send_response))  # noqa: B010 - a method, to mypy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection = self._connections.of(self.transport)
        if self.connection is not None:
            self.connection.stop_reading = self.stop_reading
            self.connection.enter(State.WORKING)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.forget(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        self._pause_reading()

    async def receive(self) -> Any:
        """Return the next message; reading continues only if none is waiting."""
        if self.queue.empty() and self.handshake_complete and not self._deaf:
            self._resume_reading()
        return await self.queue.get()

    def stop_reading(self) -> None:
        """Read nothing more, not even the client's close frame."""
        self._deaf = True
        self.close_timeout = CLOSE_SECONDS
        self._pause_reading()

    async def send(self, message: Any) -> None:
        if self._deaf:
            self.read_paused = False  # otherwise uvicorn's close would resume reading
        await super().send(message)

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), SLICE):
            if self._deaf or self.transport.is_closing():
                return
            super().data_received(data[begin : begin + SLICE])

    def handle_events(self) -> None:
        if self._too_many(len(self.conn.events)):
            self._connections.refused("frames", self.connection.address if self.connection else "")
            self.transport.abort()
        else:
            super().handle_events()

    def handle_text(self, event: Frame) -> None:
        """Handle a text as bytes: our pages send no texts, and uvicorn logs a long traceback for invalid UTF-8."""
        self.handle_bytes(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.connection is not None:
            self.connection.enter(State.READING)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.connection is not None:
            self.connection.enter(State.TAB if self.connection.is_tab else State.LEAVING)

    def _too_many(self, frames: int) -> bool:
        second = int(self.loop.time())
        self._frames = frames + (self._frames if second == self._second else 0)
        self._second = second
        return self._frames > FRAMES_PER_SECOND

    def _pause_reading(self) -> None:
        self.read_paused = True
        self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()


def _answer(send: Callable[[Response], None], response: Response) -> None:
    """Send the answer to a handshake; a refusal gets its security headers here, because no middleware sees it."""
    if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
        response.headers.update(security_headers())
    send(response)


def _with_connection(app: ASGIApp, protocol: HttpProtocol | StreamProtocol) -> ASGIApp:
    """Return an app that puts the connection into the scope, and whose answers are written in pieces."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), EXTENSION: protocol.connection}
        send = in_pieces(send) if scope["type"] == "http" else send
        await app({**scope, "extensions": extensions}, receive, send)

    return serve
