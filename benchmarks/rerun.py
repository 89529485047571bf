"""A rerun of the page *Alle Tenants* (8,000 rows) compared with that of an empty page, each in its own server."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.browser_tab import Tab
from benchmarks.cloud import ROOT, cloud
from benchmarks.product import product
from benchmarks.product_server import served
from benchmarks.result import Figure, Goal, Times

PAGE = "alle-tenants"
SEARCH = "filter_q"
EMPTY = "import streamlit as st\n"


@dataclass(slots=True)
class RerunBenchmark:
    """Runs both servers at the same time, with one tab in each; the reruns of the two alternate."""

    tenants: int = 1000
    rounds: int = 60
    times: Times = field(default_factory=Times)
    bytes: dict[str, list[int]] = field(default_factory=dict)

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
            folder = Path(temporary)
            self._fill(folder)
            script = folder / "empty" / "empty.py"
            script.parent.mkdir()
            script.write_text(EMPTY)
            with (
                served(folder, ROOT / "dashboard.py") as ours,
                served(script.parent, script) as empty,
                Tab(ours, PAGE) as page,
                Tab(empty) as floor,
            ):
                self._measure(page, floor)
        return self._figures()

    def _fill(self, folder: Path) -> None:
        with cloud(folder / "world", self.tenants, latency=0) as world, product(world, folder / "data") as ours:
            ours.refresh()

    def _measure(self, page: Tab, floor: Tab) -> None:
        floor.rerun()
        self._run("opened", page)
        if not page.has("bidi_component"):
            raise RuntimeError("The page shows no table.")
        for _ in range(self.rounds):
            self.times.measure("empty", floor.rerun)
            self._run("unchanged", page)
        for number in range(self.rounds):
            page.type(SEARCH, f"tenant 0{number:02}")
            self.times.measure("empty at search", floor.rerun)
            self._run("search", page)

    def _run(self, name: str, page: Tab) -> None:
        self.times.measure(name, page.rerun)
        self.bytes.setdefault(name, []).append(page.received)

    def _figures(self) -> list[Figure]:
        what = f"Alle Tenants, {self.tenants * 8:,} rows"
        return [
            self._figure(f"{what}: rerun, nothing changed", "unchanged", "empty"),
            self._figure(f"{what}: rerun after typing a search", "search", "empty at search"),
            self._figure(f"{what}: first run of a tab", "opened", ""),
        ]

    def _figure(self, what: str, name: str, base: str) -> Figure:
        ours = [seconds * 1000 for seconds in self.times[name]]
        floor = [seconds * 1000 for seconds in self.times[base]] if base else []
        note = f"{statistics.median(self.bytes[name]) / 1024:.0f} KB over the wire"
        return Figure(what, Goal(), ours, floor, "empty page" if base else "", unit="ms", note=note)


def run(*, quick: bool = False) -> list[Figure]:
    return (RerunBenchmark(rounds=10) if quick else RerunBenchmark()).run()
