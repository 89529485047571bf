"""Errors of the API for what a case, a question to its customer or an order of it does not allow."""

from __future__ import annotations

from pydantic.alias_generators import to_camel

from core.cache.case_rows import CaseEvent
from core.cases.order_draft import OrderRefused
from core.cases.writing import CaseChanged, CaseRefused, CaseUnknown
from core.problems import Problem, ProblemError
from web.api.errors import ApiError, Detail, detail_of

CASE_ERRORS = (CaseUnknown, CaseChanged, CaseRefused, OrderRefused)
# Refusals because of what is there; any other is a wrong value.
CONFLICTS = (
    "case.not_possible.", "case.no_way", "case.open_already", "case.taken_already", "order.placed_already",
    "order.other_key", "order.under_way",
)  # fmt: skip


def case_error(error: ProblemError, language: str) -> ApiError:
    """Return the API error for one of CASE_ERRORS; if others changed the case, with what they did."""
    message = error.problem.text(language)
    if isinstance(error, CaseUnknown):
        return ApiError(404, message, [detail_of(error.problem, language)])
    if isinstance(error, CaseChanged):
        return ApiError(409, message, [_change(event) for event in error.events])
    if isinstance(error, OrderRefused):
        return ApiError(422, message, [_fault(field, fault, language) for field, fault in error.faults.items()])
    conflict = error.problem.code.startswith(CONFLICTS)
    return ApiError(409 if conflict else 422, message, [detail_of(error.problem, language)])


def _change(event: CaseEvent) -> Detail:
    """Return what somebody did to a case: version, kind, who and when."""
    return Detail(message=f"{event.seq}: {event.kind} by {event.actor_name or event.actor}, {event.at.isoformat()}")


def _fault(field: str, fault: Problem, language: str) -> Detail:
    """Return the fault of an order with its field in the request; core has `distributor_id` or `quantity:<case>`."""
    name, detail = field.partition(":")[0].removesuffix("_id"), detail_of(fault, language)
    return Detail(field=to_camel(name), **detail) if name else detail
