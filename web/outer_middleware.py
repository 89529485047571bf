"""The outermost middleware: request id and security headers on every answer, and the answer to unexpected errors.

It is the first middleware however the app is started, so Starlette's own error page never appears.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnected

from core import texts
from core.logs.setup import request_in_log
from web.api.errors import ApiError, error_answer
from web.headers import HEADER_CHOICE, PLAIN_POLICY, HeaderChoice, request_id_of, with_headers
from web.paths import is_api, shown_path
from web.request_data import is_secure
from web.uvicorn_internals import ClientDisconnected

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011


@dataclass(slots=True)
class _Answer:
    """The answer to one request, sent with the security headers; `started`: the app has sent a part of it."""

    scope: Scope
    to_client: Send
    choice: HeaderChoice
    hsts: str
    started: bool = False

    async def send(self, message: Message) -> None:
        self.started = True
        if message["type"] != "http.response.start":
            await self.to_client(message)
            return
        # The scheme is read only here, after the proxy middleware has set it in the scope.
        send_with_headers = with_headers(
            self.to_client,
            self.choice.policy,
            secure=is_secure(self.scope),
            private=self.choice.private,
            request_id=self.scope["request_id"],
            hsts=self.hsts,
        )
        await send_with_headers(message)


class OuterMiddleware:
    """Middleware; `language` is that of the sentence a browser gets after an unexpected error."""

    def __init__(self, app: ASGIApp, *, language: str, hsts: str) -> None:
        self._app = app
        self._language = language
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id_of(scope)
        scope[HEADER_CHOICE] = choice = HeaderChoice()
        answer = _Answer(scope, send, choice, self._hsts)
        with request_in_log(scope["request_id"]):
            try:
                await self._app(scope, receive, answer.send)
            except (ClientDisconnect, ClientDisconnected, WebSocketDisconnected):
                pass  # the client has left, or Streamlit closes a socket that is closed already
            except Exception:
                log.exception("%s %s failed", scope.get("method", "websocket"), shown_path(scope["path"]))
                choice.policy, choice.private = PLAIN_POLICY, False
                await self._answer_failure(scope, receive, answer.send, started=answer.started)

    async def _answer_failure(self, scope: Scope, receive: Receive, send: Send, *, started: bool) -> None:
        with contextlib.suppress(Exception):  # the other side may be gone, or in the middle of an answer
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": INTERNAL_ERROR})
            elif not started:
                await self._failure(scope)(scope, receive, send)

    def _failure(self, scope: Scope) -> Response:
        request_id = scope["request_id"]
        if is_api(scope["path"]):
            return error_answer(ApiError(500, "An unexpected error. The log has the details."), request_id)
        text = texts.text("plain.failed", self._language, id=request_id)
        return PlainTextResponse(text, 500, {"cache-control": "no-store"})
