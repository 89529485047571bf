"""500 refreshes, each of which writes: open files, threads and memory must be what they were after the first 50."""

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

LOOKS = 10  # at what the process holds, in the same distance
GROWTH = Goal("at most", 1.05)


class Look(NamedTuple):
    """What the process holds after so many refreshes; memory in MB."""

    refreshes: int
    files: int
    threads: int
    memory: float


@dataclass(slots=True)
class SoakBenchmark:
    refreshes: int = 500
    tenants: int = 20
    looks: list[Look] = field(default_factory=list)

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
                if number % (self.refreshes // LOOKS) == 0:
                    files = len(os.listdir("/proc/self/fd"))
                    self.looks.append(Look(number, files, threading.active_count(), resident()))
        return [self._figure("files"), self._figure("threads"), self._figure("memory", "MB")]

    def _figure(self, name: str, unit: str = "") -> Figure:
        found = [float(getattr(look, name)) for look in self.looks]
        first, last = self.looks[0].refreshes, self.looks[-1].refreshes
        note = ", ".join(f"{look.refreshes}: {value:.0f}" for look, value in zip(self.looks, found, strict=True))
        title = f"{name} after {last} refreshes"
        return Figure(title, GROWTH, found[-1:], found[:1], f"after {first}", unit, note)


def _refresh_with_changes(ours: Product, world: Cloud, names: list[str], part: str, number: int) -> None:
    """Every tenant has another number of seats in use: an item of each is written, and some triggers."""
    for name in names:
        world.control("set_sku", tenant=name, part_number=part, enabled=10, consumed=8 + number % 3)
    world.control("flow", run=True)
    summary = ours.refresh()
    if summary["sharepoint"]["updated"] < len(names):
        raise RuntimeError(f"The refresh was to write an item of each tenant: {summary}")


def run(*, quick: bool = False) -> list[Figure]:
    return (SoakBenchmark(refreshes=60, tenants=5) if quick else SoakBenchmark()).run()
