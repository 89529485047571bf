"""500 refreshes, each with writes: open files, threads and memory must not grow after the first 50."""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.cloud import Cloud, cloud
from benchmarks.memory import resident
from benchmarks.product import Product, product
from benchmarks.result import Figure, Goal

SAMPLES = 10  # evenly distributed over the refreshes
GROWTH = Goal("at most", 1.05)


class Sample(NamedTuple):
    """Open files, threads and memory (MB) of the process after so many refreshes."""

    refreshes: int
    files: int
    threads: int
    memory: float


@dataclass(slots=True)
class SoakBenchmark:
    refreshes: int = 500
    tenants: int = 20
    samples: list[Sample] = field(default_factory=list)

    def run(self) -> list[Figure]:
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
            cloud(Path(folder) / "world", self.tenants, latency=0.0) as world,
            product(world, Path(folder) / "data") as ours,
        ):
            ours.refresh()
            names = [tenant["name"] for tenant in world.control("tenants")["tenants"]]
            part = next(iter(world.control("skus", tenant=names[0])))
            for number in range(1, self.refreshes + 1):
                _refresh_with_changes(ours, world, names, part, number)
                if number % (self.refreshes // SAMPLES) == 0:
                    files = len(os.listdir("/proc/self/fd"))
                    self.samples.append(Sample(number, files, threading.active_count(), resident()))
        return [self._figure("files"), self._figure("threads"), self._figure("memory", "MB")]

    def _figure(self, name: str, unit: str = "") -> Figure:
        values = [float(getattr(sample, name)) for sample in self.samples]
        first, last = self.samples[0].refreshes, self.samples[-1].refreshes
        note = ", ".join(f"{one.refreshes}: {value:.0f}" for one, value in zip(self.samples, values, strict=True))
        title = f"{name} after {last} refreshes"
        return Figure(title, GROWTH, values[-1:], values[:1], f"after {first}", unit, note)


def _refresh_with_changes(ours: Product, world: Cloud, names: list[str], part: str, number: int) -> None:
    """Change the used seats of every tenant, then refresh: an item of each tenant is written, and some triggers."""
    for name in names:
        world.control("set_sku", tenant=name, part_number=part, enabled=10, consumed=8 + number % 3)
    world.control("flow", run=True)
    summary = ours.refresh()
    if summary["sharepoint"]["updated"] < len(names):
        raise RuntimeError(f"The refresh was to write an item of each tenant: {summary}")


def run(*, quick: bool = False) -> list[Figure]:
    return (SoakBenchmark(refreshes=60, tenants=5) if quick else SoakBenchmark()).run()
