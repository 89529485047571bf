"""The HTTP API on loopback: the real app behind its gate, with a token for each role."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.access import api_tokens
from core.access.sessions import Sessions, start_session
from core.cache.account_rows import Account, add_account
from core.runtime import Runtime
from tests.actors import ADMIN, entry
from tests.served import free_port
from web.asgi_app import app_options
from web.server import Server


class Process(Server):
    """The server with a runtime (database, services, refresher) that the test opens."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.settings)
        self.use(runtime)
        self.tabs.use_sessions(Sessions(runtime.engine))

    def use(self, runtime: Runtime) -> None:
        self._runtime = runtime


class QuickServer(uvicorn.Server):
    """uvicorn that ends at once: its own loops wait a tenth of a second each, which adds up in hundreds of tests."""

    async def main_loop(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        while not self._ended.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.002)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)


@dataclass
class Served:
    """The served API; `url` is its address, `secrets` has a token for each role."""

    url: str
    process: Process
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        return self.process.runtime

    def token(self, role: str, *, name: str = "", days: float = 30) -> tuple[api_tokens.Token, str]:
        now = datetime.now(UTC)
        return api_tokens.make(
            self.runtime.engine, ADMIN, name or f"{role} token", role, now + timedelta(days=days), now
        )

    def bearer(self, role: str) -> dict[str, str]:
        if role not in self.secrets:
            self.secrets[role] = self.token(role)[1]
        return {"Authorization": f"Bearer {self.secrets[role]}"}

    def call(
        self, method: str, path: str, *, role: str = "viewer", headers: Mapping[str, str] | None = None, **options: Any
    ) -> requests.Response:
        """Return the answer to a call with the token of `role`; "" sends none."""
        sent = (self.bearer(role) if role else {}) | dict(headers or {})
        options = {"timeout": 30, "allow_redirects": False} | options
        return requests.request(method, self.url + path, headers=sent, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def session(self) -> dict[str, str]:
        """Return the cookie of a session of the dashboard."""
        return {"lizenztool_session": start_session(self.runtime.engine, ADMIN.name, datetime.now(UTC))}


@contextmanager
def serve(runtime: Runtime) -> Iterator[Served]:
    """Serve gate and API with `runtime` until the end of the block."""
    now = datetime.now(UTC)
    add_account(runtime.engine, Account(ADMIN.name, "", "admin", False, now, now), entry())
    process = Process(runtime)
    options = app_options(process, {})
    app = Starlette(routes=options["routes"], middleware=list[Middleware](options["middleware"]),
                    exception_handlers=options["exception_handlers"])  # fmt: skip
    port = free_port()
    server = QuickServer(uvicorn.Config(app, port=port, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.002)
    try:
        yield Served(f"http://127.0.0.1:{port}/api/v1", process)
    finally:
        server.end()
        thread.join(20)
