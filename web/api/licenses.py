"""GET /licenses and /shortages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.name_key import name_key
from web.api.authentication import Call
from web.api.call import Caller, InProcess, ThisCall, failures, meta, pagination, part, shown
from web.api.models import License, PageAnswer
from web.api.queries import LicenseQuery, ShortageQuery, as_bools, order_of
from web.api.tables import Mask, Tables
from web.api.tenants import find_tenant

router = APIRouter(tags=["licences"])


class LicensePage(PageAnswer[License]):
    pass


@router.get("/licenses", responses=failures(404), summary="Licences of all tenants that are read")
def licenses(
    query: Annotated[LicenseQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """The worst first, unless another order is asked for. What a rule hides is left out, as on the pages."""
    tables = context.tables.newest()
    table = tables.licenses
    mask = _common(tables, query) & table.among("state", query.state)
    mask &= table.among("shortage", as_bools(query.shortage))
    if query.hidden == "false":
        mask &= table.among("hidden", [False])
    return _page(tables, mask, query, call)


@router.get("/shortages", responses=failures(404), summary="Current shortages")
def shortages(
    query: Annotated[ShortageQuery, Query()], context: InProcess, call: ThisCall, _caller: Caller
) -> LicensePage:
    """The longest first, unless another order is asked for."""
    tables = context.tables.newest()
    mask = _common(tables, query) & tables.licenses.among("shortage", [True])
    mask &= tables.licenses.among("alarm", query.alarm)
    return _page(tables, mask, query, call)


def _common(tables: Tables, query: LicenseQuery | ShortageQuery) -> Mask:
    """What both lists can be filtered by. Raises ApiError for a tenant that nobody knows."""
    table = tables.licenses
    mask = table.among("tenant_id", [find_tenant(tables, name)["tenant_id"] for name in query.tenant])
    mask &= table.among("part_key", [name_key(name) for name in query.sku_part_number])
    return mask & table.among("kind", query.kind) & table.with_words(query.q)


def _page(tables: Tables, mask: Mask, query: LicenseQuery | ShortageQuery, call: Call) -> LicensePage:
    column, descending = order_of(query.sort)
    positions = tables.licenses.ordered(mask, column, descending=descending)
    rows, omitted = shown(tables.licenses.rows(positions[part(query)]), lambda row: License(**row))
    return LicensePage(data=rows, pagination=pagination(query, len(positions)), meta=meta(call, omitted))
