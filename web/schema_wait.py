"""Wait while the tables of the database have a version with which this process does not work, and say so meanwhile.

With PostgreSQL another process upgrades them (`python -m core db upgrade`); this one then goes on by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.problems import Problem
from web.api.errors import ApiError, error_answer
from web.paths import is_api, is_public

log = logging.getLogger(__name__)

SECONDS = 2  # between two looks at the version, and before a browser asks again
TRY_AGAIN_LATER = 1013  # of websockets
OPEN_WITHOUT_DATABASE = ("/health", "/favicon.ico", "/favicon.png")


class WhileWaiting:
    """Middleware: answers everything as long as `waiting` returns a problem; `page` is what a browser gets."""

    def __init__(
        self, app: ASGIApp, *, waiting: Callable[[], Problem | None], page: Callable[[Request], Response]
    ) -> None:
        self._app, self._waiting, self._page = app, waiting, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._waiting() if scope["type"] in ("http", "websocket") else None
        if problem is None or _needs_no_database(scope["path"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        else:
            answer = self._answer(scope, problem)
            answer.headers["retry-after"] = str(SECONDS)
            await answer(scope, receive, send)

    def _answer(self, scope: Scope, problem: Problem) -> Response:
        if scope["path"] == "/health/ready":
            return JSONResponse(not_ready(problem), 503, {"cache-control": "no-store"})
        if is_api(scope["path"]):
            return error_answer(
                ApiError(503, "The database has another version; try again later."), scope["request_id"]
            )
        page = self._page(Request(scope))
        page.headers["refresh"] = str(SECONDS)
        return page


def _needs_no_database(path: str) -> bool:
    return path in OPEN_WITHOUT_DATABASE or (path.startswith("/assets/") and is_public(path))


def not_ready(problem: Problem) -> dict[str, object]:
    """Return what /health/ready says while the process waits: the code of the problem, no version and no address."""
    checks = {"database": "other version", "refresh": "unknown", "tenants": "unknown"}
    return {"status": "not ready", "checks": checks, "reason": problem.code}


async def watch(look: Callable[[], None]) -> None:
    """Call `look` in a thread every few seconds until cancelled, and then wait for the end of the last call."""
    while True:
        await asyncio.sleep(SECONDS)
        looking = asyncio.ensure_future(asyncio.to_thread(look))
        try:
            await asyncio.shield(looking)
        except asyncio.CancelledError:
            await looking
            raise
        except Exception:  # the next look may succeed
            log.exception("the version of the database cannot be looked at")
