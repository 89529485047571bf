"""GET and PATCH /tenants, and a tenant's history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from core.attention.conditions import is_late
from core.cache.history_rows import SkuDays, history_page
from core.cache.shared_frames import Figures
from core.name_key import guid_key, name_key
from core.problems import Problem
from core.refresh.services import Services
from core.refresh.tenant_switches import SwitchChange, Switches, apply_switches
from core.roles import Action, Actor
from core.runtime import Runtime
from web.api.authentication import Call
from web.api.call import Caller, Context, InProcess, ThisCall, failures, meta, nearest, pagination, part, shown
from web.api.envelope import Answer, PageAnswer
from web.api.errors import ApiError, detail_of
from web.api.models import PLAIN, HistoryDay, ProblemText, SkuHistory
from web.api.queries import HistoryQuery, TenantQuery, WithoutParameters, as_bools, order_of
from web.api.tenant_details import TenantDetails, details_of
from web.api.tenant_models import Tenant, TenantChange

router = APIRouter(tags=["tenants"])
TenantId = Annotated[
    str, Path(alias="tenantId", min_length=1, max_length=255, pattern=PLAIN, description="Id, short name or name.")
]
# Problems with which the same change may succeed later; any other means that SharePoint cannot be used.
CONFLICTS = ("sharepoint.changed_meanwhile", "sharepoint.not_listed")

# Field of a tenant -> its column in the frame, if the names differ.
COLUMNS = {
    "name": "tenant", "monitoring": "monitored", "certificate_expires": "cert_expires", "certificate_days": "cert_days",
}  # fmt: skip


class TenantPage(PageAnswer[Tenant]):
    pass


class TenantAnswer(Answer[Tenant]):
    pass


class HistoryPage(PageAnswer[SkuHistory]):
    pass


@router.get("/tenants", responses=failures(), summary="Tenants that have a profile")
def tenants(query: Annotated[TenantQuery, Query()], context: InProcess, call: ThisCall, caller: Caller) -> TenantPage:
    index = context.figures().tenant_index
    mask = index.with_words(name_key(query.q).split())
    for name in ("enabled", "monitoring", "failing"):
        mask &= index.among(COLUMNS.get(name, name), as_bools(getattr(query, name)))
    field, descending = order_of(query.sort)
    positions = index.ordered(mask, COLUMNS.get(field, field), descending=descending)
    records = index.records(positions[part(query)])
    details = details_of(context, caller, [record["tenant_id"] for record in records], call.language)
    rows, omitted = shown(records, lambda row: _tenant(row, call, context, details))
    return TenantPage(data=rows, pagination=pagination(query, len(positions)), meta=meta(call, omitted))


@router.get("/tenants/{tenantId}", responses=failures(404), summary="One tenant")
def tenant(
    tenant_id: TenantId, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller
) -> TenantAnswer:
    return _answer(context, tenant_id, call, caller)


@router.patch("/tenants/{tenantId}", responses=failures(400, 403, 404, 409, 413, 415), summary="Switch a tenant")
def switch_tenant(
    tenant_id: TenantId,
    change: TenantChange,
    _query: WithoutParameters,
    context: InProcess,
    call: ThisCall,
    caller: Caller,
) -> TenantAnswer:
    """Needs the role admin. Changes the SharePoint tenant list, without a SharePoint profile only our own switches.

    If the list has other switches than the last answer of this API, nothing is changed (409); the next GET has them.
    """
    caller.need(Action.SWITCHES)
    row = find_tenant(context.figures(), tenant_id)
    seen = {"enabled": row["enabled"], "monitoring": row["monitored"]}
    wanted = seen | change.model_dump(exclude_unset=True)
    switch = SwitchChange(row["tenant_id"], _pair(seen), _pair(wanted))
    (result,) = apply_switches(services_of(context.runtime()), [switch], caller)
    if result.problem is not None:
        raise _refused(result.problem, call.language)
    return _answer(context, row["tenant_id"], call, caller)


def _pair(switches: Mapping[str, bool]) -> Switches:
    return switches["enabled"], switches["monitoring"]


def _refused(problem: Problem, language: str) -> ApiError:
    details = [detail_of(problem, language)]
    if problem.code in CONFLICTS:
        return ApiError(409, problem.text(language), details)
    return ApiError(503, problem.text(language), details, code="SHAREPOINT_UNAVAILABLE")


@router.get("/tenants/{tenantId}/history", responses=failures(404), summary="Daily figures of a tenant's products")
def history(
    tenant_id: TenantId,
    query: Annotated[HistoryQuery, Query()],
    context: InProcess,
    call: ThisCall,
    _caller: Caller,
) -> HistoryPage:
    """Returns the products of a tenant by part number, each with all its days; `pageSize` is a number of products."""
    figures, runtime = context.figures(), context.runtime()
    row = find_tenant(figures, tenant_id)
    today = datetime.now(UTC).astimezone(runtime.settings.zone).date()
    rows = part(query)
    skus, total = history_page(
        runtime.engine,
        row["tenant_id"],
        today - timedelta(days=query.days - 1),
        limit=query.page_size,
        offset=rows.start,
    )
    data = [_sku_history(figures, sku) for sku in skus]
    return HistoryPage(data=data, pagination=pagination(query, total), meta=meta(call))


def _sku_history(figures: Figures, sku: SkuDays) -> SkuHistory:
    product = figures.catalogue.product(sku.sku_id, sku.sku_part_number)
    return SkuHistory(
        sku_id=sku.sku_id,
        sku_part_number=sku.sku_part_number,
        product_de=product.name_de,
        product_en=product.name_en,
        days=[HistoryDay(**day, free=day["enabled"] - day["consumed"]) for day in sku.days],
    )


def find_tenant(figures: Figures, name: str) -> dict[str, Any]:
    """Return the row of the tenant with this id, short name or name. Raises ApiError with the nearest name.

    The exact spelling wins over a similar one, so that no change goes to another tenant.
    """
    index = figures.tenant_index
    exact = (
        index.among(column, [wanted])
        for column, wanted in (("tenant_id", guid_key(name)), ("slug", name), ("tenant", name))
    )
    alike = (index.named(column, [name]) for column in ("slug", "tenant"))
    for mask in (*exact, *alike):
        if mask.any():
            return index.records(index.ordered(mask, "tenant")[:1])[0]
    hint = nearest(name, [*index.values("tenant"), *index.values("slug")])
    raise ApiError(404, f"There is no tenant “{name}”.{hint}", [{"field": "tenant", "message": f"Unknown.{hint}"}])


def services_of(runtime: Runtime) -> Services:
    """Return the services of this process. Raises ApiError if it has none."""
    if runtime.services is None:
        raise ApiError(503, "This process refreshes nothing.")
    return runtime.services


def _answer(context: Context, name: str, call: Call, caller: Actor) -> TenantAnswer:
    row = find_tenant(context.figures(), name)
    details = details_of(context, caller, [row["tenant_id"]], call.language)
    return TenantAnswer(data=_tenant(row, call, context, details), meta=meta(call))


def _tenant(row: dict[str, Any], call: Call, context: Context, details: TenantDetails) -> Tenant:
    own, read_at, every = row["refresh_minutes"], row["last_read_at"], context.runtime().settings.refresh_minutes
    late = row["enabled"] and read_at is not None and is_late(read_at, own, every, datetime.now(UTC))
    problems = {name: ProblemText.of(row[name], call.language) for name in ("problem", "subscriptions_problem")}
    fields = {field: row[column] for field, column in COLUMNS.items()}
    more = details.of(row["tenant_id"])
    return Tenant(**row | fields | problems | more | {"refresh_minutes": own, "late": late})
