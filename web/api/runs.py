"""GET /runs, and POST /refreshes, which starts one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from core.cache import run_rows
from core.cache.api_queries import runs_page
from web.api.authentication import BASE
from web.api.call import Caller, InProcess, ThisCall, failures, meta, pagination, part, shown
from web.api.envelope import Answer, PageAnswer
from web.api.errors import ApiError
from web.api.models import RefreshRequest, Run, RunDetail, RunSummary
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
    stored, total = runs_page(
        context.runtime().engine,
        states=query.state,
        sources=query.source,
        newest_first=order_of(query.sort)[1],
        limit=query.page_size,
        offset=part(query).start,
    )
    data, omitted = shown(stored, lambda run: Run(**_fields(run)))
    return RunPage(data=data, pagination=pagination(query, total), meta=meta(call, omitted))


@router.get("/runs/{runId}", responses=failures(404), summary="One refresh, also while it waits or runs")
def run(
    run_id: RunId, _query: WithoutParameters, context: InProcess, call: ThisCall, _caller: Caller
) -> RunDetailAnswer:
    stored = _stored(context, run_id)
    summary = RunSummary.model_validate(stored.summary) if stored.summary is not None else None
    return RunDetailAnswer(data=RunDetail(**_fields(stored), summary=summary), meta=meta(call))


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
    """Needs the role support. Without tenants all are read. The address of the run is in Location."""
    tenants = wanted.tenants if wanted else []
    refresher = context.runtime().refresher
    if refresher is None:
        raise ApiError(503, "This process refreshes nothing.")
    run_id = refresher.request(caller, tenants)
    response.headers["Location"] = f"{BASE}/runs/{run_id}"
    return RunAnswer(data=Run(**_fields(_stored(context, run_id))), meta=meta(call))


def _stored(context: InProcess, run_id: str) -> run_rows.Run:
    """Return the run with this id, also one that waits. Raises ApiError."""
    run = run_rows.run(context.runtime().engine, run_id)
    if run is None:
        raise ApiError(404, "There is no such run.")
    return run


def _fields(run: run_rows.Run) -> dict[str, Any]:
    """Return the fields of the model Run."""
    return {name: getattr(run, name) for name in Run.model_fields if name != "tenants"} | {"tenants": run.scope}
