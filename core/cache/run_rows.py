"""Table of refresh runs, which is also their queue: request, progress, end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from core.cache.schema import runs
from core.cache.sql import increase_version, lock_for_writing, share_before, transaction

READ_ONLY = "read-only"  # the source of a run that leaves SharePoint as it is
PUSH = "sharepoint"  # the last step of a run: everything read is stored, the lists are being written
OPEN = runs.c.finished_at.is_(None)
RUNNING = runs.c.state == "running"
LONGEST_SCOPE = 5_000  # characters; a regular refresh that leaves tenants out names all others, day after day
AT_MOST = timedelta(days=7)  # of old runs that are deleted at once
LEAST = timedelta(microseconds=1)  # between two runs

# Statements of every refresh; to build one takes four times as long as to execute it.
_CHANGE = update(runs).where(runs.c.run_id == bindparam("this_run"))
_END = _CHANGE.values(
    scope=case(
        (and_(runs.c.source == "schedule", func.length(cast(runs.c.scope, Text)) > LONGEST_SCOPE), literal([], JSON)),
        else_=runs.c.scope,
    )
)
_INTERRUPT = update(runs).where(OPEN, RUNNING).values(state="interrupted")
_GIVE_WAY = update(runs).where(OPEN, RUNNING, runs.c.step == PUSH).values(give_way=True)
_INSERT = insert(runs)
_OPEN_RUNS = select(runs).where(OPEN).order_by(runs.c.requested_at)
_ONE_RUN = select(runs).where(runs.c.run_id == bindparam("this_run"))
_ASKED_TO_GIVE_WAY = select(runs.c.give_way).where(runs.c.run_id == bindparam("this_run"))
_AHEAD = runs.c.started_at > bindparam("now")
_NEWEST_AHEAD = select(func.max(runs.c.started_at)).where(_AHEAD)
_TIMES_AHEAD = select(runs.c.run_id, runs.c.started_at, runs.c.finished_at).where(_AHEAD)


@dataclass(frozen=True, slots=True)
class Run:
    """One refresh. `scope` holds tenant names, empty = all (or, of a regular refresh that has ended,
    all whose turn it was); `summary` is what `sync --json` prints.

    `state` is waiting, running, done, failed or interrupted; `started_at` is None while the run waits. `account` is
    the account that requested the run, `requested_by` its name for people. With `take_over` present shortages are
    marked as reported without a message; with `give_way` the run must end its push early.
    `traceparent` is the trace that it continues (`core.tracing`).
    """

    run_id: str
    source: str
    requested_by: str
    scope: Sequence[str]
    started_at: datetime | None
    finished_at: datetime | None
    state: str
    step: str
    done: int
    total: int
    seconds: float | None
    summary: dict[str, Any] | None
    requested_at: datetime
    request_id: str = ""
    account: str = ""
    take_over: bool = False
    give_way: bool = False
    traceparent: str = ""

    @property
    def waiting(self) -> bool:
        return self.state == "waiting"

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def is_open(self) -> bool:
        """Return True while the run waits or runs."""
        return self.finished_at is None

    @property
    def pushing(self) -> bool:
        """Return True if the run has read all its tenants and is writing the lists."""
        return self.running and self.step == PUSH

    @property
    def read_only(self) -> bool:
        return self.source == READ_ONLY


def new_run_id() -> str:
    return uuid4().hex[:12]


def waiting_run(
    source: str,
    requested_by: str,
    scope: Sequence[str],
    at: datetime,
    *,
    request_id: str = "",
    account: str = "",
    take_over: bool = False,
    traceparent: str = "",
) -> Run:
    """Return a new run, requested at `at`, that is not stored yet."""
    return Run(
        new_run_id(), source, requested_by, list(scope), None, None, "waiting", "", 0, 0, None, None, at,
        request_id, account[:100], take_over, traceparent=traceparent,
    )  # fmt: skip


def join_or_wait(engine: Engine, wanted: Run, covers: Callable[[Run, Run], bool]) -> Run:
    """Return the open run that `covers` the wanted one; else store `wanted` at the end of the queue and return it.

    If `wanted` will write the lists, too, the push of the running refresh is told to give way (`give_way`).
    """
    with transaction(engine) as connection:
        lock_for_writing(connection, runs)
        queue = _open_runs(connection)
        chosen = next((run for run in queue if covers(run, wanted)), None)
        if chosen is None:
            # Later than all others, also if the clock was set back or differs from that of another machine.
            at = max([wanted.requested_at, *(run.requested_at + LEAST for run in queue if run.waiting)])
            chosen = replace(wanted, requested_at=at)
            values = {name: value for name, value in asdict(chosen).items() if value is not None}
            connection.execute(_INSERT, values)
        if chosen.waiting and not wanted.read_only:
            connection.execute(_GIVE_WAY)
    return chosen


def begin_next(engine: Engine, at: datetime) -> Run | None:
    """Change the oldest waiting run to "running" and return it; None if no run waits.

    Only for the owner of the refresh lock: other runs in the state "running" have lost their process and are closed.
    """
    with transaction(engine) as connection:
        connection.execute(_INTERRUPT, {"finished_at": at})
        first = next((run for run in _open_runs(connection) if run.waiting), None)
        if first is None:
            return None
        _set_right(connection, at)
        connection.execute(_CHANGE, {"this_run": first.run_id, "state": "running", "started_at": at})
    return replace(first, state="running", started_at=at)


def close_lost(engine: Engine, run_ids: Collection[str], at: datetime) -> None:
    """Close those of these runs that are still in the state "running"; their process has died."""
    with transaction(engine) as connection:
        connection.execute(_INTERRUPT.where(runs.c.run_id.in_(run_ids)), {"finished_at": at})


def _set_right(connection: Connection, at: datetime) -> None:
    """Move runs that began after `at`, the present time, into the past; order and distances stay.

    Their times come from a clock that was set back later. Unchanged, they would count as the latest runs until the
    clock reaches their times.
    """
    newest = connection.execute(_NEWEST_AHEAD, {"now": at}).scalar()
    if newest is None:
        return
    shift = newest - at + LEAST
    for run_id, started_at, finished_at in connection.execute(_TIMES_AHEAD, {"now": at}).all():
        times = {"started_at": started_at - shift, "finished_at": finished_at and min(finished_at - shift, at)}
        connection.execute(_CHANGE, {"this_run": run_id, **times})


def save_progress(engine: Engine, run_id: str, step: str, done: int, total: int) -> None:
    with transaction(engine) as connection:
        connection.execute(_CHANGE, {"this_run": run_id, "step": step, "done": done, "total": total})


def asked_to_give_way(engine: Engine, run_id: str) -> bool:
    """Return True if the run must end its push early."""
    with transaction(engine) as connection:
        return bool(connection.execute(_ASKED_TO_GIVE_WAY, {"this_run": run_id}).scalar())


def show_new_figures(engine: Engine) -> None:
    """Increase the version of the data, so that pages show what a run has read while it still writes the lists."""
    with transaction(engine) as connection:
        increase_version(connection)


def finish_run(
    engine: Engine, run_id: str, state: str, summary: dict[str, Any] | None, seconds: float, at: datetime
) -> None:
    """Store the end of the run and increase the version of the data, so that pages read it again.

    A regular refresh forgets the names of its tenants if they are many.
    """
    end = {"state": state, "summary": summary, "seconds": seconds, "finished_at": at, "step": ""}
    with transaction(engine) as connection:
        connection.execute(_END, {"this_run": run_id, **end})
        increase_version(connection)


def delete_runs(connection: Connection, before: datetime) -> int:
    """Delete the runs that ended before `before`, but never the latest one; return how many.

    Only those of the oldest AT_MOST go at once, so that a wrong clock empties nothing.
    """
    bounded = share_before(connection, runs.c.finished_at, before, AT_MOST)
    if bounded is None:
        return 0
    latest = select(runs.c.run_id).where(runs.c.started_at.is_not(None)).order_by(runs.c.started_at.desc()).limit(1)
    old = delete(runs).where(runs.c.finished_at < bounded, runs.c.run_id.not_in(latest.scalar_subquery()))
    return connection.execute(old).rowcount


def run(engine: Engine, run_id: str) -> Run | None:
    """Return the run with this id, None if there is none."""
    with transaction(engine) as connection:
        row = connection.execute(_ONE_RUN, {"this_run": run_id}).mappings().first()
    return Run(**row) if row else None


def open_runs(engine: Engine) -> list[Run]:
    """Return the runs that wait or run, in the order of their requests."""
    with transaction(engine) as connection:
        return _open_runs(connection)


def _open_runs(connection: Connection) -> list[Run]:
    rows = connection.execute(_OPEN_RUNS).mappings()
    return [Run(**row) for row in rows]


def latest_run(engine: Engine) -> Run | None:
    """Return the running run, whatever its time (the clock may have been set back); else the one that began last."""
    began_last = select(runs).where(runs.c.started_at.is_not(None)).order_by(runs.c.started_at.desc()).limit(1)
    with transaction(engine) as connection:
        running = next((run for run in _open_runs(connection) if run.running), None)
        row = None if running else connection.execute(began_last).mappings().first()
    return Run(**row) if row else running
