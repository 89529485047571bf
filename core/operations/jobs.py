"""The door to the engine of jobs (Procrastinate on PostgreSQL), which passes hints to whatever process is free.

What is to be done is in our own tables, so a job may be lost or come twice. Loaded only where work is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from core.cache.database import DatabaseError
from core.cache.job_tables import connect_arguments, create_once, driver_connection
from core.cache.sql import Transaction, transaction
from core.problems import Problem, ProblemError
from core.refresh.shared_run import Step

if TYPE_CHECKING:
    from procrastinate import App

log = logging.getLogger(__name__)

# No run waits for the pieces of another one.
PRIORITIES: Mapping[Step, int] = {"advance": 1, "read": 0}
BEAT = 5.0  # seconds between two signs of life of a process
SILENT = 20.0  # seconds without one, after which other processes take its jobs over
PAUSE = 2.0  # seconds before a job that failed, or a process whose connection was lost, tries again
ATTEMPTS = 5  # of a job; later the sweep makes up for it


class EngineMissing(ProblemError):
    """The packages of the engine are not installed."""


def is_installed() -> bool:
    """Return True if the packages of the engine are installed; loads none."""
    return find_spec("procrastinate") is not None


def need_engine() -> None:
    """Raise EngineMissing, with what to install, if the engine is not there."""
    if not is_installed():
        raise EngineMissing(Problem("jobs.engine_missing", {"module": "procrastinate"}))


def apply_schema(engine: Engine) -> None:
    """Create the tables of the engine if they are missing. Raises DatabaseError."""
    from procrastinate.schema import SchemaManager

    create_once(engine, "procrastinate_jobs", SchemaManager.get_schema())


class JobHints:
    """Gives hints to the processes that work (`core.refresh.shared_run.Hint`). Safe for any thread."""

    def __init__(self, engine: Engine) -> None:
        from procrastinate import SyncPsycopgConnector

        self._engine = engine
        # Never opened: each hint is written on a connection of ours.
        self._app = app_with(SyncPsycopgConnector(), dict.fromkeys(PRIORITIES, _nothing))

    def __call__(self, step: Step, count: int = 1, connection: Transaction | None = None) -> None:
        """Give the hint `count` times, in the transaction of `connection`; else an error is left to the sweep."""
        if connection is not None:
            self._defer(step, count, connection)
            return
        try:
            with transaction(self._engine) as own:
                self._defer(step, count, own)
        except DatabaseError as error:
            log.warning("a hint could not be given: %s", error)

    def _defer(self, step: Step, count: int, connection: Transaction) -> None:
        if count:
            job = self._app.tasks[step].configure(connection=driver_connection(connection))
            job.batch_defer(*({} for _ in range(count)))


def app_with(connector: Any, calls: Mapping[Step, Callable[[], None]]) -> App:
    """Return the engine with these functions as its tasks; `connector` says where it keeps its jobs."""
    from procrastinate import App, RetryStrategy

    logging.getLogger("procrastinate").setLevel(logging.WARNING)  # two lines for each job else, in English
    app = App(connector=connector)
    for step, call in calls.items():
        retry = RetryStrategy(max_attempts=ATTEMPTS, wait=int(PAUSE))
        # Without a lock: a process that lost its connection at the end of a job would keep it for as long as it lives.
        app.task(name=step, priority=PRIORITIES[step], retry=retry)(call)
    return app


def _nothing() -> None:
    """Do nothing: a process that only gives hints never works them off."""


async def work(engine: Engine, calls: Mapping[Step, Callable[[], None]], concurrency: int, stop: asyncio.Event) -> None:
    """Work hints off, `concurrency` at a time, until `stop` is set and what has begun is over; survive the database."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency + 4, "job"))
    while not stop.is_set():
        try:
            await _work_until_lost(engine, calls, concurrency, stop)
        except Exception as error:  # noqa: BLE001 - whatever ends the engine, its rows are still there
            log.warning("the jobs cannot be worked off just now: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)


async def _work_until_lost(
    engine: Engine, calls: Mapping[Step, Callable[[], None]], concurrency: int, stop: asyncio.Event
) -> None:
    from procrastinate import PsycopgConnector

    connector = PsycopgConnector(
        kwargs=connect_arguments(engine), min_size=1, max_size=concurrency + 4, timeout=PAUSE * 5
    )
    app = app_with(connector, calls)
    async with app.open_async():
        worker = app.run_worker_async(
            concurrency=concurrency, delete_jobs="always", install_signal_handlers=False,
            update_heartbeat_interval=BEAT, stalled_worker_timeout=SILENT * 3,
        )  # fmt: skip
        tasks = {asyncio.create_task(one) for one in (worker, _take_over(app), stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()


async def _take_over(app: App) -> None:
    """Let the jobs of dead processes be done again."""
    await asyncio.sleep(SILENT)  # when the database was away, the signs of life of all processes are old
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT):
            log.warning("the job %s of a process that gives no sign of life is taken over", job.id)
            await app.job_manager.retry_job(job)
        await asyncio.sleep(BEAT)
