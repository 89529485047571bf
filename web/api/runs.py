"""GET /runs, and POST /refreshes, which starts one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from core.cache import run_rows as stored
from core.cache.api_queries import runs_page
from web.api.asked import Waiting
from web.api.authentication import BASE
from web.api.call import Caller, InProcess, ThisCall, failures, meta, pagination, part, shown
from web.api.errors import ApiError
from web.api.models import Answer, PageAnswer, RefreshRequest, Run, RunDetail, RunSummary
from web.api.queries import RunQuery, WithoutParameters, order_of

router = APIRouter(tags=["refreshes"])
RunId = Annotated[str, Path(alias="runId", pattern="^[0-9a-f]{12}$")]
LOCATION = {"Location": {"description": "Where to follow the run.", "schema": {"type": "string"}, "required": True}}


class RunPage(PageAnswer[Run]):
    pass


class RunAnswer(Answer[Run]):
    pass


class RunDetailAnswer(Answer[RunDetail]):
    pass


@router.get("/runs", responses=failures(), summary="Refreshes, the newest first")
def runs(query: Annotated[RunQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller) -> RunPage:
    found, total = runs_page(
        context.runtime().engine,
        states=query.state,
        sources=query.source,
        newest_first=order_of(query.sort)[1],
        limit=query.page_size,
        offset=part(query).start,
    )
    data, omitted = shown(found, lambda run: Run(**_fields(run)))
    return RunPage(data=data, pagination=pagination(query, total), meta=meta(call, omitted))


@router.get("/runs/{runId}", responses=failures(404), summary="One refresh, also while it waits or runs")
def run(
    run_id: RunId, _query: WithoutParameters, context: InProcess, call: ThisCall, _caller: Caller
) -> RunDetailAnswer:
    found = stored.run(context.runtime().engine, run_id)
    if found is not None:
        summary = RunSummary.model_validate(found.summary) if found.summary is not None else None
        return RunDetailAnswer(data=RunDetail(**_fields(found), summary=summary), meta=meta(call))
    latest = stored.latest_run(context.runtime().engine)
    waiting = context.asked.still_waiting(run_id, latest, datetime.now(UTC))
    if waiting is None:
        raise ApiError(404, "There is no such run.")
    return RunDetailAnswer(data=RunDetail(**_waiting_fields(waiting), summary=None), meta=meta(call))


@router.post(
    "/refreshes",
    status_code=202,
    responses={202: {"headers": LOCATION}, **failures(400, 403, 404, 413, 415)},
    summary="Start a refresh, or join the running one",
)
def start_refresh(
    _query: WithoutParameters,
    context: InProcess,
    call: ThisCall,
    caller: Caller,
    response: Response,
    wanted: RefreshRequest | None = None,
) -> RunAnswer:
    """Needs the role support. Without tenants all are read. Follow the run at the address in Location."""
    tenants = wanted.tenants if wanted else []
    refresher = context.runtime().refresher
    if refresher is None:
        raise ApiError(503, "This process refreshes nothing.")
    run_id = refresher.request(caller, tenants)
    waiting = Waiting(run_id, caller.shown, tenants, call.request_id, datetime.now(UTC))
    context.asked.note(waiting)
    found = stored.run(context.runtime().engine, run_id)
    response.headers["Location"] = f"{BASE}/runs/{run_id}"
    return RunAnswer(data=Run(**(_fields(found) if found else _waiting_fields(waiting))), meta=meta(call))


def _fields(run: stored.Run) -> dict[str, Any]:
    fields = asdict(run)
    del fields["summary"]
    return fields | {"tenants": fields.pop("scope")}


def _waiting_fields(waiting: Waiting) -> dict[str, Any]:
    return {
        "run_id": waiting.run_id, "state": "waiting", "source": "api", "requested_by": waiting.requested_by,
        "tenants": list(waiting.tenants), "started_at": None, "finished_at": None, "step": "", "done": 0, "total": 0,
        "seconds": None, "request_id": waiting.request_id,
    }  # fmt: skip
