"""GET /licenses and /shortages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from web.api.context import Caller, InProcess, ThisCall, failures, meta, pagination, part
from web.api.door import Call
from web.api.figures import Figures, Mask
from web.api.models import License, PageAnswer
from web.api.queries import LicenseQuery, ShortageQuery, as_bools, order_of
from web.api.tenants import find_tenant

router = APIRouter(tags=["licences"])


class LicensePage(PageAnswer[License]):
    pass


@router.get("/licenses", responses=failures(404), summary="Licences of all tenants that are read")
def licenses(
    query: Annotated[LicenseQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """The worst first, unless another order is asked for. What a rule hides is left out, as on the pages."""
    figures = context.figures.newest()
    table = figures.licenses
    mask = _common(figures, query) & table.among("state", query.state)
    mask &= table.among("shortage", as_bools(query.shortage))
    if query.hidden == "false":
        mask &= table.among("hidden", [False])
    return _page(figures, mask, query, call)


@router.get("/shortages", responses=failures(404), summary="Current shortages")
def shortages(
    query: Annotated[ShortageQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """The longest first, unless another order is asked for."""
    figures = context.figures.newest()
    mask = _common(figures, query) & figures.licenses.among("shortage", [True])
    mask &= figures.licenses.among("alarm", query.alarm)
    return _page(figures, mask, query, call)


def _common(figures: Figures, query: LicenseQuery | ShortageQuery) -> Mask:
    """What both lists can be filtered by. Raises ApiError for a tenant that nobody knows."""
    table = figures.licenses
    mask = table.among("tenant_id", [find_tenant(figures, name)["tenant_id"] for name in query.tenant])
    mask &= table.among("part_key", [name.casefold() for name in query.sku_part_number])
    return mask & table.among("kind", query.kind) & table.with_words(query.q)


def _page(figures: Figures, mask: Mask, query: LicenseQuery | ShortageQuery, call: Call) -> LicensePage:
    column, descending = order_of(query.sort)
    positions = figures.licenses.ordered(mask, column, descending=descending)
    rows = [License(**row) for row in figures.licenses.rows(positions[part(query)])]
    return LicensePage(data=rows, pagination=pagination(query, len(positions)), meta=meta(call))
