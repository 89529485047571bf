"""/health: the process is running. /health/ready: the dashboard works; the reasons if not are for permitted callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.attention.backup_conditions import backup_facts, backup_state, drill_state
from core.cache.database import DatabaseError
from core.operations.health import Health, health_of
from core.runtime import Runtime
from web.reader_access import ReaderAccess
from web.tabs import Tabs

KEPT_SECONDS = 1.0  # an answer is reused for so long, however many requests come
PATIENCE_SECONDS = 3.0  # a database that takes longer counts as unreachable
NO_STORE = {"cache-control": "no-store"}


class HealthPages:
    """Both routes; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(self, tabs: Tabs, runtime: Callable[[], Runtime], clock: Callable[[], float] = time.monotonic) -> None:
        self._tabs, self._runtime, self._clock = tabs, runtime, clock
        self._readers = ReaderAccess(tabs)
        self._started = clock()
        self._limiter = CapacityLimiter(1)
        self._known: tuple[float, Health] | None = None
        self._reading: asyncio.Task[Health] | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route("/health", self.live), Route("/health/ready", self.ready)]

    async def live(self, _request: Request) -> Response:
        """Answer "ok", without details."""
        return JSONResponse({"status": "ok"}, headers=NO_STORE)

    async def ready(self, request: Request) -> Response:
        """Answer 200 or 503, with names and reasons for callers who may read them.

        `?only=database` answers for the database alone: for a proxy with several web processes, which would otherwise
        send people to none of them while a refresh is late.
        """
        health = await self._health()
        only_database = request.query_params.get("only") == "database"
        is_ready = health.database == "ok" if only_database else health.ready
        body: dict[str, Any] = {
            "status": "ready" if is_ready else "not ready",
            "checks": {"database": health.database, "refresh": health.refresh, "tenants": health.tenants},
        }
        if health.code:
            body["reason"] = health.code
        if await self._is_insider(request, health):
            body["details"] = self._details(health)
        return JSONResponse(body, 200 if is_ready else 503, NO_STORE)

    async def _is_insider(self, request: Request, health: Health) -> bool:
        if health.database != "ok":
            return False
        try:
            return await self._readers.may_read(request.scope, self._runtime().engine)
        except DatabaseError:
            return False

    def _details(self, health: Health) -> dict[str, Any]:
        language = self._runtime().settings.language
        failing = [
            {
                "tenant": tenant.name,
                "since": tenant.since.isoformat() if tenant.since else None,
                "code": tenant.problem.code,
                "message": tenant.problem.text(language),
            }
            for tenant in health.failing
        ]
        refreshed = health.refreshed_at.isoformat() if health.refreshed_at else None
        vanished = [{"tenant": name, "since": since.isoformat()} for name, since in health.vanished.items()]
        return {
            "last_refresh": refreshed,
            "failing_tenants": failing,
            "vanished_tenants": vanished,
            **self._backups(health),
        }

    def _backups(self, health: Health) -> dict[str, Any]:
        """Return state and time of the last backup and the last drill that went well."""
        facts, now = backup_facts(self._runtime().settings, health.backups), self._tabs.now()
        states = {
            "backup": (backup_state(facts, now), health.backups.good_backup),
            "drill": (drill_state(facts, now), health.backups.good_drill),
        }
        return {
            name: {"state": state, "last": row.started_at.isoformat() if row else None}
            for name, (state, row) in states.items()
        }

    async def _health(self) -> Health:
        """Return the last health if it is new enough, else read it anew; all requests wait for the same reading."""
        if self._known is not None and self._clock() - self._known[0] < KEPT_SECONDS:
            return self._known[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="health")
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), PATIENCE_SECONDS)
        except TimeoutError:
            return Health("unreachable", reason="The database takes too long.")

    async def _read(self) -> Health:
        runtime, now = self._runtime(), self._tabs.now()
        minutes = runtime.settings.refresh_minutes
        started_at = now - timedelta(seconds=self._clock() - self._started)  # also when the time of day was set since
        health = await to_thread.run_sync(
            lambda: health_of(runtime.engine, minutes, started_at, now), limiter=self._limiter
        )
        self._known = (self._clock(), health)
        return health
