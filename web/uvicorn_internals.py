"""uvicorn's protocol classes with places, time limits and bounded reading: its private features, all in this one file.

uvicorn is pinned; tests/test_uvicorn_contract.py holds what is used here.
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request, Response

from web.headers import security_headers
from web.limits.connection import EXTENSION, Connection, State
from web.limits.connection_limits import BACKLOG, QUEUE
from web.limits.connections import Connections

PIECE = 64 * 2**10  # of an answer; the rest waits until this is read, instead of filling the transport's buffer
LARGEST_BODY = 2 * 2**20  # above what the API and the forms take, which tell so themselves
SLICE = 8 * 2**10  # of what a websocket sends; between two slices its frames are counted
# A page sends a few frames a second, each of which costs the event loop some 20 microseconds.
FRAMES_PER_SECOND = 500
FAREWELL_SECONDS = 2.0  # from our close frame to the end of the socket, when the client's answer is not read


__all__ = ["ClientDisconnected", "serve"]  # the former is what a send into a websocket raises whose client has left


class Server(uvicorn.Server):
    """Accepts few connections in a turn of the loop, while the system lets many wait."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                with listening.dup() as same:
                    same.listen(QUEUE)


def serve(app: ASGIApp, connections: Connections, **options: Any) -> None:
    """Serve `app` as `uvicorn.run` does, with the classes below; ends by SIGTERM or Ctrl+C."""
    http, ws = partial(HttpProtocol, connections=connections), partial(StreamProtocol, connections=connections)
    server = Server(uvicorn.Config(app, http=http, ws=ws, backlog=BACKLOG, **options))  # type: ignore[arg-type]
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class HttpProtocol(H11Protocol):
    """HTTP/1.1 that reports to `connections` what each connection is at."""

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self._connection: Connection | None = None  # None once a websocket has taken it over, too
        self._body = 0  # bytes of the body that have come
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
        self._connections.lost(self.transport)
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
        """What no app sees is answered with the same headers as everything else."""
        told = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(msg)), "connection": "close"}
        headers = [(name.encode(), value.encode()) for name, value in {**told, **security_headers()}.items()]
        events = (h11.Response(status_code=400, headers=headers), h11.Data(data=msg.encode()), h11.EndOfMessage())
        try:
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # an answer has been begun already, so this one has no place
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
        """Report the state; `between` says what it is between two requests."""
        if self._connection is None or self.transport.is_closing():
            return  # the next sweep finds a closing one
        if self.flow.write_paused:
            self._connection.enter(State.READING)
        elif self.conn.their_state is h11.IDLE:
            self._connection.enter(between)
        elif self.conn.their_state is h11.SEND_BODY:
            self._connection.enter(State.BODY)
        else:
            self._connection.enter(State.WORKING)


class StreamProtocol(WebSocketsSansIOProtocol):
    """A websocket that reads only what the app asks for, and nothing before the app has accepted it."""

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
        self._connections.lost(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        self._pause_reading()

    async def receive(self) -> Any:
        """Read on only when the app waits for a message and none has come."""
        if self.queue.empty() and self.handshake_complete and not self._deaf:
            self._resume_reading()
        return await self.queue.get()

    def stop_reading(self) -> None:
        """Read nothing more, whatever comes; the close frame of the client is not waited for, either."""
        self._deaf = True
        self.close_timeout = FAREWELL_SECONDS
        self._pause_reading()

    async def send(self, message: Any) -> None:
        if self._deaf:
            self.read_paused = False  # else a close would resume the reading
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
        """Take a text for the bytes that it is: the pages send none, and what is no UTF-8 would be logged at length."""
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
    """Send what a handshake is answered; a refusal is seen by no app and gets its headers here."""
    if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
        response.headers.update(security_headers())
    send(response)


def _with_connection(app: ASGIApp, protocol: HttpProtocol | StreamProtocol) -> ASGIApp:
    """Return `app` that finds its connection in the scope, and whose answers are written piece by piece."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), EXTENSION: protocol.connection}
        send = _in_pieces(send) if scope["type"] == "http" else send
        await app({**scope, "extensions": extensions}, receive, send)

    return serve


def _in_pieces(send: Send) -> Send:
    """Return `send` that cuts bodies, since `send` waits for the client between two messages only."""

    async def send_piece_by_piece(message: Message) -> None:
        body = message.get("body", b"")
        while len(body) > PIECE:
            await send({**message, "body": bytes(body[:PIECE]), "more_body": True})
            body = memoryview(body)[PIECE:]
        await send({**message, "body": bytes(body)} if body else message)

    return send_piece_by_piece
