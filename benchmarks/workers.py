"""One, two and four worker processes on PostgreSQL read tenants that answer after 80 ms: how much of linear is it?"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cloud import ROOT, Cloud, cloud, end
from benchmarks.result import Figure, Goal
from core.cache.database import open_database
from core.refresh.refresher import Refresher
from core.refresh.services import Services, open_services
from core.roles import command_actor
from core.runtime import open_engine, refresher_of
from core.settings import Settings
from tests.postgres import postgres

COUNTS = (1, 2, 4)
THREADS = 4  # of each process: so few that it waits for answers and not for the processor
SHARE = 0.85  # of linear


class WorkersBenchmark:
    """Refreshes that write no list, by each number of processes in turn, so that other work hits all alike."""

    def __init__(self, tenants: int, rounds: int) -> None:
        self.tenants, self.rounds = tenants, rounds
        self.seconds: dict[int, list[float]] = {count: [] for count in COUNTS}
        self.busy: dict[int, list[float]] = {count: [] for count in COUNTS}

    def run(self) -> list[Figure]:
        with asking(self.tenants) as here:
            for _ in range(self.rounds):
                for count in COUNTS:
                    with workers(here, count) as processes:
                        self._measure(refresher_of(here.services), count, processes)
        return self._figures()

    def _measure(self, refresher: Refresher, count: int, processes: list[int]) -> None:
        for measured in (False, True):  # the first one fetches the tokens
            before, began = sum(map(cpu_seconds, processes)), time.perf_counter()
            summary = refresher.run(command_actor(), read_only=True)
            if summary["ok"] != self.tenants:
                raise RuntimeError(f"The refresh failed: {summary}")
            seconds = time.perf_counter() - began
            if measured:
                self.seconds[count].append(seconds)
                self.busy[count].append((sum(map(cpu_seconds, processes)) - before) / seconds)

    def _figures(self) -> list[Figure]:
        what = f"{self.tenants} tenants read by"
        one = self.seconds[1]
        figures = [Figure(f"{what} 1 process", Goal(), one, note=self._note(1))]
        for count in COUNTS[1:]:
            linear = [seconds / count for seconds in one]
            name = f"{what} {count} processes, share of linear"
            goal = Goal("at least", SHARE)
            figures.append(
                Figure(name, goal, self.seconds[count], linear, f"1 process / {count}", note=self._note(count))
            )
        return figures

    def _note(self, count: int) -> str:
        busy = sum(self.busy[count]) / len(self.busy[count])
        return f"{THREADS} threads each; the processes keep {busy:.2f} of {os.cpu_count()} cores busy"


@dataclass(frozen=True, slots=True)
class Asking:
    """What this process, which asks for refreshes and works at none, has in common with those that work."""

    folder: Path
    world: Cloud
    services: Services


@contextmanager
def asking(tenants: int) -> Iterator[Asking]:
    """Yield a cloud of so many tenants without lists, and the services of a web process on a PostgreSQL of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        world = stack.enter_context(cloud(folder / "world", tenants, sharepoint=False))
        url = stack.enter_context(postgres())
        open_database(url).dispose()
        settings = Settings(
            data_dir=folder / "data", database_url=url, role="web", profiles_dir=world.profiles_dir,
            login_url=world.url, graph_url=world.url, ca_bundle=world.ca_bundle, refresh_minutes=0,
        )  # fmt: skip
        services = open_services(open_engine(settings), settings)
        stack.callback(services.engine.dispose)
        stack.callback(services.close)
        yield Asking(folder, world, services)


@contextmanager
def workers(here: Asking, count: int, *, threads: int = THREADS) -> Iterator[list[int]]:
    """Run `count` worker processes during the block, and yield their ids."""
    settings, world, folder = here.services.settings, here.world, here.folder
    own = {
        "DATA_DIR": str(settings.data_dir), "LOG_DIR": str(folder / "logs"), "DATABASE_URL": settings.database_url,
        "PROFILES_DIR": str(settings.profiles_dir), "LOGIN_URL": world.url, "GRAPH_URL": world.url, "ROLE": "worker",
        "WORKERS": str(threads), "REFRESH_MINUTES": "0", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    environment = os.environ | {f"LIZENZTOOL_{name}": value for name, value in own.items()}
    environment |= {"REQUESTS_CA_BUNDLE": world.ca_bundle}
    command = [sys.executable, "-m", "core", "worker", "--concurrency", "2"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stderr=subprocess.DEVNULL) for _ in range(count)
    ]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            end(process)


def cpu_seconds(pid: int) -> float:
    """Return the seconds of processor that the process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(*, quick: bool = False) -> list[Figure]:
    return (WorkersBenchmark(100, 1) if quick else WorkersBenchmark(800, 2)).run()
