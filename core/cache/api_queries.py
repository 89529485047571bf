"""Pages of runs and of history for the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, and_, func, select

from core.cache.run_rows import Run
from core.cache.schema import history, licenses, runs
from core.cache.sql import transaction

DAY_COLUMNS = ("day", "enabled", "consumed", "warning", "suspended")


def runs_page(
    engine: Engine,
    *,
    states: Sequence[str] = (),
    sources: Sequence[str] = (),
    newest_first: bool = True,
    limit: int,
    offset: int = 0,
) -> tuple[list[Run], int]:
    """Return at most `limit` runs after `offset`, and the number of all that match; empty filters match all.

    In the order of their start; runs that wait for it are newer than all others.
    """
    filters = ((runs.c.state, states), (runs.c.source, sources))
    condition = [column.in_(values) for column, values in filters if values]
    start = runs.c.started_at
    order = start.desc().nulls_first() if newest_first else start.asc().nulls_last()
    query = select(runs).where(*condition).order_by(order, runs.c.run_id).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count()).select_from(runs).where(*condition)).scalar_one()
        return [Run(**row) for row in connection.execute(query).mappings()], int(total)


@dataclass(frozen=True, slots=True)
class SkuDays:
    """The daily figures of one SKU, oldest first; the keys of each day are DAY_COLUMNS."""

    sku_id: str
    sku_part_number: str
    days: Sequence[dict[str, Any]]


def history_page(
    engine: Engine, tenant_id: str, since: date, *, limit: int, offset: int = 0
) -> tuple[list[SkuDays], int]:
    """Return the days since `since` of at most `limit` SKUs after `offset`, by part number, and the number of SKUs."""
    condition = and_(history.c.tenant_id == tenant_id, history.c.day >= since)
    same = and_(licenses.c.tenant_id == history.c.tenant_id, licenses.c.sku_id == history.c.sku_id)
    sku_part_number = func.coalesce(licenses.c.sku_part_number, "")
    skus = (
        select(history.c.sku_id, sku_part_number.label("sku_part_number"))
        .select_from(history.outerjoin(licenses, same))
        .where(condition)
    )
    page = skus.distinct().order_by(sku_part_number, history.c.sku_id).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count(history.c.sku_id.distinct())).where(condition)).scalar_one()
        part_numbers = {row.sku_id: row.sku_part_number for row in connection.execute(page)}
        days = select(history.c.sku_id, *(history.c[name] for name in DAY_COLUMNS))
        days = days.where(condition, history.c.sku_id.in_(part_numbers)).order_by(history.c.day)
        days_of_sku: dict[str, list[dict[str, Any]]] = {sku_id: [] for sku_id in part_numbers}
        for row in connection.execute(days).mappings():
            days_of_sku[row["sku_id"]].append({name: row[name] for name in DAY_COLUMNS})
    return [SkuDays(sku_id, part_numbers[sku_id], rows) for sku_id, rows in days_of_sku.items()], int(total)
