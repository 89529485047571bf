"""A process that works for others: it carries out refreshes that web processes, programs and the timetable ask for."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import generate_latest

from core import metrics
from core.operations import duties, jobs
from core.operations.jobs import JobHints
from core.operations.message_duty import message_sender
from core.refresh.refresher import Refresher
from core.refresh.services import Services
from core.refresh.shared_run import SharedRuns, Step
from core.refresh.shared_timetable import SharedTimetable

log = logging.getLogger(__name__)

SILENT_SECONDS = 60.0  # without a look at the database that succeeded the process counts as not healthy


class Worker:
    """Works off what is in the queue, `concurrency` pieces at a time, until `stop`."""

    def __init__(self, services: Services, concurrency: int) -> None:
        self._services, self._concurrency = services, concurrency
        hints = JobHints(services.engine)
        runs = SharedRuns(services, hints)
        self._calls: Mapping[Step, Callable[[], None]] = {"advance": runs.advance, "read": runs.read}
        daily, minutely = partial(duties.daily, services), partial(duties.shared, services)
        self._timetable = SharedTimetable(services, Refresher(services, hints), runs, daily, minutely)
        self._sender = message_sender(services)
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def healthy(self) -> bool:
        """Return True if the process has looked at the database within the last minute."""
        return time.monotonic() - self._timetable.beat_at < SILENT_SECONDS

    def run(self) -> None:
        """Work until `stop` is called and what has begun is over."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End in order: what is being read or written is left to others. For signal handlers."""
        self._services.ending.set()
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._services.ending.is_set():  # a signal came first
            return
        self._timetable.start()
        self._sender.start()
        try:
            await jobs.work(self._services.engine, self._calls, self._concurrency, self._stop)
        finally:
            await asyncio.to_thread(self._sender.stop)


def serve_health(worker: Worker, host: str, port: int) -> ThreadingHTTPServer:
    """Answer /health and /metrics on `port` in a thread until `shutdown` of the server. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health":
                body = json.dumps({"status": "ok" if worker.healthy else "no database"}).encode()
                self._answer(200 if worker.healthy else 503, "application/json", body)
            elif self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4", generate_latest(metrics.REGISTRY))
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing: a probe comes every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
