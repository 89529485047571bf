"""Middleware of the API: checks token, rate and size of every call, and answers all errors in the API's format."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import texts
from core.access.api_tokens import actor_of
from core.cache.database import DatabaseError
from core.roles import Actor, refused
from core.runtime import Runtime
from web.api.call_limits import CallLimits
from web.api.errors import ApiError, error_answer, problem_error
from web.headers import bearer_token
from web.limits.connection import connection_of
from web.paths import API
from web.request_data import audit_unknown_caller, client_host

log = logging.getLogger(__name__)

BASE = API
DOCUMENT = f"{BASE}/openapi.json"
DOCS = f"{BASE}/docs"
LARGEST_BODY = 2**20  # bytes; enough for the names of all tenants
THREADS = 4  # own threads for checking tokens, which must not wait for slow answers
CALL = "api_call"  # key of the call in the scope
LOGGED = (400, 401, 413, 415, 422, 429)  # many of these mean a faulty program or an attack

_JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
WWW_AUTHENTICATE = 'Bearer realm="lizenztool"'


@dataclass
class Call:
    """One call: request id, language of the texts in its answer, its actor, and headers for its answer."""

    request_id: str
    language: str
    actor: Actor | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Answer:
    """The answer to one call, sent with the headers of the call; `started`: the app has sent a part of it."""

    scope: Scope
    call: Call
    to_client: Send
    started: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if message["status"] in LOGGED:
                _log_refusal(self.scope, self.call, message["status"])
            own = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in self.call.headers.items():
                own.setdefault(name, value)
        await self.to_client(message)


class ApiAuth:
    """ASGI middleware around the API; the layers before it put `request_id` and `app_session` into the scope."""

    def __init__(
        self, app: ASGIApp, runtime: Callable[[], Runtime], limits: CallLimits, now: Callable[[], datetime]
    ) -> None:
        self._app = app
        self._runtime = runtime
        self._limits = limits
        self._now = now
        self._threads = CapacityLimiter(THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        call = Call(scope["request_id"], language_of(headers.get("accept-language", "")))
        scope = {**scope, CALL: call}
        answer = _Answer(scope, call, send)
        try:
            refusal = await self._let_in(scope, call, headers)
            if refusal is None:
                receive = await _bounded(scope, headers, receive)
            await (refusal or self._app)(scope, receive, answer.send)
        except ApiError as error:
            await error_answer(error, call.request_id)(scope, receive, answer.send)
        except Exception:
            log.exception("The call %s %s failed", scope["method"], scope["path"])
            if not answer.started:
                failed = ApiError(500, "An unexpected error. The log has the details.")
                await error_answer(failed, call.request_id)(scope, receive, answer.send)

    async def _let_in(self, scope: Scope, call: Call, headers: Headers) -> Response | None:
        """Set the actor of the call; return None to let it through, or a redirect. May raise ApiError."""
        if "authorization" not in headers:
            if not is_documentation(scope["path"]):
                raise _unauthorized("A token is needed: send it as Authorization: Bearer lzt_...")
            if scope["app_session"] is not None:
                return None
            if "text/html" in headers.get("accept", ""):
                return RedirectResponse(f"/login?next={scope['path']}", 303)
            raise _unauthorized("Sign in to the dashboard, or send a token as Authorization: Bearer lzt_...")
        address = client_host(scope)
        call.actor = await self._actor(bearer_token(scope), address, call)
        if call.actor is None:
            audit_unknown_caller(scope, scope["path"], "wrong token", "api")
            await self._limits.count_wrong(address)
            raise _unauthorized("The token is unknown, has expired or was revoked.", ', error="invalid_token"')
        connection_of(scope).assign_session(call.actor.name)
        try:
            call.headers |= await self._limits.count(call.actor.name)
        except ApiError:
            refused(call.actor, scope["path"], "limit")
            raise
        return None

    async def _actor(self, secret: str, address: str, call: Call) -> Actor | None:
        def find_actor() -> Actor | None:
            engine = self._runtime().engine
            return actor_of(engine, secret, self._now(), address=address, request_id=call.request_id)

        try:
            return await to_thread.run_sync(find_actor, limiter=self._threads)
        except DatabaseError as error:
            log.error("A token cannot be checked: %s", error)  # noqa: TRY400 - its text says it all
            raise problem_error(error, call.language) from error


def is_documentation(path: str) -> bool:
    """Return True for the documentation, which signed-in people may read without a token."""
    return path in (DOCUMENT, DOCS) or path.startswith(f"{DOCS}/")


def language_of(accepted: str) -> str:
    """Return the language of ours that Accept-Language prefers, English if none is preferred to it."""
    likings = dict.fromkeys(texts.languages(), 0.0)
    for entry in accepted.lower().split(",")[:20]:
        name, _, quality = entry.strip().partition(";q=")
        try:
            liking = float(quality or 1)
        except ValueError:
            continue
        language = name.partition("-")[0]
        if language in likings:
            likings[language] = max(likings[language], liking)
    return max(likings, key=lambda language: (likings[language], language == "en"))


def _log_refusal(scope: Scope, call: Call, status: int) -> None:
    who = call.actor.name if call.actor else client_host(scope)
    log.warning("The call %s %s of %s was refused with %d", scope["method"], scope["path"], who, status)


def _unauthorized(message: str, parameter: str = "") -> ApiError:
    return ApiError(401, message, headers={"WWW-Authenticate": WWW_AUTHENTICATE + parameter})


async def _bounded(scope: Scope, headers: Headers, receive: Receive) -> Receive:
    """Read the whole body and return a `receive` that repeats it. Raise ApiError if it is too large or not JSON."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise ApiError(413, f"The body is larger than {LARGEST_BODY // 1024} kB.", headers={"Connection": "close"})
    if body and scope["method"] in ("POST", "PATCH") and not _JSON.fullmatch(headers.get("content-type", "")):
        raise ApiError(415, "The body must be JSON: send it with Content-Type: application/json.")
    replayed = False

    async def again() -> Any:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
