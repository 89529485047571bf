"""Table of duties: when something is due that one process of several does, by the database's clock (PostgreSQL)."""

from __future__ import annotations

from sqlalchemy import Engine, text

from core.cache.sql import transaction

# Also true for a duty that nobody has had yet. Of two processes that ask at once the second finds the new time.
CLAIM = text(
    "INSERT INTO duties (name, due_at) VALUES (:name, clock_timestamp() + make_interval(secs => :seconds))"
    " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE duties.due_at <= clock_timestamp()"
    " RETURNING name"
)
PUT_OFF = text("UPDATE duties SET due_at = clock_timestamp() + make_interval(secs => :seconds) WHERE name = :name")


def claim_duty(engine: Engine, name: str, seconds: float) -> bool:
    """Return True if the duty is due and this process is to do it; then it is due again in `seconds`."""
    with transaction(engine) as connection:
        return connection.execute(CLAIM, {"name": name, "seconds": seconds}).first() is not None


def put_off_duty(engine: Engine, name: str, seconds: float) -> None:
    """Make the duty due in `seconds`, whenever it was to be."""
    with transaction(engine) as connection:
        connection.execute(PUT_OFF, {"name": name, "seconds": seconds})
