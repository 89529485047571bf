"""A full refresh of 100 tenants with 8 SKUs each, compared with the naive program and with bare clients."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bare_clients import Loop, Threads
from benchmarks.bare_requests import Client, Reads, reads_of
from benchmarks.cloud import LATENCY, Cloud, cloud
from benchmarks.older_tool import OlderTool
from benchmarks.product import WORKERS, Product, product
from benchmarks.result import Figure, Goal, Times

BARE: dict[str, Callable[[Reads, int], Client]] = {"requests in threads": Threads, "aiohttp": Loop}


@dataclass(slots=True)
class RefreshBenchmark:
    """The naive program refreshes `naive_tenants` of the tenants; its time is multiplied up to all of them."""

    tenants: int = 100
    naive_tenants: int = 4
    rounds: int = 3
    warm_rounds: int = 5
    times: Times = field(default_factory=Times)

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            for number in range(self.rounds):
                self._round(number, Path(folder) / str(number))
        return self._figures()

    def _round(self, number: int, folder: Path) -> None:
        """Measure with new simulators and a new database, so that the first refresh finds empty lists."""
        with cloud(folder / "naive", self.tenants) as empty:
            older = OlderTool(empty)
            self.times.measure("naive first", lambda: older.refresh(self.naive_tenants))
        with cloud(folder / "world", self.tenants) as world, product(world, folder / "data") as ours:
            self.times.measure("first", ours.refresh)
            self._cold(number, world, ours)
            self._warm(world, ours)
            older = OlderTool(world)
            self.times.measure("naive unchanged", lambda: older.refresh(self.naive_tenants))

    def _cold(self, number: int, world: Cloud, ours: Product) -> None:
        ours.restart()
        reads = reads_of(world)
        calls: dict[str, Callable[[], object]] = {"cold": ours.refresh_unchanged}
        clients = {name: kind(reads, WORKERS) for name, kind in BARE.items()}
        self.times.alternate(number, calls | {f"cold {name}": client.read for name, client in clients.items()})
        close(clients)

    def _warm(self, world: Cloud, ours: Product) -> None:
        clients = warm_clients(reads_of(world), WORKERS)
        calls: dict[str, Callable[[], object]] = {"warm": ours.refresh_unchanged}
        for number in range(self.warm_rounds):
            self.times.alternate(number, calls | {f"warm {name}": client.read for name, client in clients.items()})
        close(clients)

    def _figures(self) -> list[Figure]:
        times, scale = self.times, self.tenants / self.naive_tenants
        what = f"Refresh of {self.tenants} tenants x 8 SKUs, {LATENCY * 1000:.0f} ms"
        scaled = f"naive way measured on {self.naive_tenants} tenants, times {scale:g}"
        first = [seconds * scale for seconds in times["naive first"]]
        unchanged = [seconds * scale for seconds in times["naive unchanged"]]
        step = self.warm_rounds
        warm = [sorted(times["warm"][start : start + step])[step // 2] for start in range(0, step * self.rounds, step)]
        figures = [
            Figure(
                f"{what}: first run, empty lists", Goal("at least", 40), times["first"], first, "naive", note=scaled
            ),
            Figure(f"{what}: nothing changed", Goal("at least", 80), warm, unchanged, "naive", note=scaled),
        ]
        for kind, goal in (("cold", "restarted, no token"), ("warm", "tokens at hand")):
            floor = times.fastest([f"{kind} {name}" for name in BARE])
            name = floor.removeprefix(f"{kind} ")
            figures.append(Figure(f"{what}: {goal}", Goal("at most", 1.5), times[kind], times[floor], name))
        return figures


def warm_clients(reads: Reads, connections: int) -> dict[str, Client]:
    """Return bare clients that already have their tokens and connections."""
    clients: dict[str, Client] = {name: kind(reads, connections) for name, kind in BARE.items()}
    for client in clients.values():
        client.read()
    return clients


def close(clients: dict[str, Client]) -> None:
    for client in clients.values():
        client.close()


def run(*, quick: bool = False) -> list[Figure]:
    benchmark = RefreshBenchmark(rounds=1, warm_rounds=3, naive_tenants=2) if quick else RefreshBenchmark()
    return benchmark.run()
