"""uvicorn with TLS on loopback, in a thread of its own."""

import asyncio
import socket
import threading
from pathlib import Path

import uvicorn

from .edge import Edge


class ServerThread:
    """Listens as soon as it exists, so that the port is known; serves between `start` and `stop`."""

    def __init__(self, edge: Edge, server_file: Path, port: int) -> None:
        self._edge = edge
        # The protocol has to be named: asyncio switches Nagle off for named TCP only, else each answer costs 40 ms.
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
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="microsoft365", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait(10)

    def stop(self) -> None:
        """Close the connections first: uvicorn would wait for every client that keeps one open."""
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
        self._edge.connections.reset_all()
