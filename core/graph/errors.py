"""Errors of Microsoft Graph and its sign-in.

GraphError
 ├─ Unreachable         no usable connection: DNS, refused, reset, time-out
 ├─ SignInRefused       Entra gave no token (wrong tenant, application, certificate, consent)
 ├─ PermissionMissing   401 with a new token, or 403
 ├─ NotFound            404, 410
 ├─ Conflict            409, 412: the resource has changed meanwhile
 ├─ Throttled           429/503 with a longer wait than allowed
 └─ BadAnswer           anything else: 4xx, 5xx after retries, unreadable or unexpected body
     └─ Intercepted     not Microsoft's answer: a proxy, a firewall, the sign-in page of a network
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.bounds import bounded_text
from core.graph.sign_in_codes import AADSTS, look_up
from core.problems import Problem, ProblemError


class GraphError(ProblemError):
    """Base class; `status` is the HTTP status, 0 without an answer; `headers` are those of the answer.

    `again_after`: the seconds after which the same request may be repeated, None if it must not be.
    """

    again_after: float | None = None

    def __init__(self, problem: Problem, status: int = 0) -> None:
        super().__init__(problem)
        self.status = status
        self.headers: Mapping[str, str] = {}


class Unreachable(GraphError):
    pass


class SignInRefused(GraphError):
    pass


class PermissionMissing(GraphError):
    pass


class NotFound(GraphError):
    pass


class Conflict(GraphError):
    pass


class Throttled(GraphError):
    pass


class BadAnswer(GraphError):
    pass


class Intercepted(BadAnswer):
    pass


CODE = re.compile(r"(?:AADSTS)?([1-9]\d{0,8})(?:\.0)?")
LONGEST_WORD, LONGEST_MESSAGE, LONGEST_DESCRIPTION = 80, 300, 400  # characters of Microsoft's texts

BY_STATUS: dict[int, tuple[type[GraphError], str]] = {
    401: (PermissionMissing, "graph.token_refused"),
    403: (PermissionMissing, "graph.forbidden"),
    404: (NotFound, "graph.not_found"),
    410: (NotFound, "graph.not_found"),
    409: (Conflict, "graph.conflict"),
    412: (Conflict, "graph.conflict"),
    429: (Throttled, "graph.throttled"),
    503: (Throttled, "graph.unavailable"),
}


def error_for(status: int, body: Any, *, what: str, name: str, request_id: str = "") -> GraphError:
    """Return the error for an answer of Graph; `what` is the resource, `name` the tenant or site."""
    kind, code = BY_STATUS.get(status, (BadAnswer, "graph.server_error" if status >= 500 else "graph.refused"))
    inner, message = error_of(body)
    detail = f"HTTP {status} {inner} {message}".strip() + (f" (request-id {request_id})" if request_id else "")
    params = {"tenant": name, "what": what, "status": str(status), "field": _field_of(message)}
    return kind(Problem(code, params, detail), status)


def error_of(body: Any) -> tuple[str, str]:
    """Return (code, message) of Graph's error object; both "" if the body has none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", ""
    message = " ".join(str(error.get("message") or "").split())
    return bounded_text(str(error.get("code") or ""), LONGEST_WORD), bounded_text(message, LONGEST_MESSAGE)


def _field_of(message: str) -> str:
    match = re.search(r"[Ff]ield '([^']{1,200})'", message)
    return match.group(1) if match else ""


def sign_in_error(body: Any, name: str, status: int) -> GraphError:
    """Return the error for an answer of the login host without a token; `body` is its JSON or None."""
    answer = body if isinstance(body, Mapping) else {}
    description = str(answer.get("error_description") or "")
    codes = _codes(answer.get("error_codes"), description)
    number = next((number for number in codes if number in AADSTS), codes[0] if codes else None)
    code = "signin.refused" if number is None else AADSTS.get(number, "signin.refused")
    if code == "signin.certificate_unknown" and "expired" in description.lower():
        code = "signin.certificate_expired"
    later = status == 429 or status >= 500
    kind = Throttled if status == 429 else BadAnswer if later else SignInRefused
    params = {"tenant": name, "aadsts": f"HTTP {status}" if number is None else f"AADSTS{number}"}
    params["look_up"] = look_up(number)
    return kind(Problem("signin.busy" if later else code, params, _technical(answer, description, status)), status)


def _codes(error_codes: Any, description: str) -> list[int]:
    """Return the AADSTS numbers, the most important first: those in `error_codes`, then those in the text."""
    entries = error_codes if isinstance(error_codes, list) else [error_codes]
    listed = [match[1] for entry in entries if (match := CODE.fullmatch(str(entry)))]
    return [int(number) for number in [*listed, *re.findall(r"AADSTS(\d{1,9})", description)]]


def _technical(answer: Mapping[str, Any], description: str, status: int) -> str:
    """Return Entra's text on one line, with the trace id that Microsoft's support needs."""
    words = " ".join(re.split(r"[\r\n]|Trace ID:", description, maxsplit=1)[0].split())
    words = bounded_text(words, LONGEST_DESCRIPTION)
    trace = str(answer.get("trace_id") or "")
    return f"HTTP {status} {words}".strip() + (f" (trace-id {trace})" if re.fullmatch(r"[\w-]{1,60}", trace) else "")
