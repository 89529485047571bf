"""A refresh of many tenants by two worker processes: time, memory of a process, load and size of the database.

`python -m benchmarks many --tenants 100000 --minutes 60`. It takes a minute for each thousand tenants and more, so it
runs only when it is named. Each phase is printed as it ends, and how far a refresh is every half minute, so that a run
cut short has told something; one that takes too long ends in order.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url, text

from benchmarks.result import Figure, Goal
from benchmarks.workers import Asking, asking, cpu_seconds, workers
from core.cache.run_rows import open_runs
from core.refresh.refresher import Refresher
from core.refresh.run_stop import Stopped
from core.roles import command_actor
from core.runtime import refresher_of

PROCESSES, THREADS = 2, 16
TENANTS, MINUTES = 10_000, 30.0
SAY_EVERY = 30.0  # seconds
COUNTERS = (
    "SELECT xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows_written,"
    " tup_returned + tup_fetched AS rows_read, pg_database_size(current_database()) AS bytes"
    " FROM pg_stat_database WHERE datname = current_database()"
)
UNITS = {"commits": "", "rows_written": "", "rows_read": "", "bytes": "B"}
READY = "SELECT count(*) FROM procrastinate_workers"


@dataclass(slots=True)
class ManyBenchmark:
    """The first refresh fetches tokens and subscriptions and stores everything; the second finds nothing new."""

    tenants: int
    minutes: float = MINUTES
    figures: list[Figure] = field(default_factory=list)

    def run(self) -> list[Figure]:
        """Return what was measured until the time was over."""
        ends_at, began = time.monotonic() + self.minutes * 60, time.perf_counter()
        with asking(self.tenants) as here, workers(here, PROCESSES, threads=THREADS) as processes:
            _wait_until(lambda: _number(here.services.engine, READY) == PROCESSES)
            self._add(f"set-up of {self.tenants} tenants: simulator, profiles, database", time.perf_counter() - began)
            for which in ("first", "quiet"):
                if not self._measure(which, here, processes, ends_at):
                    break
        return self.figures

    def _measure(self, which: str, here: Asking, processes: list[int], ends_at: float) -> bool:
        """Return False if the refresh was not over in time."""
        engine, others = here.services.engine, {"simulator": here.world.pid, "PostgreSQL": _server(here)}
        before, busy = _counters(engine), sum(map(cpu_seconds, processes))
        busy_others = {name: _cpu_of_all(pid) for name, pid in others.items()}
        began = time.perf_counter()
        summary = self._refresh(refresher_of(here.services), here, processes, ends_at)
        seconds = time.perf_counter() - began
        done = summary["ok"] if summary else sum(run.done for run in open_runs(engine))
        if summary and done != self.tenants:
            raise RuntimeError(f"The refresh failed: {summary['failed'][:3]}")
        time.sleep(2)  # PostgreSQL counts with a delay
        used = {"the workers": sum(map(cpu_seconds, processes)) - busy}
        used |= {name: _cpu_of_all(pid) - busy_others[name] for name, pid in others.items()}
        each = ", ".join(f"{spent / max(done, 1) * 1000:.1f} ms in {name}" for name, spent in used.items())
        what = f"{which} refresh of {self.tenants} tenants by {PROCESSES} processes of {THREADS} threads"
        what += "" if summary else f", CUT SHORT after {done}"
        self._add(what, seconds, note=f"{done / seconds:.0f} tenants a second; processor for each: {each}")
        self._add(f"{which}: memory of a worker, at most", max(_memory(pid, "VmHWM") for pid in processes), "B")
        after = _counters(engine)
        for name, unit in UNITS.items():
            value = after[name] if name == "bytes" else after[name] - before[name]
            self._add(f"{which}: database, {name.replace('_', ' ')}", value, unit)
        return summary is not None

    def _refresh(
        self, refresher: Refresher, here: Asking, processes: Sequence[int], ends_at: float
    ) -> dict[str, Any] | None:
        """Return the summary of a refresh; None if it is not over at `ends_at` (monotonic)."""
        results: list[dict[str, Any] | BaseException] = []

        def run() -> None:
            try:
                results.append(refresher.run(command_actor(), read_only=True))
            except BaseException as error:  # noqa: BLE001 - raised below
                results.append(error)

        thread, began = threading.Thread(target=run, daemon=True), time.perf_counter()
        thread.start()
        while thread.is_alive() and time.monotonic() < ends_at:
            thread.join(min(SAY_EVERY, max(0.1, ends_at - time.monotonic())))
            if thread.is_alive():
                _say(_progress(here.services.engine, processes, time.perf_counter() - began))
        if thread.is_alive():
            here.services.ending.set()
            thread.join()
        result = results[0]
        if isinstance(result, BaseException) and not isinstance(result, Stopped):
            raise result
        return None if isinstance(result, BaseException) else result

    def _add(self, what: str, value: float, unit: str = "s", note: str = "") -> None:
        self.figures.append(Figure(what, Goal(), [value], unit=unit, note=note))
        _say(f"{what}: {value:,.0f} {unit}".rstrip() + (f"; {note}" if note else ""))


def _progress(engine: Engine, processes: Sequence[int], seconds: float) -> str:
    run = next(iter(open_runs(engine)), None)
    memory = ", ".join(f"{_memory(pid, 'VmRSS') / 1e6:.0f}" for pid in processes)
    done = f"{run.step or run.state} {run.done} of {run.total}" if run else "ending"
    return f"  after {seconds:.0f} s: {done}; workers {memory} MB; load {os.getloadavg()[0]:.1f}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _counters(engine: Engine) -> dict[str, float]:
    with engine.connect() as connection:
        return {name: float(value) for name, value in connection.execute(text(COUNTERS)).mappings().one().items()}


def _number(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def _wait_until(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError("The workers did not start.")
        time.sleep(0.2)


def _server(here: Asking) -> int:
    """Return the id of the first process of the PostgreSQL server, which has a socket in its own folder."""
    folder = Path(str(make_url(here.services.settings.database_url).query["host"]))
    return int((folder / "data" / "postmaster.pid").read_text("ascii").split()[0])


def _cpu_of_all(pid: int) -> float:
    """Return the seconds of processor of a process and of its children, also of those that have ended (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return own + sum(map(cpu_seconds, map(int, children)))


def _memory(pid: int, which: str) -> float:
    """Return the resident memory of the process in bytes: VmRSS now, VmHWM the most so far (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(which))) * 1024


def run(*, quick: bool = False, tenants: int = 0, minutes: float = 0) -> list[Figure]:
    return ManyBenchmark(tenants or (500 if quick else TENANTS), minutes or MINUTES).run()
