"""The ASGI application that takes all requests: latency, faults, the record of requests, broken connections."""

import asyncio
import contextlib
import datetime as dt
import random
import socket
import struct
import uuid
from dataclasses import replace
from typing import NamedTuple

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from . import batch, control, graph, login
from .faults import Fault, Faults
from .flow import Flow
from .replies import Call, Reply, parse_query
from .world import World

# Requests; the older half of a longer record is deleted: a demo may run for weeks.
LONGEST_RECORD = 500_000


class Request(NamedTuple):
    """One request. `status` is 0 if the connection was closed without an answer; `batched`: part of a `$batch`."""

    method: str
    path: str
    tenant_id: str
    status: int
    batched: bool
    at: dt.datetime


class ConnectionLostError(Exception):
    """Close the connection without an answer, `after` so many seconds (None: when the client gives up)."""

    def __init__(self, after: float | None = 0) -> None:
        super().__init__("connection lost")
        self.after = after


class Connections:
    """The open transports by client address; ASGI does not give access to them, and a TCP reset needs one."""

    def __init__(self) -> None:
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}
        connections = self

        class Protocol(AutoHTTPProtocol):  # type: ignore[valid-type,misc]
            def connection_made(self, transport: asyncio.Transport) -> None:
                self.address = transport.get_extra_info("peername")[:2]
                connections.transports[self.address] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.transports.pop(self.address, None)
                super().connection_lost(exc)

        self.protocol = Protocol

    def reset(self, address: tuple[str, int]) -> None:
        """Close with a TCP reset (linger zero), without TLS close_notify."""
        transport = self.transports.get(address)
        sock = transport.get_extra_info("socket") if transport else None
        if transport and sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()


class Edge:
    """The ASGI application; with `control_seat` it also serves `/_control` (simulator/control.py)."""

    def __init__(self, world: World, faults: Faults, flow: Flow, *, latency: float, control_seat: bool) -> None:
        self.world, self.faults, self.flow = world, faults, flow
        self.latency = latency
        self.control_seat = control_seat
        self.connections = Connections()
        self.requests: list[Request] = []
        self.stopping: asyncio.Event | None = None
        self._shuffle = random.Random(7).shuffle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await self._call(scope, receive)
        if self.control_seat and call.path == "/_control":
            await _send(send, control.answer(self, call), call)
            return
        if self.latency:
            await self._pause(self.latency)
        try:
            await _send(send, await self._answer(call), call)
        except ConnectionLostError as lost:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_gone(receive), lost.after)
            self.connections.reset(scope["client"])
            await _gone(receive)

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, query = scope["method"], scope["query_string"]
        body = b"" if method == "GET" else await _body(receive)
        options = parse_query(query.decode("latin-1")) if query else {}
        authorization = headers.get("authorization", "")
        return Call(method, scope["path"], options, headers, body, self.world.graph_url, authorization)

    async def _answer(self, call: Call, *, batched: bool = False) -> Reply:
        tenant_id = self._tenant_id(call)
        fault = self.faults.strike(call.method, call.path, tenant_id, sub_response=batched)
        status = 0
        try:
            reply = await self._answer_with(fault, call) if fault else await self._carry_out(call)
            status = reply.status
        finally:
            self._record(Request(call.method, call.path, tenant_id, status, batched, dt.datetime.now(dt.UTC)))
        return reply

    async def _carry_out(self, call: Call) -> Reply:
        if not call.path.startswith("/v1.0/"):
            with self.world.lock:
                return login.answer(self.world, call.method, call.path, call.query, call.body)
        if call.path != "/v1.0/$batch":
            return graph.answer(self.world, call)
        if self.world.token(call.authorization) is None:
            return graph.bad_token(call)
        return await batch.answer(call, lambda sub: self._answer(sub, batched=True), self._shuffle)

    async def _answer_with(self, fault: Fault, call: Call) -> Reply:
        """Answer the request with `fault` applied. Raise ConnectionLostError if the fault closes the connection."""
        if fault.before is not None:
            # In a thread: the function may call this very server and wait for it.
            await asyncio.to_thread(fault.before)
        match fault.kind:
            case "status":
                return fault.reply()
            case "reset":
                raise ConnectionLostError
            case "hang":
                raise ConnectionLostError(fault.delay)
            case "expired_token":
                self.world.forget_token(call.authorization)
            case "slow":
                await self._pause(fault.delay or 0)
        reply = await self._carry_out(call)
        if fault.kind == "lost_answer":
            raise ConnectionLostError
        if fault.kind in ("truncate", "cut"):
            announced = len(reply.body) if fault.kind == "cut" else 0
            return replace(reply, body=reply.body[: len(reply.body) // 2], announced=announced)
        return reply

    async def _pause(self, seconds: float) -> None:
        """Sleep until `seconds` are over or the server stops."""
        if seconds < 1 or self.stopping is None:
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    def _tenant_id(self, call: Call) -> str:
        if not call.path.startswith("/v1.0/"):
            return call.path.strip("/").partition("/")[0]
        token = self.world.tokens.get(call.authorization.removeprefix("Bearer "))
        return token.tenant_id if token else ""

    def _record(self, request: Request) -> None:
        self.requests.append(request)
        if len(self.requests) > LONGEST_RECORD:
            del self.requests[: LONGEST_RECORD // 2]


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _gone(receive: Receive) -> None:
    """Wait until the client, or a reset, has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, reply: Reply, call: Call) -> None:
    request_id = str(uuid.uuid4())
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(reply.announced or len(reply.body)).encode()),
        (b"request-id", request_id.encode()),
        (b"client-request-id", call.headers.get("client-request-id", request_id).encode()),
    ]
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": bool(reply.announced)})
    if reply.announced:
        raise ConnectionLostError
