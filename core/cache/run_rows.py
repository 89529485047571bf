"""Refresh runs: who started them, how far they are, how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select, update

from core.cache.schema import runs
from core.cache.sql import increase_version, transaction


@dataclass(frozen=True, slots=True)
class Run:
    """One refresh. `scope` holds tenant names, empty = all; `summary` is what `sync --json` prints."""

    run_id: str
    source: str
    requested_by: str
    scope: list[str]
    started_at: datetime
    finished_at: datetime | None
    state: str
    step: str
    done: int
    total: int
    seconds: float | None
    summary: dict[str, Any] | None
    request_id: str = ""

    @property
    def running(self) -> bool:
        return self.state == "running"


def new_run_id() -> str:
    return uuid4().hex[:12]


def start_run(
    engine: Engine,
    source: str,
    requested_by: str,
    scope: Sequence[str],
    at: datetime,
    *,
    run_id: str = "",
    request_id: str = "",
) -> str:
    """A new running run; runs that still say "running" have lost their process and are closed.

    `request_id` is that of the click or call that asked for it.
    """
    run_id = run_id or new_run_id()
    with transaction(engine) as connection:
        connection.execute(update(runs).where(runs.c.state == "running").values(state="interrupted", finished_at=at))
        _set_right(connection, at)
        connection.execute(
            insert(runs).values(
                run_id=run_id,
                source=source,
                requested_by=requested_by,
                scope=list(scope),
                started_at=at,
                state="running",
                request_id=request_id,
            )
        )
    return run_id


def _set_right(connection: Connection, at: datetime) -> None:
    """Move runs that began later than `at`, the present, into the past; their order and spacing stay.

    They were written by a clock that has been set back since. Left alone they would pass for the latest runs until the
    clock has caught up with them.
    """
    ahead = runs.c.started_at > at
    newest = connection.execute(select(func.max(runs.c.started_at)).where(ahead)).scalar()
    if newest is None:
        return
    shift = newest - at + timedelta(microseconds=1)
    for run_id, started_at, finished_at in connection.execute(
        select(runs.c.run_id, runs.c.started_at, runs.c.finished_at).where(ahead)
    ).all():
        times = {"started_at": started_at - shift, "finished_at": finished_at and min(finished_at - shift, at)}
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(times))


def save_progress(engine: Engine, run_id: str, step: str, done: int, total: int) -> None:
    with transaction(engine) as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(step=step, done=done, total=total))


def tell_newer(engine: Engine) -> None:
    """Tell the pages of newer figures before the run that brought them is over."""
    with transaction(engine) as connection:
        increase_version(connection)


def finish_run(
    engine: Engine, run_id: str, state: str, summary: dict[str, Any] | None, seconds: float, at: datetime
) -> None:
    """Close the run and tell the pages that there are newer figures."""
    with transaction(engine) as connection:
        connection.execute(
            update(runs)
            .where(runs.c.run_id == run_id)
            .values(state=state, summary=summary, seconds=seconds, finished_at=at, step="")
        )
        increase_version(connection)


def run(engine: Engine, run_id: str) -> Run | None:
    return _first(engine, select(runs).where(runs.c.run_id == run_id))


def latest_run(engine: Engine) -> Run | None:
    """The running one, also when the clock was set back since an earlier one; else the one that began last."""
    running_first = (runs.c.state == "running").desc()
    return _first(engine, select(runs).order_by(running_first, runs.c.started_at.desc()).limit(1))


def _first(engine: Engine, statement: Any) -> Run | None:
    with transaction(engine) as connection:
        row = connection.execute(statement).mappings().first()
    return Run(**row) if row else None
