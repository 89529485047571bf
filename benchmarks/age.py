"""Age: the same thousand tenants with 36 months of history and runs, compared with one month of them."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import requests
from sqlalchemy import Engine, insert, select, update

from benchmarks.browser_tab import Tab
from benchmarks.cloud import ROOT, cloud
from benchmarks.product import Product, product
from benchmarks.product_server import ACCOUNT, Served, served
from benchmarks.result import Figure, Goal, Times
from core.access.api_tokens import make
from core.cache.run_rows import Run
from core.cache.schema import history, license_numbers, runs
from core.cache.tenant_rows import tenant_rows
from core.roles import Actor

MONTH = 30  # days
PAGES = ("", "alle-tenants", "tenant", "monitoring")
CALLS = ("licenses", "tenants", "runs", "tenants/{tenant}/history?days=30")
RUNS_A_DAY = 48
CHANGES = 0.5  # part of the days on which the used seats of a licence differ from the day before
BOUND = 1.2  # times of the young database
LARGEST = 250.0  # megabytes


@dataclass(slots=True)
class AgeBenchmark:
    """The young and the old database are refreshed, shown and asked in turn."""

    tenants: int = 1000
    months: int = 36
    refreshes: int = 5
    rounds: int = 30
    seed: int = 7
    times: Times = field(default_factory=Times)
    megabytes: float = 0.0

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
            folders = {name: Path(temporary) / name for name in ("young", "old")}
            world = stack.enter_context(cloud(Path(temporary) / "world", self.tenants))
            products = {name: stack.enter_context(product(world, folder / "data")) for name, folder in folders.items()}
            for name, months in (("young", 1), ("old", self.months)):
                products[name].refresh()
                grow_old(products[name].engine, months * MONTH, self.seed)
            self._refresh(products)
            self.megabytes = size_of(folders["old"] / "data" / "lizenztool.db")
            servers = {
                name: stack.enter_context(served(folder, ROOT / "dashboard.py")) for name, folder in folders.items()
            }
            self._show(servers)
            tenant = min(tenant_rows(products["old"].engine))
            self._ask({name: Program(servers[name], token_for(products[name].engine), tenant) for name in servers})
        return self._figures()

    def _refresh(self, products: dict[str, Product]) -> None:
        for number in range(self.refreshes + 1):
            calls = {f"{name} refresh": ours.refresh_unchanged for name, ours in products.items()}
            if number:  # the first one of the day writes the day
                self.times.alternate(number, dict(calls))
            else:
                for call in calls.values():
                    call()

    def _show(self, servers: dict[str, Served]) -> None:
        for page in PAGES:
            with Tab(servers["young"], page) as young, Tab(servers["old"], page) as old:
                tabs = {f"young {page}": young.rerun, f"old {page}": old.rerun}
                for rerun in tabs.values():
                    rerun()
                for number in range(self.rounds):
                    self.times.alternate(number, dict(tabs))

    def _ask(self, programs: dict[str, Program]) -> None:
        for call in CALLS:
            asked = {f"{name} {call}": partial(program.get, call) for name, program in programs.items()}
            for get in asked.values():
                get()
            for number in range(self.rounds // 2):  # a token may call so often in a minute
                self.times.alternate(number, dict(asked))

    def _figures(self) -> list[Figure]:
        what = f"{self.tenants:,} tenants x 8 SKUs after {self.months} months"
        size = Figure(f"{what}: database", Goal("at most", LARGEST), [self.megabytes], unit="MB")
        return [
            self._figure(f"{what}: refresh without changes", "refresh", "s", 1),
            *(self._figure(f"{what}: rerun of /{page}", page, "ms", 1000) for page in PAGES),
            *(self._figure(f"{what}: GET {call.split('?')[0]}", call, "ms", 1000) for call in CALLS),
            size,
        ]

    def _figure(self, what: str, name: str, unit: str, factor: int) -> Figure:
        old, young = ([seconds * factor for seconds in self.times[f"{age} {name}"]] for age in ("old", "young"))
        return Figure(what, Goal("at most", BOUND), old, young, "after one month", unit=unit)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that calls the API of a server with its token."""

    server: Served
    token: str
    tenant: str  # the id of the one that {tenant} stands for

    def get(self, path: str) -> None:
        """Read the answer to the end; raise HTTPError if it is not a good one."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.server.url}/api/v1/{path.format(tenant=self.tenant)}"
        requests.get(url, headers=headers, timeout=60).raise_for_status()


def token_for(engine: Engine) -> str:
    """Return the secret of a new token that may look at everything."""
    now = datetime.now(UTC)
    return make(engine, Actor(ACCOUNT, "admin", "page"), "benchmark", "viewer", now + timedelta(days=1), now)[1]


def grow_old(engine: Engine, days: int, seed: int) -> None:
    """Write history and runs of `days` days before today, as many refreshes would have."""
    draw = random.Random(seed)
    today = datetime.now(UTC).date()
    with engine.begin() as connection:
        for number in connection.execute(select(license_numbers.c.license_number)).scalars().all():
            connection.execute(insert(history), _days_of(number, today, days, draw))
        latest = Run(**connection.execute(select(runs).limit(1)).mappings().one())
        connection.execute(update(runs).values(summary=latest.summary))
        connection.execute(insert(runs), _runs(latest, days))


def _days_of(number: int, today: date, days: int, draw: random.Random) -> list[dict[str, object]]:
    consumed, rows = 20, []
    for ago in range(days, 0, -1):
        consumed = draw.randint(0, 50) if draw.random() < CHANGES else consumed
        units = {"enabled": 50, "consumed": consumed, "warning": 0, "suspended": 0}
        rows.append({"license_number": number, "day": today - timedelta(days=ago), **units})
    return rows


def _runs(latest: Run, days: int) -> list[dict[str, object]]:
    assert latest.started_at is not None
    rows: list[dict[str, object]] = []
    for number in range(days * RUNS_A_DAY):
        at = latest.started_at - timedelta(days=1) * (number + 1) / RUNS_A_DAY
        row = {"run_id": f"{number:012x}", "source": "schedule", "scope": [], "state": "done", "step": ""}
        rows.append(row | {"started_at": at, "finished_at": at, "requested_at": at, "summary": latest.summary})
    return rows


def size_of(file: Path) -> float:
    """Return the megabytes of a database with everything in one file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size / 1e6


def run(*, quick: bool = False) -> list[Figure]:
    return (AgeBenchmark(tenants=200, refreshes=2, rounds=8) if quick else AgeBenchmark()).run()
