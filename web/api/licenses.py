"""GET /licenses and /shortages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Engine

from core.cache.frame_index import Mask
from core.cache.open_cases import open_cases
from core.cache.shared_frames import Figures
from core.name_key import name_key
from web.api.authentication import Call
from web.api.call import Caller, InProcess, ThisCall, failures, meta, pagination, part, shown
from web.api.envelope import PageAnswer
from web.api.models import License
from web.api.queries import LicenseQuery, ShortageQuery, as_bools, order_of
from web.api.tenants import find_tenant

router = APIRouter(tags=["licences"])


class LicensePage(PageAnswer[License]):
    pass


@router.get("/licenses", responses=failures(404), summary="Licences of all tenants that are read")
def licenses(
    query: Annotated[LicenseQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """Returns the worst first, unless `sort` has another order. Licences that a rule hides are left out."""
    figures = context.figures()
    index = figures.license_index
    mask = _common(figures, query) & index.among("state", query.state)
    mask &= index.among("shortage", as_bools(query.shortage))
    if query.hidden == "false":
        mask &= index.among("hidden", [False])
    return _page(figures, context.runtime().engine, mask, query, call)


@router.get("/shortages", responses=failures(404), summary="Current shortages")
def shortages(
    query: Annotated[ShortageQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """Returns the longest first, unless `sort` has another order."""
    figures = context.figures()
    mask = _common(figures, query) & figures.license_index.among("shortage", [True])
    mask &= figures.license_index.among("alarm", query.alarm)
    return _page(figures, context.runtime().engine, mask, query, call)


def _common(figures: Figures, query: LicenseQuery | ShortageQuery) -> Mask:
    """Return the rows that pass the filters of both lists. Raises ApiError for an unknown tenant."""
    index = figures.license_index
    mask = index.among("tenant_id", [find_tenant(figures, name)["tenant_id"] for name in query.tenant])
    mask &= index.named("sku_part_number", query.sku_part_number)
    return mask & index.among("kind", query.kind) & index.with_words(name_key(query.q).split())


def _page(
    figures: Figures, engine: Engine, mask: Mask, query: LicenseQuery | ShortageQuery, call: Call
) -> LicensePage:  # fmt: skip
    column, descending = order_of(query.sort)
    positions = figures.license_index.ordered(mask, column, descending=descending)
    cases = open_cases(engine)

    def license_of(row: Mapping[str, Any]) -> License:
        case = cases.get((row["tenant_id"], row["sku_id"]))
        under_way, waiting = (case.under_way, case.waiting) if case else (0, 0)
        return License(**row, under_way=under_way, waiting=waiting, case=case.number if case else "")

    rows, omitted = shown(figures.license_index.records(positions[part(query)]), license_of)
    return LicensePage(data=rows, pagination=pagination(query, len(positions)), meta=meta(call, omitted))
