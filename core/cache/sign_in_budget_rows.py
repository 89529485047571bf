"""Table of the sign-in budgets: for each key the time at which it is full again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine, delete, select

from core.cache.schema import sign_in_budgets
from core.cache.sql import lock_for_writing, transaction, upsert


def whole_times(engine: Engine, keys: Collection[str]) -> dict[str, datetime]:
    """Return the time at which each of these budgets is full again; a full one may be missing."""
    with transaction(engine) as connection:
        rows = connection.execute(select(sign_in_budgets).where(sign_in_budgets.c.key.in_(keys)))
        return {row.key: row.whole_at for row in rows}


@contextmanager
def locked_budgets(engine: Engine, keys: Collection[str], now: datetime) -> Iterator[dict[str, datetime]]:
    """Yield what `whole_times` returns and store what the block changes, under the write lock.

    Full budgets are deleted, so the table has only the attempts of the last minutes.
    """
    column = sign_in_budgets.c
    with transaction(engine) as connection:
        lock_for_writing(connection, sign_in_budgets)
        rows = connection.execute(select(sign_in_budgets).where(column.key.in_(keys)))
        before = {row.key: row.whole_at for row in rows}
        times = dict(before)
        yield times
        changed = [{"key": key, "whole_at": at} for key, at in times.items() if before.get(key) != at]
        if changed:
            upsert(connection, sign_in_budgets, changed)
            connection.execute(delete(sign_in_budgets).where(column.whole_at <= now))
