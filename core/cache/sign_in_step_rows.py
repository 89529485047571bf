"""Table of the sign-ins that have begun and are not over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from core.cache.schema import sign_in_steps
from core.cache.sql import transaction

MOST = 5_000  # anyone can add rows; beyond this the oldest are deleted
columns = sign_in_steps.c


def add_step(engine: Engine, key_hash: str, value: str, at: datetime, before: datetime) -> None:
    """Store a step; delete those from before `before`, which are over."""
    with transaction(engine) as connection:
        newest = select(columns.at).order_by(columns.at.desc()).offset(MOST - 1).limit(1)
        connection.execute(delete(sign_in_steps).where(columns.at <= newest.scalar_subquery()))
        connection.execute(delete(sign_in_steps).where(columns.at < before))
        connection.execute(insert(sign_in_steps).values(key_hash=key_hash, value=value, at=at))


def find_step(engine: Engine, key_hash: str) -> tuple[str, datetime] | None:
    """Return value and time of a step, None if there is none."""
    with transaction(engine) as connection:
        row = connection.execute(select(columns.value, columns.at).where(columns.key_hash == key_hash)).first()
    return (row.value, row.at) if row else None


def take_step(engine: Engine, key_hash: str) -> tuple[str, datetime] | None:
    """Delete a step and return its value and time; None if there is none. Of two that ask at once one gets it."""
    taken = delete(sign_in_steps).where(columns.key_hash == key_hash).returning(columns.value, columns.at)
    with transaction(engine) as connection:
        row = connection.execute(taken).first()
    return (row.value, row.at) if row else None
