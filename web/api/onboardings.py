"""POST /tenants, GET /onboardings, and POST /tenants/{tenantId}/test."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from core.cache.onboarding_rows import all_onboardings, find_onboarding
from core.onboarding.request import Request
from core.onboarding.sign_in_steps import Result, try_tenant
from core.onboarding.start import OnboardingRefused, start, uses_shared_app
from core.roles import Action
from core.workers import Workers
from web.api.authentication import BASE
from web.api.call import Caller, InProcess, ThisCall, failures, meta, pagination, part
from web.api.envelope import Answer, PageAnswer
from web.api.errors import ApiError, detail_of
from web.api.onboarding_models import NewTenant, Onboarding, TenantTest, TriedStep
from web.api.queries import Paged, WithoutParameters
from web.api.tenants import TenantId, find_tenant, services_of

router = APIRouter(tags=["onboarding"])
OnboardingId = Annotated[str, Path(alias="onboardingId", pattern="^[0-9a-f]{12}$")]
LOCATION = {"Location": {"description": "Where to follow it.", "schema": {"type": "string"}, "required": True}}
# Faults of a request that something which is there already causes; any other is one of the request alone.
CONFLICTS = ("onboarding.known", "onboarding.name_taken", "onboarding.client_of_another")
MICROSOFT_AWAY = ("network.", "graph.")

MOST_TESTS, TEST_SECONDS = 4, 60.0  # at a time in this process; until the answer says that it takes too long
_test_workers = Workers(MOST_TESTS, "tenant-test")
_room = threading.BoundedSemaphore(MOST_TESTS)


class OnboardingPage(PageAnswer[Onboarding]):
    pass


class OnboardingAnswer(Answer[Onboarding]):
    pass


class TenantTestAnswer(Answer[TenantTest]):
    pass


@router.post(
    "/tenants", status_code=202, responses={202: {"headers": LOCATION}, **failures(400, 403, 404, 409, 413, 415)},
    summary="Start to add a tenant",
)  # fmt: skip
def start_onboarding(
    new: NewTenant, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller, response: Response
) -> OnboardingAnswer:
    """Needs the role admin. A tenant that is being added already answers with its onboarding.

    The steps are done on the page Add a tenant or by `python -m core tenant continue`.
    """
    caller.need(Action.ONBOARDING)
    services = services_of(context.runtime())
    shared = uses_shared_app(new.client_id, services.settings)
    client_id = "" if shared else new.client_id
    try:
        stored = start(services, Request(new.name, new.tenant, client_id, new.level, new.contact, shared), caller)
    except OnboardingRefused as error:
        raise _refused(error, call.language) from error
    response.headers["Location"] = f"{BASE}/onboardings/{stored.onboarding_id}"
    return OnboardingAnswer(data=Onboarding.of(stored, call.language), meta=meta(call))


def _refused(error: OnboardingRefused, language: str) -> ApiError:
    details = [detail_of(problem, language) for problem in error.faults]
    message = error.problem.text(language)
    codes = [problem.code for problem in error.faults]
    if any(code.startswith(MICROSOFT_AWAY) for code in codes):
        return ApiError(503, message, details, code="MICROSOFT_UNAVAILABLE")
    if set(codes) <= set(CONFLICTS):
        return ApiError(409, message, details)
    return ApiError(422, "The tenant cannot be added; details has an entry for each fault.", details)


@router.get("/onboardings", responses=failures(403), summary="Tenants that are being added")
def onboardings(
    query: Annotated[Paged, Query()], context: InProcess, call: ThisCall, caller: Caller
) -> OnboardingPage:  # fmt: skip
    """Needs the role admin. Those that are open, the oldest first."""
    caller.need(Action.ONBOARDING)
    stored = all_onboardings(context.runtime().engine)
    data = [Onboarding.of(one, call.language) for one in stored[part(query)]]
    return OnboardingPage(data=data, pagination=pagination(query, len(stored)), meta=meta(call))


@router.get(
    "/onboardings/{onboardingId}", responses=failures(403, 404), summary="How far the onboarding of a tenant is"
)
def onboarding(
    onboarding_id: OnboardingId, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller
) -> OnboardingAnswer:
    """Needs the role admin. Also one that is done or cancelled."""
    caller.need(Action.ONBOARDING)
    stored = find_onboarding(context.runtime().engine, onboarding_id)
    if stored is None or stored.onboarding_id != onboarding_id:
        raise ApiError(404, "There is no such onboarding.")
    return OnboardingAnswer(data=Onboarding.of(stored, call.language), meta=meta(call))


@router.post("/tenants/{tenantId}/test", responses=failures(403, 404), summary="Test whether a tenant can be read")
def try_to_read(
    tenant_id: TenantId, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller
) -> TenantTestAnswer:
    """Needs the role support. Signs in, reads once and stores nothing; takes at most a minute."""
    caller.need(Action.REFRESH)
    row = find_tenant(context.figures(), tenant_id)
    services = services_of(context.runtime())
    results = _in_time(try_tenant, services, row["tenant_id"])
    if not results:
        raise ApiError(404, "The tenant has no profile any more.")
    shown = [
        TriedStep(level=level, code=said.code, message=said.text(call.language), detail=said.detail)
        for level, said in results
    ]
    test = TenantTest(
        tenant_id=row["tenant_id"], passed=all(level != "error" for level, _ in results), results=shown
    )  # fmt: skip
    return TenantTestAnswer(data=test, meta=meta(call))


def _in_time(test: Any, *arguments: Any) -> list[Result]:
    """Return the results of a test. Raises ApiError if too many are under way, or if it takes too long."""
    if not _room.acquire(blocking=False):
        message = f"{MOST_TESTS} tests are under way. Try again in 5 seconds."
        raise ApiError(429, message, headers={"Retry-After": "5"})
    future: Future[list[Result]] = _test_workers.submit(test, *arguments)
    future.add_done_callback(lambda _: _room.release())
    try:
        return future.result(TEST_SECONDS)
    except TimeoutError:
        message = f"Microsoft has not answered within {TEST_SECONDS:.0f} seconds."
        raise ApiError(503, message, code="MICROSOFT_UNAVAILABLE") from None
