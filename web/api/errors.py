"""Errors of the API, all in the same format: {success: false, error: {code, message, details}, meta}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypedDict

from starlette.responses import JSONResponse

from core.cache.database import DatabaseError
from core.problems import Problem, ProblemError
from core.refresh.scope import UnknownTenant
from core.roles import NotAllowed
from core.tenants.contacts import ContactRefused, NoSuchContact, OtherContact

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    414: "ADDRESS_TOO_LONG",
    415: "UNSUPPORTED_MEDIA_TYPE",
    421: "WRONG_HOST",
    422: "VALIDATION_FAILED",
    429: "RATE_LIMITED",
    431: "HEADERS_TOO_LARGE",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


LONGEST_DETAIL = 500  # characters
MOST_DETAILS = 20  # per answer


class Detail(TypedDict, total=False):
    """One fault: the `field` of the request, or the code of a `problem` (the codes of core/problems.py)."""

    field: str
    problem: str
    message: str


class ApiError(Exception):
    """An error answer; `code` is by default the one of the status in CODES."""

    def __init__(
        self,
        status: int,
        message: str,
        details: Iterable[Detail] = (),
        *,
        code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = _short(list(details))
        self.code = code or CODES[status]
        self.headers = dict(headers or {})


def _short(details: Sequence[Detail]) -> list[Detail]:
    """Return the first MOST_DETAILS, shortened, and the number of further ones, to limit the size of the answer."""
    cut: list[Detail] = [
        {name: str(value)[:LONGEST_DETAIL] for name, value in detail.items()}  # type: ignore[misc]
        for detail in details[:MOST_DETAILS]
    ]
    left = len(details) - len(cut)
    return [*cut, {"message": f"And {left} more."}] if left else cut


def error_answer(error: ApiError, request_id: str) -> JSONResponse:
    meta = {"timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "requestId": request_id}
    body = {"code": error.code, "message": error.message, "details": error.details}
    return JSONResponse({"success": False, "error": body, "meta": meta}, error.status, error.headers)


def problem_error(error: ProblemError, language: str) -> ApiError:
    """Return the API error for a problem of core, with its text in `language`."""
    message = error.problem.text(language)
    if isinstance(error, DatabaseError):
        return ApiError(503, message, [detail_of(error.problem, language)], code="DATABASE_UNAVAILABLE")
    if isinstance(error, NotAllowed):
        return ApiError(403, message, [detail_of(error.problem, language)])
    if isinstance(error, ContactRefused):
        return _contact_error(error, language)
    if isinstance(error, UnknownTenant):
        return ApiError(404, message, [{"field": "tenants", "message": message}])
    return ApiError(500, message, [detail_of(error.problem, language)])


def _contact_error(error: ContactRefused, language: str) -> ApiError:
    """Return the API error for a contact that cannot be stored or found, with a detail for each faulty field."""
    details = [
        Detail(field=field.removeprefix("valid_"), **detail_of(problem, language))
        if field
        else detail_of(problem, language)
        for field, problem in error.faults.items()
    ]
    message = error.problem.text(language)
    if isinstance(error, NoSuchContact):
        return ApiError(404, message, details)
    if isinstance(error, OtherContact) or "" in error.faults:
        return ApiError(409, message, details)
    return ApiError(422, "The contact is wrong; details has an entry for each fault.", details)


def detail_of(problem: Problem, language: str) -> Detail:
    return {"problem": problem.code, "message": problem.text(language)}
