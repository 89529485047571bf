"""Frames of the cases, for figures: how those went that have ended, and since when the others are open."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from core.cache.schema import case_results, cases, tenants
from core.cache.sql import transaction

_RESULT = (
    "level", "distributor", "reaction_seconds", "lead_seconds", "customer_seconds", "reaction_kept", "work_kept",
    "delivery_kept", "stars",
)  # fmt: skip
_CASE = ("tenant_id", "owner", "owner_name", "outcome", "closed_at")
FRAME = [*_RESULT, *_CASE]


def results_frame(engine: Engine) -> pd.DataFrame:
    """Return a row for each case that has ended; one that was opened again is not among them until it ends again."""
    query = (
        select(*(case_results.c[name] for name in _RESULT), *(cases.c[name] for name in _CASE))
        .join(cases)
        .where(cases.c.closed_at.is_not(None))
    )
    with transaction(engine) as connection:
        return pd.DataFrame(connection.execute(query).fetchall(), columns=FRAME)


def open_cases_frame(engine: Engine) -> pd.DataFrame:
    """Return tenant, level, owner and opening of each open case."""
    columns = (cases.c.tenant_id, tenants.c.level, cases.c.owner, cases.c.opened_at)
    query = select(*columns).join(tenants).where(cases.c.closed_at.is_(None))
    with transaction(engine) as connection:
        rows: list[Any] = list(connection.execute(query))
    return pd.DataFrame(rows, columns=[column.name for column in columns])
