"""uvicorn with TLS on loopback, in a thread of its own."""

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

import uvicorn

from .edge import Edge

LONGEST_END = 5.0


class QuickServer(uvicorn.Server):
    """uvicorn that ends at once: its own loop waits a tenth of a second, which adds up in hundreds of tests."""

    def __init__(self, config: uvicorn.Config, edge: Edge) -> None:
        super().__init__(config)
        self._edge = edge

    async def main_loop(self) -> None:
        stopping = self._edge.stopping
        assert stopping
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Reset the open connections, then end; uvicorn would wait for the clients to close them."""
        loop = asyncio.get_running_loop()
        for sock in sockets or []:
            loop.remove_reader(sock)
        # asyncio loses track of connections that it accepts in the same turn of the loop in which its server closes.
        await asyncio.sleep(0.01)
        for server in self.servers:
            server.close()
        # The loop's own table also has connections in the middle of their TLS handshake; uvicorn's does not.
        transports = getattr(loop, "_transports", {})
        end = time.monotonic() + LONGEST_END
        while time.monotonic() < end:
            alive = [transport for transport in transports.values() if not transport.is_closing()]
            for transport in alive:
                transport.abort()
            await asyncio.sleep(0.002)
            if not (alive or self.server_state.connections or self.server_state.tasks):
                return


class ServerThread:
    """Runs the server in a thread between `start` and `stop`; its port is open from the constructor on."""

    def __init__(self, edge: Edge, server_file: Path, port: int) -> None:
        self._edge = edge
        # With the protocol named: only then asyncio switches Nagle's algorithm off, which delays each answer by 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(2048)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            edge,
            http=edge.connections.protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=server_file,
            ssl_keyfile=server_file,
            timeout_keep_alive=300,
        )
        self._server = QuickServer(config, edge)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="microsoft365", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait(10)

    def stop(self) -> None:
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._edge.stopping = asyncio.Event()
        self._started.set()
        await self._server.serve(sockets=[self._socket])

    def _end(self) -> None:
        assert self._edge.stopping
        self._edge.stopping.set()
        self._server.should_exit = True
