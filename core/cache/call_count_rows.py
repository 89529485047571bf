"""Table of the calls in the present minute, counted by several web processes together."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from core.cache.schema import call_counts
from core.cache.sql import insert_missing, transaction

columns = call_counts.c


def count_call(engine: Engine, who: str, minute: int) -> int:
    """Count a call of `who` in this minute (since 1970) and return how many there are now; forget earlier minutes."""
    with transaction(engine) as connection:
        mine = (columns.who == who) & (columns.minute == minute)
        insert_missing(connection, call_counts, [{"who": who, "minute": minute, "calls": 0}])
        connection.execute(call_counts.update().where(mine).values(calls=columns.calls + 1))
        calls = int(connection.execute(select(columns.calls).where(mine)).scalar_one())
        if calls == 1:
            connection.execute(delete(call_counts).where(columns.minute < minute - 1))
    return calls
