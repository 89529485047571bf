"""Table of the rotations of certificates: one that has begun, with what is known of its two generations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Engine, Row, and_, false, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import rotations
from core.cache.sql import increase_version, insert_new, transaction
from core.problems import Problem


@dataclass(frozen=True, slots=True)
class Rotation:
    """A certificate that is being replaced. `current_*` is the one to be replaced, `next_*` its successor.

    Paths are those in the profile, thumbprints SHA-1 in upper-case hex; `next_thumbprint` is "" until its file is made.
    `way`: how the successor gets to Entra, graph or hand; "" before the first try. `proven_at`: the last sign-in with
    the successor; `switched_at`: when the profiles named it; `refused_since`: the first refusal without a success.
    `problem` is why the last try went no further, or what a person has to know.
    """

    rotation_id: str
    kind: str
    slug: str
    name: str
    tenant_id: str
    client_id: str
    current_path: str
    current_thumbprint: str
    current_expires: datetime
    next_path: str
    started_by: str
    started_at: datetime
    next_thumbprint: str = ""
    next_expires: datetime | None = None
    way: str = ""
    uploaded_at: datetime | None = None
    refused_since: datetime | None = None
    proven_at: datetime | None = None
    switched_at: datetime | None = None
    problem: Problem | None = None
    state: str = "open"
    ended_at: datetime | None = None
    busy_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state == "open"


def new_rotation_id() -> str:
    return uuid4().hex[:12]


def add_rotation(engine: Engine, new: Rotation, entry: Entry) -> bool:
    """Store a rotation that begins; return False if another open one replaces the same certificate."""
    values = {column.name: getattr(new, column.name) for column in rotations.columns}
    values["problem"] = new.problem.to_json() if new.problem else None
    with transaction(engine) as connection:
        if not insert_new(connection, rotations, values):
            return False
        append(connection, entry, new.started_at)
    return True


def open_rotation(engine: Engine, kind: str, slug: str, client_id: str, thumbprint: str) -> Rotation | None:
    """Return the open rotation of this certificate of the application, in either generation, else of this profile.

    `thumbprint` is that of the certificate in use, "" if it cannot be read.
    """
    table = rotations.c
    of_app = table.client_id == client_id if thumbprint else false()
    of_certificate = and_(of_app, or_(table.current_thumbprint == thumbprint, table.next_thumbprint == thumbprint))
    of_profile = and_(table.kind == kind, table.slug == slug)
    query = select(rotations).where(table.state == "open", or_(of_certificate, of_profile)).order_by(table.started_at)
    with transaction(engine) as connection:
        rows = [_rotation(row) for row in connection.execute(query)]
    exact = [row for row in rows if thumbprint in (row.current_thumbprint, row.next_thumbprint)]
    return next(iter(exact or rows), None)


def open_rotations(engine: Engine) -> list[Rotation]:
    """Return all rotations that have begun and not ended, the oldest first."""
    return _all(engine, rotations.c.state == "open")


def find_rotation(engine: Engine, rotation_id: str) -> Rotation | None:
    """Return the rotation with this id."""
    return next(iter(_all(engine, rotations.c.rotation_id == rotation_id)), None)


def _all(engine: Engine, where: ColumnElement[bool]) -> list[Rotation]:
    with transaction(engine) as connection:
        query = select(rotations).where(where).order_by(rotations.c.started_at)
        return [_rotation(row) for row in connection.execute(query)]


def _rotation(row: Row[Any]) -> Rotation:
    values = dict(row._mapping)
    return Rotation(**{**values, "problem": Problem.from_json(row.problem) if row.problem else None})


def claim_rotation(engine: Engine, rotation_id: str, now: datetime, until: datetime) -> bool:
    """Mark an open rotation as busy until `until`; return False if somebody else works at it, or it has ended."""
    free = or_(rotations.c.busy_until.is_(None), rotations.c.busy_until <= now)
    where = (rotations.c.rotation_id == rotation_id, rotations.c.state == "open", free)
    with transaction(engine) as connection:
        claimed = update(rotations).where(*where).values(busy_until=until).returning(rotations.c.rotation_id)
        return connection.execute(claimed).first() is not None


def change_rotation(engine: Engine, rotation_id: str, **values: Any) -> None:
    """Change columns of a rotation."""
    if "problem" in values and values["problem"] is not None:
        values["problem"] = values["problem"].to_json()
    with transaction(engine) as connection:
        connection.execute(update(rotations).where(rotations.c.rotation_id == rotation_id).values(**values))


def note_step(engine: Engine, rotation_id: str, entry: Entry, at: datetime, **values: Any) -> None:
    """Change columns of a rotation and write what was done into the audit, in one transaction."""
    with transaction(engine) as connection:
        increase_version(connection)
        problem = values.pop("problem", None)
        stored = {**values, "problem": problem.to_json() if problem else None}
        connection.execute(update(rotations).where(rotations.c.rotation_id == rotation_id).values(**stored))
        append(connection, entry, at)
