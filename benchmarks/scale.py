"""Scale: a thousand tenants compared with a bare client, and ten thousand compared with a thousand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bare_clients import Loop
from benchmarks.bare_requests import Client, reads_of
from benchmarks.cloud import LATENCY, Cloud, cloud
from benchmarks.memory import measure
from benchmarks.product import WORKERS, Product, product
from benchmarks.result import Figure, Goal, Times

TIMES_MORE = 10
Size = dict[str, float]


@dataclass(slots=True)
class ScaleBenchmark:
    """Compares with the `aiohttp` client alone: with a thousand tenants the threads of `requests` are slower."""

    tenants: int = 1000
    cold_rounds: int = 3
    warm_rounds: int = 5
    workers: int = WORKERS
    times: Times = field(default_factory=Times)
    requests: list[float] = field(default_factory=list)

    def run(self) -> list[Figure]:
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
            cloud(Path(folder) / "world", self.tenants) as world,
            product(world, Path(folder) / "data", self.workers) as ours,
        ):
            ours.refresh()
            self._cold(world, ours)
            self._warm(world, ours)
        return self._figures()

    def _cold(self, world: Cloud, ours: Product) -> None:
        reads = reads_of(world)
        for number in range(self.cold_rounds):
            ours.restart()
            client = Loop(reads, self.workers)
            self.times.alternate(number, {"cold": ours.refresh_unchanged, "cold floor": client.read})
            client.close()

    def _warm(self, world: Cloud, ours: Product) -> None:
        client: Client = Loop(reads_of(world), self.workers)
        client.read()
        calls: dict[str, Callable[[], object]] = {"warm": lambda: self._counted(ours), "warm floor": client.read}
        for number in range(self.warm_rounds):
            self.times.alternate(number, calls)
        client.close()

    def _counted(self, ours: Product) -> None:
        self.requests.append(ours.refresh_unchanged()["requests"] / self.tenants)

    def _figures(self) -> list[Figure]:
        what, times = f"Refresh of {self.tenants:,} tenants x 8 SKUs, {LATENCY * 1000:.0f} ms", self.times
        lists = "one request per tenant; the rest are the lists, by delta"
        floor = f"aiohttp, {self.workers} connections"
        return [
            Figure(f"{what}: tokens at hand", Goal("at most", 1.3), times["warm"], times["warm floor"], floor),
            Figure(f"{what}: restarted, no token", Goal("at most", 2.0), times["cold"], times["cold floor"], floor),
            Figure(f"{what}: requests per tenant", Goal("at most", 1.05), self.requests, unit="", note=lists),
        ]


@dataclass(slots=True)
class GrowthBenchmark:
    """Measures time and memory with `tenants` and with ten times as many, each in a process of its own."""

    tenants: int = 1000
    workers: int = WORKERS
    latency: float = LATENCY

    def run(self) -> list[Figure]:
        """Measure the small size before and after the large one: other load on the machine then shows in the spread."""
        before = self._one(self.tenants)
        large = self._one(self.tenants * TIMES_MORE)
        after = self._one(self.tenants)
        return [
            self._ratio("tokens at hand", "warm", large, [before, after]),
            self._ratio("first run, no latency", "first", large, [before, after]),
            self._memory(large, [before, after]),
        ]

    @property
    def _what(self) -> str:
        return f"{self.tenants * TIMES_MORE:,} tenants against {self.tenants:,}"

    def _ratio(self, what: str, name: str, large: Size, small: list[Size]) -> Figure:
        times = [large[name]] * len(small), [size[name] for size in small]
        return Figure(f"{self._what}: {what}", Goal("at most", 11), *times, f"{self.tenants:,} tenants")

    def _memory(self, large: Size, small: list[Size]) -> Figure:
        more = (TIMES_MORE - 1) * self.tenants
        growth = [(large["after"] - size["after"]) * 1024 / more for size in small]
        sizes = f"{small[0]['idle']:.0f} MB idle, {small[0]['after']:.0f} and {large['after']:.0f} MB"
        note = f"{sizes} after three refreshes"
        return Figure(f"{self._what}: memory per tenant", Goal("at most", 30), growth, unit="KB", note=note)

    def _one(self, tenants: int) -> Size:
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
            cloud(Path(folder) / "world", tenants, latency=0) as world,
        ):
            return measure(world, Path(folder) / "data", self.workers, self.latency)


def run(*, quick: bool = False) -> list[Figure]:
    if quick:
        return ScaleBenchmark(cold_rounds=1, warm_rounds=2).run()
    return [*ScaleBenchmark().run(), *GrowthBenchmark().run()]
