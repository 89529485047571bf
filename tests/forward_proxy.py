"""A forward proxy on loopback, as a company has one: CONNECT, a sign-in, a list of forbidden hosts, or it opens TLS."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from simulator.certificates import server_files
from tests.tls_proxy import HEAD_END, pipe

TLS_HANDSHAKE = b"\x16"  # the first byte


@dataclass
class ForwardProxy:
    """`asked`: the host of every CONNECT. `user` has to sign in; `refuses` answers CONNECT with this status line.

    With `page` it opens TLS with a certificate of its own authority and answers every request with that.
    """

    folder: Path
    user: str = ""
    refuses: str = ""
    page: bytes = b""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        return server_files(self.folder)[0]

    async def run(self, ready: Future[Callable[[], None]]) -> None:
        """Serve until what `ready` gets is called."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set_result(lambda: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        server.close()

    async def _serve(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        outer: asyncio.StreamWriter | None = None
        try:
            first = await caller.readexactly(1)
            if first == TLS_HANDSHAKE:
                answer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                await answer.drain()
                return
            head = (first + await caller.readuntil(HEAD_END)).decode("latin-1")
            target = head.split()[1]
            self.asked.append(target)
            if refusal := self._refusal(head):
                answer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
                await answer.drain()
                return
            host, _, port = target.rpartition(":")
            if not self.page:
                inner, outer = await asyncio.open_connection(host, int(port))
            answer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await answer.drain()
            if outer is None:
                await self._answer_itself(caller, answer)
            else:
                ways = [asyncio.ensure_future(way) for way in (pipe(caller, outer), pipe(inner, answer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for writer in filter(None, (answer, outer)):
                writer.close()  # of both ways: where one ends the other is of no use

    def _refusal(self, head: str) -> str:
        signed = base64.b64encode(self.user.encode()).decode()
        if self.user and f"Proxy-Authorization: Basic {signed}" not in head:
            return "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x"
        return self.refuses

    async def _answer_itself(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(server_files(self.folder)[1])
        await answer.start_tls(tls)
        await caller.readuntil(HEAD_END)
        answer.write(self.page)
        await answer.drain()


def http_answer(status: str, body: str = "", content_type: str = "text/html", **headers: str) -> bytes:
    """The bytes of an answer for `page`."""
    told = {"Content-Type": content_type, "Connection": "close", "Content-Length": str(len(body.encode())), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", body]).encode()


@contextlib.contextmanager
def forward_proxy(folder: Path) -> Iterator[ForwardProxy]:
    proxy, ready = ForwardProxy(folder), Future[Callable[[], None]]()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.run(ready)), daemon=True)
    thread.start()
    stop = ready.result(20)
    try:
        yield proxy
    finally:
        stop()
        thread.join(20)
