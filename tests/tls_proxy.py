"""A reverse proxy with TLS on loopback, as nginx or Caddy would stand in front: one request per connection."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from simulator.certificates import server_files

HEAD_END = b"\r\n\r\n"


class TlsProxy:
    """Listens with TLS and calls `target` from the loopback address `own_address`; says who has called it."""

    def __init__(self, target: int, tls: ssl.SSLContext, own_address: str) -> None:
        self._target, self._tls, self._own_address = target, tls, own_address

    async def run(self, ready: Future[tuple[int, Callable[[], None]]]) -> None:
        """Serve until what `ready` gets beside the port is called."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        ready.set_result((server.sockets[0].getsockname()[1], lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        server.close()

    async def _serve(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        outer: asyncio.StreamWriter | None = None
        try:
            head = await caller.readuntil(HEAD_END)
            address = answer.get_extra_info("peername")[0]
            inner, outer = await asyncio.open_connection("127.0.0.1", self._target, local_addr=(self._own_address, 0))
            outer.write(told(head, address))
            await asyncio.gather(pipe(caller, outer), pipe(inner, answer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for writer in filter(None, (answer, outer)):
                writer.transport.abort()


def told(head: bytes, address: str) -> bytes:
    """The head of a request with what a proxy adds, behind whatever the caller has claimed."""
    lines = head.removesuffix(HEAD_END).split(b"\r\n")
    if not any(line.lower().startswith(b"upgrade:") for line in lines):
        lines = [line for line in lines if not line.lower().startswith(b"connection:")] + [b"Connection: close"]
    lines += [f"X-Forwarded-For: {address}".encode(), b"X-Forwarded-Proto: https"]
    return b"\r\n".join(lines) + HEAD_END


async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(2**16):
            target.write(data)
            await target.drain()
        target.close()


@contextlib.contextmanager
def tls_proxy(folder: Path, target: int, *, own_address: str) -> Iterator[tuple[str, Path]]:
    """(address of the proxy, the authority that its certificate is from); `target` is a port on 127.0.0.1."""
    authority, certificate = server_files(folder / "tls")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    ready: Future[tuple[int, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(TlsProxy(target, tls, own_address).run(ready)), daemon=True)
    thread.start()
    port, stop = ready.result(20)
    try:
        yield f"https://localhost:{port}", authority
    finally:
        stop()
        thread.join(20)
