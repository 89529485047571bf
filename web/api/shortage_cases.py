"""GET, POST and PATCH /cases, and what is done with a case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from core.cache import case_rows
from core.cache.case_lists import CaseFilter, Sort, case_page
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.figure_report import FigureReport, figure_report
from core.cases.figures import CaseFigures, FigureFilter
from core.cases.moves import Move, move
from core.cases.shown_case import ShownCase, case_fields, shown_case, shown_cases
from core.cases.transitions import State
from core.roles import Action, Actor
from web.api.authentication import BASE, Call
from web.api.call import Caller, Context, InProcess, ThisCall, failures, meta, pagination, part, shown
from web.api.case_models import Case, CaseChange, CaseDetail, CaseMove, NewCase, NewComment
from web.api.envelope import Answer, PageAnswer
from web.api.figure_models import AgeCount, FigureQuery, Figures, Times
from web.api.figure_models import CaseFigures as ShownFigures
from web.api.models import PLAIN
from web.api.queries import CASE_ORDERS, Paged, Text, WithoutParameters, YesNo, order_of, orders
from web.api.tenants import find_tenant

router = APIRouter(tags=["cases"])
CaseId = Annotated[
    str, Path(alias="caseId", pattern="^([0-9a-f]{32}|[0-9]{4}-[0-9]{4,9})$", description="Id or number (2026-0042).")
]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", pattern=r'^(\*|"[0-9]{1,9}")$',
           description="The version that was seen, as in ETag; 409 with what changed if others did something since."),
]  # fmt: skip
ETAG = {"ETag": {"description": "The version of the case.", "schema": {"type": "string"}, "required": True}}
LOCATION = {"Location": {"description": "Where the case is.", "schema": {"type": "string"}, "required": True}}
WRITES = failures(400, 403, 404, 409, 413, 415)
ONE = "/cases/{caseId}"


class CaseQuery(Paged):
    state: list[State] = Field([], alias="filter[state]", max_length=10)
    tenant: list[Text] = Field([], alias="filter[tenant]", max_length=100, description="Id, short name or name.")
    owner: str | None = Field(
        None, alias="filter[owner]", max_length=100, pattern=PLAIN, description="An account; empty: of nobody."
    )
    overdue: YesNo = Field("false", alias="filter[overdue]", description="Only open cases whose next step is overdue.")
    sort: str = Field("dueAt:asc", pattern=orders(*CASE_ORDERS))


class CasePage(PageAnswer[Case]):
    pass


class FigureAnswer(Answer[Figures]):
    pass


class CaseAnswer(Answer[CaseDetail]):
    pass


@router.get("/cases", responses=failures(404), summary="Shortage cases")
def cases(query: Annotated[CaseQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller) -> CasePage:
    """Returns what is due first, unless `sort` has another order; without `filter[state]` ended cases, too."""
    figures, now = context.figures(), datetime.now(UTC)
    wanted = CaseFilter(
        states=query.state,
        tenant_ids=[find_tenant(figures, name)["tenant_id"] for name in query.tenant],
        owner=query.owner,
        overdue_at=now if query.overdue == "true" else None,
    )
    column, descending = order_of(query.sort)
    listed, total = case_page(
        context.runtime().engine, wanted, sort=_SORTS[column], descending=descending, limit=query.page_size,
        offset=part(query).start,
    )  # fmt: skip
    known = shown_cases(context.runtime().engine, listed, now)
    data, omitted = shown(known, lambda one: Case(**case_fields(one, figures.catalogue, call.language)))
    return CasePage(data=data, pagination=pagination(query, total), meta=meta(call, omitted))


_SORTS: dict[str, Sort] = {sort: sort for sort in get_args(Sort)} | {
    "due_at": "due", "opened_at": "opened", "changed_at": "changed"
}  # fmt: skip


@router.get("/cases/figures", responses=failures(404), summary="How soon the licence desk reacts and delivers")
def figures(
    query: Annotated[FigureQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> FigureAnswer:  # fmt: skip
    """Times are working time by the level and the calendar that each case was judged by when it ended."""
    runtime, now = context.runtime(), datetime.now(UTC)
    ids = [find_tenant(context.figures(), name)["tenant_id"] for name in query.tenant]
    wanted = FigureFilter(query.since, query.until, ids, query.level, query.owner, query.distributor)
    report = figure_report(runtime.engine, wanted, query.by, now, runtime.settings.zone)
    data = Figures(
        total=_figures(report.total, report),
        groups=[_figures(one, report) for one in report.groups],
        open_by_age=[AgeCount(**age._asdict()) for age in report.ages],
        read_at=now,
    )
    return FigureAnswer(data=data, meta=meta(call))


@router.patch("/cases/figures", include_in_schema=False)
def change_figures() -> None:
    """Refuse what would else be taken for a case with the id `figures`."""
    raise HTTPException(405)


def _figures(one: CaseFigures, report: FigureReport) -> ShownFigures:
    times = {name: Times(**getattr(one, name)._asdict()) for name in ("reaction", "lead", "lead_own")}
    return ShownFigures(**one._asdict() | times, name=report.names.get(one.key, one.key))


@router.get(
    ONE, responses={200: {"headers": ETAG}, **failures(404)}, summary="One case, with all that happened in it"
)  # fmt: skip
def case(
    case_id: CaseId, _query: WithoutParameters, context: InProcess, call: ThisCall, _caller: Caller, response: Response
) -> CaseAnswer:
    return _answer(context, call, case_id, response)


@router.post(
    "/cases", status_code=201, responses={201: {"headers": ETAG | LOCATION}, **WRITES},
    summary="Open a case ahead of time",
)  # fmt: skip
def open_case(
    new: NewCase, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller, response: Response
) -> CaseAnswer:
    """Needs the role support. 409 if the tenant has an open case for the product."""
    caller.need(Action.CASES)
    runtime = context.runtime()
    tenant_id = find_tenant(context.figures(), new.tenant_id)["tenant_id"]
    request = AheadRequest(tenant_id, new.sku_id.lower(), new.quantity, new.wanted_at, new.note, new.waiting)
    opened = open_ahead(runtime.engine, caller, request, datetime.now(UTC), runtime.settings.zone)
    response.headers["Location"] = f"{BASE}/cases/{opened.case_id}"
    return _answer(context, call, opened.case_id, response)


@router.patch(
    ONE, responses={200: {"headers": ETAG}, **WRITES}, summary="Give a case to somebody, or change its quantity"
)
def change_case(
    case_id: CaseId, change: CaseChange, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response, if_match: IfMatch = None,
) -> CaseAnswer:  # fmt: skip
    """Needs the role support. A new quantity of a case that was asked or approved must be asked anew."""
    caller.need(Action.CASES)
    seen = need_shown(context, case_id)
    _changed(context, caller, seen, change, version_of(if_match))
    return _answer(context, call, seen.case_id, response)


def _changed(context: Context, caller: Actor, seen: case_rows.Case, change: CaseChange, expected: int | None) -> None:
    engine, now = context.runtime().engine, datetime.now(UTC)
    given = change.model_fields_set
    if "owner" in given:
        changes.give(engine, caller, seen.case_id, change.owner, now, note=change.reason, expected=expected)
    elif "priority" in given:
        changes.set_priority(
            engine, caller, seen.case_id, change.priority, now, reason=change.reason, expected=expected
        )  # fmt: skip
    else:
        waiting = change.waiting if "waiting" in given else None
        changes.set_quantity(
            engine, caller, seen.case_id, change.quantity, now, waiting=waiting, reason=change.reason, expected=expected
        )  # fmt: skip


@router.post(
    f"{ONE}/transitions", responses={200: {"headers": ETAG}, **WRITES}, summary="Move a case into another state"
)
def move_case(
    case_id: CaseId, wanted: CaseMove, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response, if_match: IfMatch = None,
) -> CaseAnswer:  # fmt: skip
    """Needs the role support. Postpone, bring back, approve without asking, close short, or open again."""
    caller.need(Action.CASES)
    runtime, seen = context.runtime(), need_shown(context, case_id)
    target = Move(wanted.to, wanted.note, wanted.until, wanted.quantity)
    move(
        runtime.engine, caller, seen.case_id, target, datetime.now(UTC), runtime.settings.zone,
        expected=version_of(if_match),
    )  # fmt: skip
    return _answer(context, call, seen.case_id, response)


@router.post(
    f"{ONE}/comments", status_code=201, responses={201: {"headers": ETAG}, **WRITES}, summary="Comment on a case"
)  # fmt: skip
def comment_on_case(
    case_id: CaseId, new: NewComment, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response,
) -> CaseAnswer:  # fmt: skip
    """Needs the role support. Possible in any version and state, so there is no If-Match."""
    caller.need(Action.CASES)
    seen = need_shown(context, case_id)
    changes.comment(context.runtime().engine, caller, seen.case_id, new.text, datetime.now(UTC))
    return _answer(context, call, seen.case_id, response)


def version_of(if_match: str | None) -> int | None:
    """Return the version in If-Match, None without one."""
    return int(if_match.strip('"')) if if_match not in (None, "*") else None


def _shown(context: Context, case_id: str) -> ShownCase:
    return shown_case(context.runtime().engine, case_id, datetime.now(UTC))


def need_shown(context: Context, case_id: str) -> case_rows.Case:
    """Return the case. Raises CaseUnknown, also if its tenant leaves."""
    return _shown(context, case_id).case


def _answer(context: Context, call: Call, case_id: str, response: Response) -> CaseAnswer:
    return CaseAnswer(data=case_detail_of(context, call, case_id, response), meta=meta(call))


def case_detail_of(context: Context, call: Call, case_id: str, response: Response) -> CaseDetail:
    """Return the case as it is now, with its version as ETag of the answer. Raises CaseUnknown."""
    known = _shown(context, case_id)
    response.headers["ETag"] = f'"{known.case.version}"'
    fields: dict[str, Any] = case_fields(known, context.figures().catalogue, call.language)
    return CaseDetail(**fields)
