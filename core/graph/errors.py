"""What can go wrong between us and Microsoft Graph.

GraphError
 ├─ Unreachable         no usable connection: DNS, refused, reset, time-out
 ├─ SignInRefused       Entra gave no token (wrong tenant, application, certificate, consent)
 ├─ PermissionMissing   Graph says 401 with a fresh token, or 403
 ├─ NotFound            404, 410
 ├─ Conflict            409, 412: somebody changed it meanwhile
 ├─ Throttled           429/503 and the wait it asks for is longer than we may wait
 └─ BadAnswer           anything else: 4xx, 5xx after retries, unreadable or unexpected body
     └─ Intercepted     not Microsoft's answer: a proxy, a firewall, the sign-in page of a network
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.problems import Problem, ProblemError


class GraphError(ProblemError):
    """Base; `status` is the HTTP status, 0 when there was no answer; `headers` are those of the answer.

    `again_after` are the seconds after which the same request may be sent once more, None when it must not be.
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
    """The error for an answer of Graph; `what` is the resource, `name` the tenant or site it was asked of."""
    kind, code = BY_STATUS.get(status, (BadAnswer, "graph.server_error" if status >= 500 else "graph.refused"))
    inner, message = error_of(body)
    detail = f"HTTP {status} {inner} {message}".strip() + (f" (request-id {request_id})" if request_id else "")
    params = {"tenant": name, "what": what, "status": str(status), "field": _field_of(message)}
    return kind(Problem(code, params, detail), status)


def error_of(body: Any) -> tuple[str, str]:
    """(code, message) of Graph's error envelope; empty when the body has none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", ""
    return str(error.get("code") or ""), " ".join(str(error.get("message") or "").split())[:300]


def _field_of(message: str) -> str:
    found = re.search(r"[Ff]ield '([^']+)'", message)
    return found.group(1) if found else ""


# AADSTS code -> message; what the operator does about it stands in core/messages.py.
AADSTS: dict[int, str] = {
    90002: "signin.tenant_unknown",
    900023: "signin.tenant_gone",
    5000224: "signin.tenant_gone",
    700016: "signin.app_unknown",
    7000229: "signin.app_unknown",
    650051: "signin.app_being_created",
    650052: "signin.service_missing",
    650056: "signin.consent_missing",
    650057: "signin.consent_missing",
    65001: "signin.consent_missing",
    500011: "signin.resource_missing",
    70011: "signin.resource_missing",  # the scope, which is made from the address of Graph
    700027: "signin.certificate_unknown",
    50012: "signin.certificate_unknown",
    700024: "signin.clock_wrong",
    7000215: "signin.secret_wrong",
    7000222: "signin.secret_expired",
    700025: "signin.public_client",
    7000112: "signin.app_disabled",
    70001: "signin.app_disabled",
    53003: "signin.blocked",
    530032: "signin.blocked",
    50194: "signin.single_tenant",
    900382: "signin.wrong_cloud",
    90038: "signin.wrong_cloud",
    90099: "signin.consent_missing",
    500021: "signin.tenant_restricted",
    500022: "signin.tenant_restricted",
    50196: "signin.busy",
    90055: "signin.busy",
    90006: "signin.busy",
    90024: "signin.busy",
    90033: "signin.busy",
    50033: "signin.busy",
}


def sign_in_error(body: Any, name: str, status: int) -> GraphError:
    """The error for an answer of the login host that is no token; `body` is its JSON, None when it has none."""
    found = body if isinstance(body, Mapping) else {}
    description = str(found.get("error_description") or "")
    codes = [int(code) for code in found.get("error_codes") or re.findall(r"AADSTS(\d+)", description)]
    code = next((AADSTS[number] for number in codes if number in AADSTS), "signin.refused")
    if code == "signin.certificate_unknown" and "expired" in description.lower():
        code = "signin.certificate_expired"
    later = status == 429 or status >= 500
    kind = Throttled if status == 429 else BadAnswer if later else SignInRefused
    params = {"tenant": name, "aadsts": f"AADSTS{codes[0]}" if codes else f"HTTP {status}"}
    detail = f"HTTP {status} {description.splitlines()[0] if description else ''}".strip()[:400]
    return kind(Problem("signin.busy" if later else code, params, detail), status)
