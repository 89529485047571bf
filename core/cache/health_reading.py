"""Read from the database what the health check needs, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, Text, cast, or_, select

from core.cache.backup_rows import LatestBackups, latest_in
from core.cache.database import OtherSchema, schema_problem
from core.cache.level_rows import minutes_in_use
from core.cache.schema import runs, tenants
from core.cache.sql import transaction
from core.problems import Problem
from core.roles import schedule_actor

LATEST_RUNS = 5
# Both kinds of database store the JSON text unchanged.
OF_ALL_DUE = or_(cast(runs.c.scope, Text) == "[]", runs.c.source == schedule_actor().source)


@dataclass(frozen=True, slots=True)
class FailingTenant:
    """An enabled tenant whose last read failed."""

    name: str
    since: datetime | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class HealthReading:
    """`other_schema`: why this program does not work with the tables, None if it does.

    `refreshes` are (end, seconds) of the latest finished refreshes of all tenants whose turn it was, newest first.
    `own_minutes`: the intervals of the levels in use, None for that of the setting.
    """

    other_schema: Problem | None
    refreshes: Sequence[tuple[datetime, float]]
    failing: Sequence[FailingTenant]
    vanished: Mapping[str, datetime] = field(default_factory=dict)  # tenant -> since when its row is missing
    backups: LatestBackups = field(default_factory=LatestBackups)
    own_minutes: Collection[int | None] = ()


def read_health(engine: Engine) -> HealthReading:
    """Return the state of the database for the health check. Raises DatabaseError."""
    whole = select(runs.c.finished_at, runs.c.seconds).where(runs.c.state == "done", OF_ALL_DUE)
    done = whole.order_by(runs.c.started_at.desc()).limit(LATEST_RUNS)
    read = (tenants.c.has_profile, tenants.c.enabled, tenants.c.problem.is_not(None))
    failing = select(tenants).where(*read).order_by(tenants.c.name)
    gone = (tenants.c.has_profile, tenants.c.enabled, tenants.c.missing_since.is_not(None))
    vanished = select(tenants).where(*gone).order_by(tenants.c.name)
    with transaction(engine) as connection:
        problem = schema_problem(connection)
        finished = [(run.finished_at, run.seconds or 0.0) for run in connection.execute(done)]
        failing_tenants = [
            FailingTenant(row.name, row.failing_since, Problem.from_json(row.problem))
            for row in connection.execute(failing)
        ]
        missing = {row.name: row.missing_since for row in connection.execute(vanished)}
        backups, own_minutes = latest_in(connection), minutes_in_use(connection)
    return HealthReading(problem, finished, failing_tenants, missing, backups, own_minutes)


def stored_schema_problem(engine: Engine) -> Problem | None:
    """Return why this program does not work with the tables of the database; None if it does. Raises DatabaseError."""
    with transaction(engine) as connection:
        return schema_problem(connection)


def need_fitting_schema(engine: Engine) -> None:
    """Raise OtherSchema if the tables have got another version since they were opened, with which we do not work."""
    if (problem := stored_schema_problem(engine)) is not None:
        raise OtherSchema(problem)
