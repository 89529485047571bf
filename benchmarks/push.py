"""The first full push of 8,000 items into an empty licence list, without a limit and with SharePoint's limit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cloud import Cloud, cloud
from benchmarks.product import Product, product
from benchmarks.result import Figure, Goal, Times

SKUS = 8  # per tenant
UNITS = 2  # resource units of a write


@dataclass(slots=True)
class PushBenchmark:
    """Pushes with and without a limit of `budget` units per `window` seconds: SharePoint's minute, shortened."""

    tenants: int = 1000
    budget: int = 1200
    window: float = 3.0
    times: Times = field(default_factory=Times)
    floor: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)

    def run(self) -> list[Figure]:
        self._one("free", None)
        self._one("throttled", self.budget)
        return self._figures()

    def _one(self, name: str, budget: int | None) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
            cloud(Path(folder) / "world", self.tenants) as world,
            product(world, Path(folder) / "data") as ours,
        ):
            ours.refresh(read_only=True)
            world.control("throttle", value=budget, window=self.window)
            world.control("reset_requests")
            summary = self.times.measure(name, lambda: self._push(ours))
            self._note(name, world, summary)

    def _push(self, ours: Product) -> dict[str, Any]:
        """Refresh one tenant, which writes the items of all; return the summary."""
        summary = ours.refresh(only_one=True)
        if summary["sharepoint"]["created"] != self.tenants * SKUS or "remaining" in summary["sharepoint"]:
            raise RuntimeError(f"The push is not complete: {summary}")
        return summary

    def _note(self, name: str, world: Cloud, summary: dict[str, Any]) -> None:
        refused = world.control("throttle", value=None)["refused"]
        rows = world.control("requests", rows=True)["rows"]
        writes = sum(
            method in ("POST", "PATCH") and "/items" in path and status < 300 for method, path, _, status in rows
        )
        self.floor = writes * UNITS / self.budget * self.window
        self.notes[name] = f"{writes:,} writes, {refused} of them refused, {summary['requests']:,} requests"

    def _figures(self) -> list[Figure]:
        what = f"First push of {self.tenants * SKUS:,} items"
        limit = f"{self.budget:,} units per {self.window:g} s"
        return [
            Figure(what, Goal(), self.times["free"], note=self.notes["free"]),
            Figure(
                f"{what}: {limit}",
                Goal("at most", 1.25),
                self.times["throttled"],
                [self.floor],
                "units / budget",
                note=self.notes["throttled"],
            ),
        ]


def run(*, quick: bool = False) -> list[Figure]:
    return (PushBenchmark(tenants=200) if quick else PushBenchmark()).run()
