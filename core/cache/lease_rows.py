"""Table of the leases: what only one process may do at a time, by the clock of the database (PostgreSQL alone)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, text

from core.cache.schema import leases

SECONDS = 15.0  # a lease that is not renewed for this time may be taken by another process
TAKE = text(
    "INSERT INTO leases (name, owner, term, until)"
    " VALUES (:name, :owner, 1, clock_timestamp() + make_interval(secs => :seconds))"
    " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, term = leases.term + 1, until = excluded.until"
    " WHERE leases.until < clock_timestamp() RETURNING term"
)
RENEW = text(
    "UPDATE leases SET until = clock_timestamp() + make_interval(secs => :seconds)"
    " WHERE name = :name AND owner = :owner AND term = :term"
)
RELEASE = text("UPDATE leases SET until = clock_timestamp() WHERE name = :name AND owner = :owner AND term = :term")
HOLD = text(
    "SELECT 1 FROM leases WHERE name = :name AND owner = :owner AND term = :term"
    " AND until > clock_timestamp() FOR SHARE"
)
OUTBOX = "messages:"  # how the leases of those who send messages begin; they have nothing to do with refreshes
LIVE = text("SELECT 1 FROM leases WHERE until > clock_timestamp() AND name NOT LIKE :outbox LIMIT 1")


@dataclass(frozen=True, slots=True)
class Term:
    """The right to do `name`, until it is released or not renewed; `term` counts how often it was taken."""

    name: str
    owner: str
    term: int

    @property
    def values(self) -> dict[str, object]:
        return {"name": self.name, "owner": self.owner, "term": self.term}


def take(connection: Connection, name: str, owner: str) -> Term | None:
    """Return the new term of `owner`; None if somebody has the lease."""
    term = connection.execute(TAKE, {"name": name, "owner": owner, "seconds": SECONDS}).scalar()
    return None if term is None else Term(name, owner, int(term))


def renew(connection: Connection, term: Term) -> bool:
    """Extend the term by SECONDS from now; return False if another one has begun."""
    return connection.execute(RENEW, term.values | {"seconds": SECONDS}).rowcount == 1


def release(connection: Connection, term: Term) -> None:
    """End the term, so that the next one may begin."""
    connection.execute(RELEASE, term.values)


def holds(connection: Connection, term: Term) -> bool:
    """Return True if the term lasts; then nobody else can take the lease before this transaction ends."""
    return connection.execute(HOLD, term.values).first() is not None


def forget(connection: Connection, names: Collection[str]) -> None:
    """Delete these leases, which will not be needed again."""
    connection.execute(delete(leases).where(leases.c.name.in_(names)))


def any_live(connection: Connection) -> bool:
    """Return True if some process has a lease of a refresh at present."""
    return connection.execute(LIVE, {"outbox": f"{OUTBOX}%"}).first() is not None
