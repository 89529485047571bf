"""Tables of the onboardings: tenants that are being added, their steps, and the log of what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, and_, delete, exists, func, insert, or_, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import leavings, onboarding_log, onboarding_steps, onboardings
from core.cache.sql import increase_version, insert_new, share_before, transaction, upsert
from core.problems import Problem

Step = Literal["certificate", "registration", "consent", "profile", "test", "list", "first_read"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)  # in their order
FIRST_READ: Final = "first_read"  # until it is done, the shortages of the tenant belong to its summary
OVER = ("done", "skipped")
AT_MOST = timedelta(days=7)  # of ended onboardings deleted at once


@dataclass(frozen=True, slots=True)
class StepRow:
    """How far a step is: open, waiting, failed, done or skipped; `problem` is what it waits for or failed with."""

    step: str
    state: str = "open"
    tries: int = 0
    last_try_at: datetime | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Onboarding:
    """A tenant that is being added; `made`: the things (certificate, profile, row) that cancelling removes."""

    onboarding_id: str
    tenant_id: str
    name: str
    slug: str
    app: str
    client_id: str
    cert_path: str
    made: Sequence[str]
    level: str
    contact: str
    state: str
    created_by: str
    created_at: datetime
    acted_at: datetime
    ended_at: datetime | None = None
    busy_until: datetime | None = None
    consent_hash: str = field(default="", repr=False)
    consent_until: datetime | None = None
    run_id: str = ""
    summary: dict[str, Any] | None = None
    seen_by: str = ""
    seen_at: datetime | None = None
    steps: Mapping[str, StepRow] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def next_step(self) -> Step | None:
        """Return the first step that is not over, None if all are or the onboarding has ended."""
        if not self.is_open:
            return None
        return next((step for step in STEPS if self.step(step).state not in OVER), None)

    def step(self, name: str) -> StepRow:
        return self.steps.get(name) or StepRow(name)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log; `said` is a text as code and values."""

    seq: int
    at: datetime
    actor: str
    step: str
    said: Problem


def new_onboarding_id() -> str:
    return uuid4().hex[:12]


def add_onboarding(engine: Engine, new: Onboarding, entry: Entry) -> bool:
    """Store a new onboarding; return False if another open one has its tenant or its short name."""
    values = {column.name: getattr(new, column.name) for column in onboardings.columns}
    with transaction(engine) as connection:
        increase_version(connection)
        if not insert_new(connection, onboardings, values):
            return False
        append(connection, entry, new.created_at)
    return True


def all_onboardings(engine: Engine) -> list[Onboarding]:
    """Return the open onboardings with their steps, the oldest first."""
    query = select(onboardings).where(onboardings.c.state == "open").order_by(onboardings.c.created_at)
    with transaction(engine) as connection:
        return _with_steps(connection, connection.execute(query).all())


def find_onboarding(engine: Engine, wanted: str) -> Onboarding | None:
    """Return the newest onboarding with this id, short name or tenant id, an open one before all others."""
    table = onboardings.c
    named = or_(table.onboarding_id == wanted, table.slug == wanted, table.tenant_id == wanted)
    query = select(onboardings).where(named).order_by(table.state != "open", table.created_at.desc()).limit(1)
    with transaction(engine) as connection:
        return next(iter(_with_steps(connection, connection.execute(query).all())), None)


def _with_steps(connection: Connection, rows: Sequence[Row[Any]]) -> list[Onboarding]:
    wanted = [row.onboarding_id for row in rows]
    steps: dict[str, dict[str, StepRow]] = {}
    for stored in connection.execute(select(onboarding_steps).where(onboarding_steps.c.onboarding_id.in_(wanted))):
        problem = Problem.from_json(stored.problem) if stored.problem else None
        step = StepRow(stored.step, stored.state, stored.tries, stored.last_try_at, problem)
        steps.setdefault(stored.onboarding_id, {})[stored.step] = step
    return [Onboarding(**row._mapping, steps=steps.get(row.onboarding_id, {})) for row in rows]


def claim(engine: Engine, onboarding_id: str, now: datetime, until: datetime) -> bool:
    """Mark an open onboarding as busy until `until`; return False if somebody else works at it, or it has ended."""
    free = or_(onboardings.c.busy_until.is_(None), onboardings.c.busy_until <= now)
    where = (onboardings.c.onboarding_id == onboarding_id, onboardings.c.state == "open", free)
    with transaction(engine) as connection:
        claimed = update(onboardings).where(*where).values(busy_until=until).returning(onboardings.c.onboarding_id)
        return connection.execute(claimed).first() is not None


def change(engine: Engine, onboarding_id: str, **values: Any) -> None:
    """Change columns of an onboarding."""
    with transaction(engine) as connection:
        _change(connection, onboarding_id, values)


def _change(connection: Connection, onboarding_id: str, values: Mapping[str, Any]) -> None:
    if values:
        connection.execute(update(onboardings).where(onboardings.c.onboarding_id == onboarding_id).values(**values))


def save_step(
    engine: Engine, onboarding_id: str, step: StepRow, actor: str, said: Problem, at: datetime, **values: Any
) -> None:
    """Store how far a step is, columns of the onboarding and a line of the log, in one transaction.

    Nothing is stored once the onboarding has ended: a refresh ends it while somebody still waits for it.
    """
    row = {
        "onboarding_id": onboarding_id, "step": step.step, "state": step.state, "tries": step.tries,
        "last_try_at": step.last_try_at, "problem": step.problem.to_json() if step.problem else None,
    }  # fmt: skip
    is_open = (onboardings.c.onboarding_id == onboarding_id, onboardings.c.state == "open")
    with transaction(engine) as connection:
        touched = update(onboardings).where(*is_open).values(state="open").returning(onboardings.c.slug)
        if connection.execute(touched).first() is None:  # written first, so that it stays open until the end
            return
        upsert(connection, onboarding_steps, [row])
        _change(connection, onboarding_id, values)
        _add_line(connection, onboarding_id, actor, step.step, said, at)


def save_try(engine: Engine, onboarding_id: str, step: StepRow) -> None:
    """Store that a step was tried once more, with the result that the log has already."""
    where = (onboarding_steps.c.onboarding_id == onboarding_id, onboarding_steps.c.step == step.step)
    with transaction(engine) as connection:
        connection.execute(
            update(onboarding_steps).where(*where).values(tries=step.tries, last_try_at=step.last_try_at)
        )


def add_line(engine: Engine, onboarding_id: str, actor: str, step: str, said: Problem, at: datetime) -> None:
    """Add a line to the log."""
    with transaction(engine) as connection:
        _add_line(connection, onboarding_id, actor, step, said, at)


def _add_line(connection: Connection, onboarding_id: str, actor: str, step: str, said: Problem, at: datetime) -> None:
    number = func.coalesce(func.max(onboarding_log.c.seq), 0) + 1
    following = select(number).where(onboarding_log.c.onboarding_id == onboarding_id).scalar_subquery()
    connection.execute(
        insert(onboarding_log).values(
            onboarding_id=onboarding_id, seq=following, at=at, actor=actor, step=step, said=said.to_json()
        )
    )


def log_of(engine: Engine, onboarding_id: str) -> list[LogLine]:
    """Return the log of an onboarding, the oldest line first."""
    query = select(onboarding_log).where(onboarding_log.c.onboarding_id == onboarding_id).order_by("seq")
    with transaction(engine) as connection:
        rows = connection.execute(query).all()
    return [LogLine(row.seq, row.at, row.actor, row.step, Problem.from_json(row.said)) for row in rows]


def end_onboarding(
    engine: Engine, onboarding_id: str, state: str, said: Problem, entry: Entry, at: datetime,
    also: Callable[[Connection], object] | None = None, **values: Any,
) -> None:  # fmt: skip
    """Store that an onboarding is done or cancelled; pages read their figures anew. `also` writes with it."""
    with transaction(engine) as connection:
        increase_version(connection)
        _change(connection, onboarding_id, {"state": state, "ended_at": at, "busy_until": None, **values})
        if state == "done":
            last = {"state": "done", "tries": 1, "last_try_at": at, "problem": None}
            upsert(connection, onboarding_steps, [{"onboarding_id": onboarding_id, "step": FIRST_READ, **last}])
        _add_line(connection, onboarding_id, entry.actor.shown, FIRST_READ if state == "done" else "", said, at)
        append(connection, entry, at)
        if also is not None:
            also(connection)


def delete_cancelled(connection: Connection, before: datetime) -> int:
    """Delete the onboardings that were cancelled before `before`, with steps and log; return how many.

    Only some of the oldest go at once, so that a wrong clock empties nothing.
    """
    bounded = share_before(connection, onboardings.c.ended_at, before, AT_MOST)
    if bounded is None:
        return 0
    old = (onboardings.c.state == "cancelled", onboardings.c.ended_at < bounded)
    return connection.execute(delete(onboardings).where(*old)).rowcount


def first_readings(engine: Engine) -> set[str]:
    """Return the ids of the tenants whose first reading is due: their shortages belong to its summary.

    From the step list on, for the row in the tenant list is what makes shortages alarm; until the first reading.
    """
    tested = and_(onboarding_steps.c.step == "test", onboarding_steps.c.state == "done")
    query = select(onboardings.c.tenant_id).join(onboarding_steps).where(onboardings.c.state == "open", tested)
    with transaction(engine) as connection:
        return set(connection.execute(query).scalars())


def unseen_summaries(engine: Engine) -> list[Onboarding]:
    """Return the onboardings whose first reading has found shortages that nobody has acknowledged, the oldest first.

    Without those of tenants that leave: they are no longer shown.
    """
    leaves = exists().where(leavings.c.tenant_id == onboardings.c.tenant_id)
    where = (onboardings.c.state == "done", onboardings.c.seen_at.is_(None), ~leaves)
    query = select(onboardings).where(*where).order_by(onboardings.c.ended_at)
    with transaction(engine) as connection:
        rows = [row for row in connection.execute(query) if (row.summary or {}).get("shortages")]
    return [Onboarding(**row._mapping) for row in rows]


def acknowledge(engine: Engine, onboarding_id: str, by: str, entry: Entry, at: datetime) -> bool:
    """Store who has acknowledged the summary; return False if somebody has before."""
    where = (onboardings.c.onboarding_id == onboarding_id, onboardings.c.seen_at.is_(None))
    with transaction(engine) as connection:
        increase_version(connection)
        seen = update(onboardings).where(*where).values(seen_by=by, seen_at=at).returning(onboardings.c.tenant_id)
        if connection.execute(seen).first() is None:
            return False
        append(connection, entry, at)
    return True
