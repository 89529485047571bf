"""Table of failed sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select, update

from core.cache.schema import sign_in_failures
from core.cache.sql import forget_older, insert_new, transaction

MOST_FAILURES = 50_000  # rows; the oldest are deleted


@dataclass(frozen=True, slots=True)
class Failures:
    """The number of failures in a row and the time of the last one."""

    count: int
    last_at: datetime


def find_failures(engine: Engine, key: str) -> Failures | None:
    with transaction(engine) as connection:
        row = connection.execute(select(sign_in_failures).where(sign_in_failures.c.key == key)).mappings().first()
    return Failures(row["count"], row["last_at"]) if row else None


def record_failure(
    engine: Engine, key: str, stored: Failures | None, new: Failures, *, forget_before: datetime
) -> bool:
    """Replace the failures of `key`, read as `stored`, by `new`; return False if the row has changed since.

    So attempts at the same time are all counted. Rows from before `forget_before` are deleted.
    """
    column = sign_in_failures.c
    with transaction(engine) as connection:
        if stored is not None:
            unchanged = (column.key == key) & (column.count == stored.count) & (column.last_at == stored.last_at)
            statement = update(sign_in_failures).where(unchanged).values(count=new.count, last_at=new.last_at)
            return connection.execute(statement).rowcount == 1
        forget_older(connection, column.last_at, forget_before)
        beyond = select(column.last_at).order_by(column.last_at.desc()).offset(MOST_FAILURES).limit(1)
        connection.execute(delete(sign_in_failures).where(column.last_at <= beyond.scalar_subquery()))
        return insert_new(connection, sign_in_failures, {"key": key, "count": new.count, "last_at": new.last_at})


def clear_failures(engine: Engine, key: str, *, prefix: bool = False) -> None:
    """Forget the failures of `key`, or of every key that starts with it."""
    column = sign_in_failures.c.key
    with transaction(engine) as connection:
        connection.execute(
            delete(sign_in_failures).where(column.startswith(key, autoescape=True) if prefix else column == key)
        )
