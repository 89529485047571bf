"""The page *Fälle* and a refresh without changes: 5,000 open and 100,000 ended cases compared with 50."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.browser_tab import Tab
from benchmarks.cloud import ROOT, cloud
from benchmarks.product import product
from benchmarks.product_server import served, settings_for
from benchmarks.result import Figure, Goal, Times
from core.cache.case_rows import CaseEvent, LicenseKey, StoredStep, add_case_events, add_cases, lock_cases
from core.cache.database import open_database
from core.cache.readings import stored_licenses
from core.cache.sql import transaction
from core.cases.fold import fold

PAGE, SEARCH = "faelle", "case_filter_q"
FEW, OPEN, ENDED = 50, 5_000, 100_000
AT_A_TIME = 5_000
YEAR = 2020  # of their numbers, so that a refresh takes none of them


@dataclass(slots=True)
class CasesBenchmark:
    """Two servers run at the same time over equal figures, with one tab in each; the reruns of the two alternate."""

    tenants: int = 700
    rounds: int = 60
    refreshes: int = 9
    times: Times = field(default_factory=Times)

    def run(self) -> list[Figure]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
            folder = Path(temporary)
            few, many = folder / "few", folder / "many"
            with cloud(folder / "world", self.tenants, latency=0, sharepoint=False) as world:
                with product(world, few / "data") as ours:
                    ours.refresh()
                shutil.copytree(few, many)
                fill(few, FEW, 0)
                fill(many, OPEN, ENDED)
                with product(world, few / "data") as small, product(world, many / "data") as large:
                    calls: dict[str, Callable[[], object]] = {
                        "refresh few": small.refresh,
                        "refresh many": large.refresh,
                    }
                    for number in range(self.refreshes + 1):
                        self.times.alternate(number, calls)
            with (
                served(few, ROOT / "dashboard.py") as small_server,
                served(many, ROOT / "dashboard.py") as large_server,
                Tab(small_server, PAGE) as few_tab,
                Tab(large_server, PAGE) as many_tab,
            ):
                self._measure({"few": few_tab, "many": many_tab})
        return self._figures()

    def _measure(self, tabs: dict[str, Tab]) -> None:
        for tab in tabs.values():
            tab.rerun()
            if not tab.has("bidi_component"):
                raise RuntimeError("The page shows no table.")
        for number in range(self.rounds):
            self.times.alternate(number, {name: tab.rerun for name, tab in tabs.items()})
        for number in range(self.rounds):
            for tab in tabs.values():
                tab.type(SEARCH, f"{YEAR}-0{number:03}")
            self.times.alternate(number, {f"search {name}": tab.rerun for name, tab in tabs.items()})

    def _figures(self) -> list[Figure]:
        base, times = f"{FEW} open cases", self.times
        page = f"Fälle, {OPEN:,} open and {ENDED:,} ended cases"
        milli = {
            name: [seconds * 1000 for seconds in times[name]] for name in ("many", "few", "search many", "search few")
        }
        refresh = f"Refresh without changes of {self.tenants} tenants x 8 SKUs, as many cases"
        return [
            Figure(f"{page}: rerun", Goal("at most", 1.5), milli["many"], milli["few"], base, unit="ms"),
            Figure(f"{page}: search", Goal("at most", 1.5), milli["search many"], milli["search few"], base, unit="ms"),
            Figure(refresh, Goal("at most", 1.05), times["refresh many"][1:], times["refresh few"][1:], base),
        ]


def fill(folder: Path, still_open: int, ended: int) -> None:
    """Write cases into the database of `folder`, as many as there are licences for: one open for each at most."""
    engine = open_database(settings_for(folder).database)
    known = stored_licenses(engine)
    keys = [
        (tenant_id, sku_id)
        for sku in range(8)
        for tenant_id, skus in known.items()
        for sku_id in list(skus)[sku : sku + 1]
    ]
    _store(engine, keys[:still_open], 0, ended_after=None)
    of_ended = cycle(keys)
    _store(engine, [next(of_ended) for _ in range(ended)], still_open, ended_after=timedelta(days=3))
    engine.dispose()


def _store(engine: Engine, keys: Sequence[LicenseKey], first: int, *, ended_after: timedelta | None) -> None:
    now = datetime.now(UTC)
    histories = _histories(keys, first, now, ended_after)
    while piece := list(islice(histories, AT_A_TIME)):
        cases = [replace(fold(events), case_id=events[0].case_id) for events in piece]
        steps = [
            StoredStep(
                "none" if case.closed_at else "ask", None if case.closed_at else now + timedelta(hours=place % 99)
            )
            for place, case in enumerate(cases)
        ]
        with transaction(engine) as connection:
            lock_cases(connection)
            add_cases(connection, list(zip(cases, steps, strict=True)), YEAR, first + len(keys))
            add_case_events(connection, [event for events in piece for event in events])


def _histories(
    keys: Sequence[LicenseKey], first: int, now: datetime, ended_after: timedelta | None
) -> Iterator[list[CaseEvent]]:
    """Yield the events of each case: opened, taken by one of ten, and perhaps closed."""
    for place, (tenant_id, sku_id) in enumerate(keys, first):
        case_id, at = f"{place:032x}", now - timedelta(days=1 + place % 700)
        opened = {
            "number": f"{YEAR}-{place + 1:04}", "tenant_id": tenant_id, "sku_id": sku_id, "sku_part_number": "SPB",
            "cause": "ahead", "priority": ("critical", "high", "medium", "low")[place % 4], "quantity": 1 + place % 9,
            "note": "", "waiting": 0, "enabled": 9, "free": 0, "missing": 1, "stage": "short", "short_since": None,
        }  # fmt: skip
        owner = {"owner": f"person{place % 10}", "owner_name": f"Person {place % 10}"}
        events = [
            CaseEvent(case_id, 1, at, "person1", "opened", opened),
            CaseEvent(case_id, 2, at, "person1", "taken", owner),
        ]
        if ended_after:
            events.append(CaseEvent(case_id, 3, at + ended_after, "person1", "closed", {"reason": "done"}))
        yield events


def run(*, quick: bool = False) -> list[Figure]:
    return (CasesBenchmark(rounds=10, refreshes=3) if quick else CasesBenchmark()).run()
