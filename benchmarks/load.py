"""Load: reruns of the page *Alle Tenants* (8,000 rows) during a refresh of all tenants, and with 100 sessions open."""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.browser_tab import Tab
from benchmarks.cloud import ROOT, cloud
from benchmarks.product import product
from benchmarks.product_server import Served, served, settings_for
from benchmarks.rerun import PAGE, SEARCH
from benchmarks.result import Figure, Goal
from core.cache.database import open_database
from core.cache.run_rows import latest_run

REFRESH_BUTTON = "refresh_refresh.button"
PAUSE = 0.05  # seconds between two reruns of the tab that waits for a refresh
IDLE_SECONDS = 5.0  # length of the measurement before each refresh
OPENED_A_SECOND = 10  # sessions; opening them is not measured


@dataclass(slots=True)
class LoadBenchmark:
    """Measures one server that also refreshes. The sessions click for `seconds`, about every `think` seconds each."""

    tenants: int = 1000
    rounds: int = 5
    sessions: int = 100
    think: float = 5.0
    seconds: float = 60.0
    seed: int = 7
    idle: list[float] = field(default_factory=list)
    refreshing: list[float] = field(default_factory=list)
    all_idle: list[float] = field(default_factory=list)
    all_refreshing: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
            folder = Path(temporary)
            with cloud(folder / "world", self.tenants) as world:
                with product(world, folder / "data") as ours:
                    ours.refresh()
                with served(folder, ROOT / "dashboard.py", world) as server:
                    self._while_refreshing(server, folder)
                    self._many_sessions(server)
        return self._figures()

    def _while_refreshing(self, server: Served, folder: Path) -> None:
        """Measure reruns of one tab before and during a refresh that another tab starts; note each round's median."""
        engine = open_database(settings_for(folder).database)
        with Tab(server, PAGE) as page, Tab(server, PAGE) as asker:
            page.rerun()
            asker.rerun()
            self._refresh(asker, engine, lambda: None)  # the first refresh fetches all tokens
            self.refreshes.clear()
            for _ in range(self.rounds):
                before = _timed_for(IDLE_SECONDS, page)
                during: list[float] = []
                self._refresh(asker, engine, partial(_add_rerun, during, page))
                for medians, every, seconds in (
                    (self.idle, self.all_idle, before),
                    (self.refreshing, self.all_refreshing, during),
                ):
                    medians.append(statistics.median(seconds))
                    every.extend(seconds)
        engine.dispose()

    def _refresh(self, asker: Tab, engine: Engine, meanwhile: Callable[[], None]) -> None:
        """Click on refresh and call `meanwhile` again and again until the refresh has ended."""
        before = latest_run(engine)
        asker.rerun()  # a button that the page shows as disabled cannot be clicked
        asker.click(REFRESH_BUTTON)
        asker.rerun()
        while (run := latest_run(engine)) is None or run.running:
            meanwhile()
            time.sleep(PAUSE)
        if run == before or run.state != "done" or run.summary is None or run.summary["ok"] != self.tenants:
            raise RuntimeError(f"The refresh was to read all tenants: {run}")
        self.refreshes.append(run.seconds or 0.0)

    def _many_sessions(self, server: Served) -> None:
        with ExitStack() as stack:
            tabs = [stack.enter_context(Tab(server, PAGE)) for _ in range(self.sessions)]
            for tab in tabs:
                tab.rerun()
                time.sleep(1 / OPENED_A_SECOND)
            last = time.monotonic() + self.seconds
            people = [threading.Thread(target=self._person, args=(tab, n, last)) for n, tab in enumerate(tabs)]
            for person in people:
                person.start()
            for person in people:
                person.join()

    def _person(self, tab: Tab, number: int, last: float) -> None:
        """Act as one person until the time `last`: type a search, wait for the page, pause."""
        draw = random.Random(self.seed * 1000 + number)
        time.sleep(draw.uniform(0, self.think))
        while time.monotonic() < last:
            tab.type(SEARCH, f"tenant 0{draw.randint(0, 99):02}")
            self.clicks.append(_timed(tab))
            time.sleep(draw.uniform(0.5, 1.5) * self.think)

    def _figures(self) -> list[Figure]:
        what = f"Alle Tenants, {self.tenants * 8:,} rows"
        took = (
            f"refreshes of {statistics.median(self.refreshes):.1f} s; 95 % of the reruns within "
            f"{_percentile(self.all_refreshing, 95):.0f} ms, idle {_percentile(self.all_idle, 95):.0f} ms"
        )
        people = f"{self.sessions} sessions, {self.think:g} s to think"
        return [
            Figure(
                f"{what}: rerun while {self.tenants:,} tenants are refreshed", Goal(bound=1.5),
                [1000 * each for each in self.refreshing], [1000 * each for each in self.idle], "idle", "ms", took,
            ),
            Figure(f"{what}, {people}: half of the reruns within", Goal(), [_percentile(self.clicks, 50)], unit="ms"),
            Figure(
                f"{what}, {people}: 95 % within", Goal(bound=500), [_percentile(self.clicks, 95)], unit="ms",
                note=f"{len(self.clicks):,} reruns, slowest {max(self.clicks) * 1000:.0f} ms",
            ),
        ]  # fmt: skip


def _timed(tab: Tab) -> float:
    start = time.perf_counter()
    tab.rerun()
    return time.perf_counter() - start


def _timed_for(seconds: float, tab: Tab) -> list[float]:
    times, last = [], time.monotonic() + seconds
    while time.monotonic() < last:
        times.append(_timed(tab))
        time.sleep(PAUSE)
    return times


def _add_rerun(times: list[float], tab: Tab) -> None:
    times.append(_timed(tab))


def _percentile(seconds: Sequence[float], part: int) -> float:
    """Return a percentile of the seconds in milliseconds."""
    return statistics.quantiles(seconds, n=100)[part - 1] * 1000


def run(*, quick: bool = False) -> list[Figure]:
    return (LoadBenchmark(200, 1, 20, seconds=10) if quick else LoadBenchmark()).run()
