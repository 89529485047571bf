"""POST /cases/{caseId}/consent-requests, /cases/{caseId}/consents and /cases/{caseId}/orders."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from core.cases.consent_rules import Answer as CustomerAnswer
from core.cases.consents import Question, ask
from core.cases.distributors import find
from core.cases.orders import OrderRequest, place
from core.cases.recording import Recorded, record_answer
from core.roles import Action
from web.api.call import Caller, InProcess, ThisCall, meta
from web.api.envelope import Answer
from web.api.errors import ApiError
from web.api.queries import WithoutParameters
from web.api.request_models import AskedConsent, ConsentRequest, NewConsent, NewOrder, PlacedOrder
from web.api.shortage_cases import (
    ETAG,
    ONE,
    WRITES,
    CaseAnswer,
    CaseId,
    IfMatch,
    case_detail_of,
    need_shown,
    version_of,
)

router = APIRouter(tags=["cases"])
CREATED = {201: {"headers": ETAG}, **WRITES}


class AskedAnswer(Answer[AskedConsent]):
    pass


class OrderAnswer(Answer[PlacedOrder]):
    pass


@router.post(f"{ONE}/consent-requests", status_code=201, responses=CREATED, summary="Ask the customer for consent")
def ask_customer(
    case_id: CaseId, wanted: ConsentRequest, _query: WithoutParameters, context: InProcess, call: ThisCall,
    caller: Caller, response: Response, if_match: IfMatch = None,
) -> AskedAnswer:  # fmt: skip
    """Needs the role support. Revokes an earlier question of the case; those of its bundle are asked together."""
    caller.need(Action.CASES)
    runtime, seen = context.runtime(), need_shown(context, case_id)
    quantities = {} if wanted.quantity is None else {seen.case_id: wanted.quantity}
    question = Question(wanted.contact_id, quantities, wanted.price, wanted.term, wanted.reason)
    asked = ask(
        runtime.engine, caller, seen.case_id, question, datetime.now(UTC), runtime.settings.zone,
        address=runtime.settings.public_address, send=wanted.send, expected=version_of(if_match),
    )  # fmt: skip
    consent = asked.consent
    data = AskedConsent(
        consent_id=consent.consent_id,
        url=asked.url,
        expires_at=consent.expires_at,
        channel=consent.channel,
        case=case_detail_of(context, call, seen.case_id, response),
    )
    return AskedAnswer(data=data, meta=meta(call))


@router.post(f"{ONE}/consents", status_code=201, responses=CREATED, summary="Record what a customer has said")
def record_consent(
    case_id: CaseId, said: NewConsent, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response, if_match: IfMatch = None,
) -> CaseAnswer:  # fmt: skip
    """Needs the role support. Answers the question that waits; without one it is written down as asked, too."""
    caller.need(Action.CASES)
    runtime, seen = context.runtime(), need_shown(context, case_id)
    quantities = {} if said.quantity is None else {seen.case_id: str(said.quantity)}
    recorded = Recorded(CustomerAnswer(said.decision, said.name, quantities, said.comment), said.channel)
    record_answer(
        runtime.engine, caller, seen.case_id, recorded, datetime.now(UTC), runtime.settings.zone,
        expected=version_of(if_match),
    )  # fmt: skip
    return CaseAnswer(data=case_detail_of(context, call, seen.case_id, response), meta=meta(call))


@router.post(f"{ONE}/orders", status_code=201, responses=CREATED, summary="Order what was approved")
def order_licences(
    case_id: CaseId, new: NewOrder, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response, if_match: IfMatch = None,
) -> OrderAnswer:  # fmt: skip
    """Needs the role support. Without `If-Match` and `orderKey` a case with an order under way is refused (409)."""
    caller.need(Action.CASES)
    runtime, seen = context.runtime(), need_shown(context, case_id)
    distributor = find(runtime.engine, new.distributor) if new.distributor else None
    if new.distributor and distributor is None:
        raise ApiError(404, "There is no such distributor.", [{"field": "distributor", "message": "Unknown."}])
    same = new.model_dump(exclude={"distributor", "quantity"})
    request = OrderRequest(
        quantities={seen.case_id: seen.quantity if new.quantity is None else new.quantity},
        distributor_id=distributor.distributor_id if distributor else "",
        **same,
    )
    order = place(
        runtime.engine, caller, request, datetime.now(UTC), runtime.settings.zone, expected=version_of(if_match)
    )  # fmt: skip
    shown = {name: getattr(order, name) for name in PlacedOrder.model_fields if name != "case"}
    case = case_detail_of(context, call, seen.case_id, response)
    return OrderAnswer(data=PlacedOrder(**shown, case=case), meta=meta(call))
