"""Table of the calls in the present minute, counted by several web processes together."""

from __future__ import annotations

from sqlalchemy import Engine, delete

from core.cache.schema import call_counts
from core.cache.sql import count_one, transaction

columns = call_counts.c


def count_call(engine: Engine, who: str, minute: int) -> int:
    """Count a call of `who` in this minute (since 1970) and return how many there are now; forget earlier minutes."""
    with transaction(engine) as connection:
        calls = count_one(connection, call_counts, {"who": who, "minute": minute}, columns.calls)
        if calls == 1:
            connection.execute(delete(call_counts).where(columns.minute < minute - 1))
    return calls
