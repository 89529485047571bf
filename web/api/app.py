"""The app of the API: endpoints, error handlers, documentation, and the middleware that checks tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from core.problems import ProblemError, ProblemsError
from core.runtime import Runtime
from web.api import case_requests, leavings, licenses, onboardings, runs, shortage_cases, tenant_contacts, tenants
from web.api.authentication import BASE, CALL, ApiAuth
from web.api.call import CONTEXT, Context, each_once, nearest
from web.api.call_limits import CallLimits
from web.api.case_errors import CASE_ERRORS, case_error
from web.api.documentation import viewer_routes
from web.api.errors import MOST_DETAILS, ApiError, Detail, detail_of, error_answer, problem_error
from web.api.queries import parameters_of

DESCRIPTION = """\
Licences of all tenants for programs. Every call carries a token: `Authorization: Bearer lzt_...`; an admin makes it on
the page Access for programs, with a role (viewer reads, support refreshes, sees contacts and works on
cases, admin changes) and an end.

Answers are `{success, data, pagination?, meta}`, errors `{success: false, error: {code, message, details}, meta}`.
Times are ISO 8601 with their zone. `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) say how
many calls are left; `X-Request-Id` may be sent (up to 32 of A-Z, a-z, 0-9, _ and -) and always comes back.
`Accept-Language: de` gives the sentences of problems in German.
"""


def api_app(
    runtime: Callable[[], Runtime],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ASGIApp:
    """Return the app to mount under BASE; `runtime` is a function, because it is opened after the routes are made."""
    endpoints, context = _endpoints(), Context(runtime)

    async def in_context(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CONTEXT] = context
        await endpoints(scope, receive, send)

    return ApiAuth(in_context, runtime, CallLimits(runtime), now)


@cache
def _endpoints() -> FastAPI:
    """Return the endpoints, made once in a process: what FastAPI reads from them at the first call takes 70 ms."""
    app = FastAPI(
        title="Lizenztool",
        version="1",
        description=DESCRIPTION,
        servers=[{"url": BASE}],
        root_path_in_servers=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(each_once)],
        exception_handlers=HANDLERS,
    )
    for module in (licenses, tenants, tenant_contacts, onboardings, leavings, shortage_cases, case_requests, runs):
        app.include_router(module.router)
    app.router.routes.extend(viewer_routes())
    return app


# ---------------------------------------------------------------- errors


def _answer(request: Request, error: ApiError) -> Response:
    return error_answer(error, request.scope[CALL].request_id)


async def _api_error(request: Request, error: ApiError) -> Response:
    return _answer(request, error)


async def _problem(request: Request, error: ProblemError) -> Response:
    return _answer(request, problem_error(error, request.scope[CALL].language))


async def _case_problem(request: Request, error: ProblemError) -> Response:
    return _answer(request, case_error(error, request.scope[CALL].language))


async def _problems(request: Request, error: ProblemsError) -> Response:
    language = request.scope[CALL].language
    details = [detail_of(problem, language) for problem in error.problems]
    return _answer(request, ApiError(422, "The request is wrong; details has an entry for each fault.", details))


async def _unexpected(request: Request, _error: Exception) -> Response:
    return _answer(request, ApiError(500, "An unexpected error. The log has the details."))


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _answer(request, ApiError(400, "The body is no JSON."))
    parameters = list(parameters_of(request.scope["endpoint"]))
    details = [
        _unknown_parameter(fault, parameters if number < MOST_DETAILS else ())
        if _is_unknown_parameter(fault)
        else _detail(fault)
        for number, fault in enumerate(faults)
    ]
    return _answer(request, ApiError(422, "The request is wrong; details has an entry for each fault.", details))


def _detail(fault: dict[str, Any]) -> Detail:
    where = ".".join(str(step) for step in fault["loc"][1:]) or str(fault["loc"][0])
    return {"field": where, "message": str(fault["msg"]).removeprefix("Value error, ")}


def _is_unknown_parameter(fault: dict[str, Any]) -> bool:
    return bool(fault["type"] == "extra_forbidden" and fault["loc"][0] == "query")


def _unknown_parameter(fault: dict[str, Any], names: Sequence[str]) -> Detail:
    """Return the detail for an unknown parameter, with the most similar one of `names`."""
    name = str(fault["loc"][-1])
    return {"field": name, "message": f"There is no such parameter.{nearest(name, names)}"}


async def _http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return _answer(request, ApiError(404, f"There is nothing at {request.url.path[:200]}; see {BASE}/docs."))
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        message = f"{request.method} is not possible here, but {allowed}."
        return _answer(request, ApiError(405, message, headers={"Allow": allowed}))
    return _answer(request, ApiError(400, "The body cannot be read."))


def _methods(request: Request) -> list[str]:
    """Return the allowed methods of this address."""
    path = request.url.path.removeprefix(BASE)
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(path):
            return sorted(method.upper() for method in operations)
    return ["GET", "HEAD"]  # the document and its viewer


HANDLERS: dict[Any, Callable[[Any, Any], Any]] = {
    ApiError: _api_error,
    ProblemError: _problem,
    ProblemsError: _problems,
    **dict.fromkeys(CASE_ERRORS, _case_problem),
    RequestValidationError: _invalid,
    HTTPException: _http_error,
    Exception: _unexpected,
}
