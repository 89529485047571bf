"""Pages of runs and of history, for programs that ask piece by piece."""

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
    """(at most `limit` runs after `offset`; how many there are in all). Empty filters do not restrict."""
    filters = ((runs.c.state, states), (runs.c.source, sources))
    condition = [column.in_(wanted) for column, wanted in filters if wanted]
    began = runs.c.started_at.desc() if newest_first else runs.c.started_at.asc()
    query = select(runs).where(*condition).order_by(began, runs.c.run_id).limit(limit).offset(offset)
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
    """(the history from `since` on of at most `limit` SKUs after `offset`, by part number; how many SKUs there are)."""
    wanted = and_(history.c.tenant_id == tenant_id, history.c.day >= since)
    same = and_(licenses.c.tenant_id == history.c.tenant_id, licenses.c.sku_id == history.c.sku_id)
    part = func.coalesce(licenses.c.sku_part_number, "")
    skus = select(history.c.sku_id, part.label("part")).select_from(history.outerjoin(licenses, same)).where(wanted)
    page = skus.distinct().order_by(part, history.c.sku_id).limit(limit).offset(offset)
    with transaction(engine) as connection:
        total = connection.execute(select(func.count(history.c.sku_id.distinct())).where(wanted)).scalar_one()
        parts = {row.sku_id: row.part for row in connection.execute(page)}
        days = select(history.c.sku_id, *(history.c[name] for name in DAY_COLUMNS))
        days = days.where(wanted, history.c.sku_id.in_(parts)).order_by(history.c.day)
        found: dict[str, list[dict[str, Any]]] = {sku_id: [] for sku_id in parts}
        for row in connection.execute(days).mappings():
            found[row["sku_id"]].append({name: row[name] for name in DAY_COLUMNS})
    return [SkuDays(sku_id, parts[sku_id], rows) for sku_id, rows in found.items()], int(total)
