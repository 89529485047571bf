"""A refresh of many tenants by two worker processes: time, memory of a process, load and size of the database.

It takes ten minutes and more for 10,000 tenants, so it runs only when it is named.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.result import Figure, Goal
from benchmarks.workers import asking, cpu_seconds, workers
from core.refresh.refresher import Refresher
from core.roles import command_actor
from core.runtime import refresher_of

PROCESSES, THREADS = 2, 16
COUNTERS = (
    "SELECT xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows_written,"
    " tup_returned + tup_fetched AS rows_read, pg_database_size(current_database()) AS bytes"
    " FROM pg_stat_database WHERE datname = current_database()"
)
UNITS = {"commits": "", "rows_written": "", "rows_read": "", "bytes": "B"}


class ManyBenchmark:
    """The first refresh fetches tokens and subscriptions and stores everything; the second finds nothing new."""

    def __init__(self, tenants: int) -> None:
        self.tenants = tenants
        self.figures: list[Figure] = []

    def run(self) -> list[Figure]:
        with asking(self.tenants) as here, workers(here, PROCESSES, threads=THREADS) as processes:
            for which in ("first", "quiet"):
                self._measure(which, refresher_of(here.services), here.services.engine, processes)
        return self.figures

    def _measure(self, which: str, refresher: Refresher, engine: Engine, processes: list[int]) -> None:
        before, busy, began = _counters(engine), sum(map(cpu_seconds, processes)), time.perf_counter()
        summary = refresher.run(command_actor(), read_only=True)
        seconds = time.perf_counter() - began
        if summary["ok"] != self.tenants:
            raise RuntimeError(f"The refresh failed: {summary['failed'][:3]}")
        time.sleep(2)  # PostgreSQL counts with a delay
        what = f"{which} refresh of {self.tenants} tenants by {PROCESSES} processes of {THREADS} threads"
        used = (sum(map(cpu_seconds, processes)) - busy) / self.tenants * 1000
        self._add(f"{what}", seconds, note=f"{used:.1f} ms of processor for each tenant in the workers")
        self._add(f"{which}: memory of a worker", max(map(_peak_bytes, processes)), "B")
        after = _counters(engine)
        for name, unit in UNITS.items():
            value = after[name] if name == "bytes" else after[name] - before[name]
            self._add(f"{which}: database, {name.replace('_', ' ')}", value, unit)

    def _add(self, what: str, value: float, unit: str = "s", note: str = "") -> None:
        self.figures.append(Figure(what, Goal(), [value], unit=unit, note=note))


def _counters(engine: Engine) -> dict[str, float]:
    with engine.connect() as connection:
        return {name: float(value) for name, value in connection.execute(text(COUNTERS)).mappings().one().items()}


def _peak_bytes(pid: int) -> float:
    """Return the most memory that the process has had so far (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def run(*, quick: bool = False) -> list[Figure]:
    return ManyBenchmark(500 if quick else 10_000).run()
