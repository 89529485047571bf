"""The parameters that every endpoint takes (call, actor, process), and parts of its answer."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from core.cache.shared_frames import Figures, newest_figures
from core.name_key import name_key
from core.roles import Actor
from core.runtime import Runtime
from web.api.authentication import CALL, Call
from web.api.envelope import Failure, Meta, Pagination
from web.api.errors import ApiError, Detail
from web.api.queries import Paged, parameters_of

log = logging.getLogger(__name__)
CONTEXT = "api_context"  # where the scope of a call has its Context
Row = TypeVar("Row")
Shown = TypeVar("Shown")

# Only for the OpenAPI document: the middleware has checked the token already.
_bearer = HTTPBearer(bearerFormat="lzt_...", description="A token of the page Access for programs.", auto_error=False)


@dataclass(frozen=True)
class Context:
    """The process in which the API runs; `runtime` is a function, because it is opened after the routes are made."""

    runtime: Callable[[], Runtime]

    def figures(self) -> Figures:
        """Return the newest figures, shared with the pages. Raises DatabaseError."""
        runtime = self.runtime()
        return newest_figures(runtime.engine, runtime.settings)

    def today(self) -> date:
        """Return the day in the zone of the setting."""
        return datetime.now(UTC).astimezone(self.runtime().settings.zone).date()


async def _context(request: Request) -> Context:
    context: Context = request.scope[CONTEXT]
    return context


async def _call(request: Request) -> Call:
    call: Call = request.scope[CALL]
    return call


async def _caller(
    request: Request, _credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    actor: Actor = request.scope[CALL].actor
    return actor


InProcess = Annotated[Context, Depends(_context)]
ThisCall = Annotated[Call, Depends(_call)]
Caller = Annotated[Actor, Depends(_caller)]


LONGEST_GUESS = 60  # characters of a name for which a similar one is searched


async def each_once(request: Request) -> None:
    """Raise ApiError if a parameter that takes one value is repeated: FastAPI would take its last value."""
    sent = request.query_params
    twice = [
        name
        for name, repeatable in parameters_of(request.scope["endpoint"]).items()
        if not repeatable and len(sent.getlist(name)) > 1
    ]
    if twice:
        details: list[Detail] = [{"field": name, "message": "It is there more than once."} for name in twice]
        raise ApiError(422, "The parameters are wrong.", details)


def nearest(name: str, candidates: Sequence[str]) -> str:
    """Return a sentence with the most similar of the candidates, "" if none is similar."""
    if len(name) > LONGEST_GUESS:  # comparing takes the product of the lengths
        return ""
    meant = {name_key(entry): entry for entry in reversed(candidates)}
    near = difflib.get_close_matches(name_key(name), meant, n=1)
    return f" Did you mean {meant[near[0]]}?" if near else ""


def meta(call: Call, omitted: int = 0) -> Meta:
    return Meta(timestamp=datetime.now(UTC), request_id=call.request_id, omitted=omitted)


def shown(rows: Sequence[Row], make: Callable[[Row], Shown]) -> tuple[list[Shown], int]:
    """Return the results of `make` for the rows, and the number of rows for which it failed, which are logged."""
    made: list[Shown] = []
    for row in rows:
        try:
            made.append(make(row))
        except (ValueError, TypeError, LookupError):
            log.exception("a row cannot be shown")
    return made, len(rows) - len(made)


def pagination(query: Paged, total: int) -> Pagination:
    pages = -(-total // query.page_size)
    return Pagination(page=query.page, page_size=query.page_size, total_items=total, total_pages=pages)


def part(query: Paged) -> slice:
    """Return the slice of the requested page; it is empty after the last page."""
    start = (query.page - 1) * query.page_size
    return slice(start, start + query.page_size)


STATUS_TEXTS = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown, has expired or was revoked.",
    403: "The token's role does not reach for it.",
    404: "There is no such thing.",
    409: "It cannot be done now: something else changed meanwhile.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "Parameters or body are wrong; details has an entry for each.",
    429: "Too many calls; Retry-After says when to try again.",
    500: "An unexpected error.",
    503: "The database, SharePoint or Microsoft does not answer.",
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses for the OpenAPI document: these statuses and those of every call."""
    all_statuses = sorted({401, 422, 429, 500, 503, *statuses})
    return {status: {"model": Failure, "description": STATUS_TEXTS[status]} for status in all_statuses}
