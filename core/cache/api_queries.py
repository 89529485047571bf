"""Pages of runs for the API."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from core.cache.run_rows import Run
from core.cache.schema import runs
from core.cache.sql import transaction


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
