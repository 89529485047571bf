"""Databases for the tests of pages: some tenants with licences, alarms and problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine

from core.cache.catalogue import SKU_MAPPINGS
from core.cache.event_rows import begin_record
from core.cache.lists_read import (
    Alarm,
    ListedTenant,
    SharePointStatus,
    save_alarms,
    save_sharepoint_status,
    save_tenant_list,
)
from core.cache.purchases import SubscriptionReading, save_subscriptions
from core.cache.readings import Reading, save_failures, save_readings, stored_licenses
from core.cache.run_rows import finish_run
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.licenses.alarm_rules import Rules
from core.licenses.judge import Stage, judge
from core.licenses.sku_mappings import read_catalogue
from core.licenses.units import License, Subscription
from core.problems import Problem
from core.refresh.refresher import Refresher
from core.refresh.run_watch import RunWatch
from core.refresh.services import open_services
from core.refresh.tenant_switches import SwitchChange, SwitchResult
from core.roles import Actor
from core.runtime import Runtime, open_engine
from core.settings import Settings
from tests.started_runs import start_run

NOW = datetime.now(UTC).replace(microsecond=0)
# Names as an attacker, or a careless person, would write them.
HOSTILE = "**x** <img src=x onerror=alert(1)> [a](javascript:alert(1)) $y$ :red[z] `c` https://evil.example"
CATALOGUE = read_catalogue(SKU_MAPPINGS)
PARAMETERS = {"sendermail": "lizenzen@contoso.example", "recipientmail": "support@contoso.example"}
PRODUCTS = ("M365EDU_A3_FACULTY", "M365EDU_A3_STUUSEBNFT", "SPB", "POWER_BI_PRO", "EXCHANGESTANDARD", "VISIOCLIENT",
            "PROJECTPROFESSIONAL", "FLOW_FREE")  # fmt: skip
NAMES = (
    "Schule Höri",
    "Treuhand Emmen",
    "Bau AG Chur",
    "Gymnasium Rheinau",
    "Praxis am See",
    "Kantonsschule Wil",
    "Holzbau Muster",
    "Gemeinde Talwil",
    "Musikschule Aarau",
    "Berufsschule Lenzburg",
    "Spedition Nord",
)  # fmt: skip


@dataclass
class World:
    """A database as after a refresh; every method writes with the functions that the refresh uses."""

    engine: Engine
    settings: Settings
    known: list[ProfileTenant] = field(default_factory=list)
    services: Any = None
    refresher: Any = None

    @classmethod
    def at(cls, folder: Path, **settings: Any) -> World:
        """Return a world without tenants."""
        return _copy_of(_leave_empty, folder, settings)

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.settings, self.engine, self.services, self.refresher)

    def open_refresher(self) -> None:
        """Open a real refresher instead of the fake one."""
        self.services = open_services(self.engine, self.settings)
        self.refresher = Refresher(self.services)

    def close_refresher(self) -> None:
        self.refresher.stop()
        self.services.close()

    def tenant(self, name: str, *, days: int = 178, slug: str = "") -> str:
        number = len(self.known) + 1
        tenant_id = f"00000000-0000-4000-8000-{number:012d}"
        ends = NOW + timedelta(days=days, hours=1)
        self.known.append(ProfileTenant(tenant_id, slug or f"tenant-{number}", name, ends))
        save_profiles(self.engine, self.known, {})
        return tenant_id

    def read(
        self, tenant_id: str, *licenses: License, ago: timedelta = timedelta(minutes=12), day: date | None = None
    ) -> None:
        at = NOW - ago
        reading = Reading(tenant_id, licenses, {row.sku_id: stage_of(row) for row in licenses}, at)
        same_day = (NOW - timedelta(days=ago.days)).astimezone(self.settings.zone).date()  # whatever o'clock it is
        save_readings(self.engine, [reading], stored_licenses(self.engine), (), day or same_day)

    def fail(self, tenant_id: str, code: str, *, ago: timedelta = timedelta(hours=20), **params: str) -> None:
        save_failures(self.engine, {tenant_id: Problem(code, params, "status 401, request-id 1234")}, NOW - ago)

    def listed(self, tenant_ids: Sequence[str], *, off: Sequence[str] = (), strangers: Sequence[str] = ()) -> None:
        rows = {
            tenant.tenant_id: ListedTenant(str(number), tenant.name, True, tenant.tenant_id not in off)
            for number, tenant in enumerate(self.known)
            if tenant.tenant_id in tenant_ids
        }
        others = [ListedTenant(f"9{number}", title, True, True) for number, title in enumerate(strangers)]
        save_tenant_list(self.engine, [*rows.values(), *others], rows, NOW)

    def sharepoint(self, *problems: Problem, **parameters: str) -> None:
        save_sharepoint_status(self.engine, SharePointStatus(True, NOW - timedelta(minutes=12), problems, parameters))

    def finished(self, *, by: str = "", state: str = "done", **summary: Any) -> str:
        at = datetime.now(UTC)  # two runs never begin at the same moment
        run_id = start_run(self.engine, "page" if by else "schedule", by, (), at)
        whole = {"tenants": len(self.known), "ok": len(self.known), "failed": [], "skipped": [], **summary}
        finish_run(self.engine, run_id, state, whole, 12.4, at)
        return run_id


@dataclass(frozen=True)
class _Model:
    files: dict[str, bytes]
    known: list[ProfileTenant]


@cache
def _model(fill: Callable[[World], None]) -> _Model:
    """Return what a world with standard settings consists of after `fill`, which is run once in each process."""
    with TemporaryDirectory() as name:
        world = new_world(fill, Settings(data_dir=Path(name)))
        world.engine.dispose()
        return _Model({file.name: file.read_bytes() for file in Path(name).iterdir()}, world.known)


def new_world(fill: Callable[[World], None], settings: Settings) -> World:
    """Return a world in an empty database, as `fill` leaves it."""
    world = World(open_engine(settings), settings)
    with world.engine.begin() as connection:
        begin_record(connection, NOW - timedelta(days=90))
    fill(world)
    return world


def _copy_of(fill: Callable[[World], None], folder: Path, settings: dict[str, Any]) -> World:
    """Return a world of its own in `folder`, as `fill` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = _model(fill)
    for name, content in model.files.items():
        (folder / name).write_bytes(content)
    chosen = Settings(data_dir=folder, **settings)
    return World(open_engine(chosen), chosen, list(model.known))


def _leave_empty(_world: World) -> None:
    pass


def license_(part: str, enabled: int, consumed: int, *, sku_id: str = "", **others: Any) -> License:
    fields: dict[str, Any] = {"applies_to": "User", "capability_status": "Enabled", **others}
    return License(sku_id or sku_of(part), part, enabled, consumed, **fields)


def stage_of(row: License) -> Stage:
    return judge(row, CATALOGUE, Rules(), tenant_id="", is_trial=False).stage


@cache
def sku_of(part: str) -> str:
    known = CATALOGUE._by_part.get(part.casefold())
    return known.sku_id if known else f"ffffffff-0000-4000-8000-{abs(hash(part)) % 10**12:012d}"


def small_world(folder: Path, **settings: Any) -> World:
    """Return a world with two tenants: one without problems, one with a reported shortage."""
    return _copy_of(_fill_a_little, folder, settings)


def _fill_a_little(world: World) -> None:
    calm, short = world.tenant("Schule Höri", slug="hoeri"), world.tenant("Bau AG Chur", slug="chur")
    world.read(calm, license_("SPB", 40, 10))
    world.read(short, license_("SPB", 10, 10), license_("POWER_BI_PRO", 5, 7), ago=timedelta(hours=3))
    world.listed([calm, short])
    world.sharepoint(**PARAMETERS, communication="E-Mail")
    save_alarms(
        world.engine, [Alarm(short, sku_of("SPB"), "1", None, 0, NOW - timedelta(hours=2), NOW - timedelta(hours=3))]
    )
    world.finished()


def filled_world(folder: Path, **settings: Any) -> World:
    """Return a world with a dozen tenants, some eighty licences, every problem once, and a hostile name."""
    return _copy_of(_fill, folder, settings)


def _fill(world: World) -> None:
    ids = [world.tenant(name, days=6 if name == "Praxis am See" else 178) for name in NAMES]
    hostile = world.tenant(HOSTILE, slug="hostile")
    for place, tenant_id in enumerate([*ids, hostile]):
        _read_for_days(world, tenant_id, place)
    world.read(hostile, license_(HOSTILE, 3, 3, sku_id="ffffffff-0000-4000-8000-000000000001"))
    world.fail(ids[7], "signin.certificate_unknown", tenant=NAMES[7])
    world.fail(ids[8], "graph.forbidden", ago=timedelta(hours=2), tenant=NAMES[8], what="subscribedSkus")
    _subscriptions(world, ids[0])
    denied = Problem("graph.forbidden", {"tenant": NAMES[1], "what": "subscriptions"})
    save_subscriptions(world.engine, [SubscriptionReading(ids[1], None, NOW, denied)])
    world.listed([*ids[:10], hostile], off=[ids[2]], strangers=["Alte Firma GmbH", HOSTILE + " 2"])
    world.sharepoint(Problem("sharepoint.parameter_missing", {"field": "communication"}), **PARAMETERS)
    _alarms(world, ids)
    profile = {
        "config-neu-profile.json": (
            "neu",
            [Problem("profile.json_broken", {"file": "config-neu-profile.json", "line": "3", "column": "7"})],
        )
    }
    save_profiles(world.engine, world.known, profile)
    world.finished()


def _read_for_days(world: World, tenant_id: str, place: int) -> None:
    for back in range(30, -1, -3):
        rows = [
            license_(part, 20 + 5 * number, max(20 + 5 * number - back // 3 - (number + place) % 9, 0))
            for number, part in enumerate(PRODUCTS[:-1])
        ]
        rows.append(license_("FLOW_FREE", 10_000, 17))
        if place == 3:
            rows[2] = license_("SPB", 10, 13)
            rows[3] = license_("POWER_BI_PRO", 0, 4, warning=5)
        at = timedelta(days=back) if back else timedelta(minutes=12 + place)
        world.read(tenant_id, *rows, ago=at, day=(NOW - at).date())


def _subscriptions(world: World, tenant_id: str) -> None:
    found = [
        Subscription(
            f"sub-{n}", sku_of(part), part, status, 25, trial, NOW - timedelta(days=300), NOW + timedelta(days=days)
        )
        for n, (part, status, trial, days) in enumerate(
            [("SPB", "Enabled", False, 33), ("POWER_BI_PRO", "Warning", False, 12), ("VISIOCLIENT", "Enabled", True, 5)]
        )
    ]
    save_subscriptions(world.engine, [SubscriptionReading(tenant_id, found, NOW)])


def _alarms(world: World, ids: Sequence[str]) -> None:
    told, late, new = NOW - timedelta(minutes=40), NOW - timedelta(hours=3), NOW - timedelta(minutes=5)
    save_alarms(
        world.engine,
        [
            Alarm(ids[0], sku_of(PRODUCTS[0]), "1", None, 0, told),
            Alarm(ids[1], sku_of(PRODUCTS[6]), "2", late, 0, None),
            Alarm(ids[3], sku_of("SPB"), "3", new, 0, None),
        ],
    )


def large_world(folder: Path, tenants: int = 1000, **settings: Any) -> World:
    """Return a world with eight licences for each tenant: 8,000 rows by default."""
    world = World.at(folder, **settings)
    world.known = [
        ProfileTenant(
            f"00000000-0000-4000-8000-{n:012d}", f"tenant-{n}", f"Schule Nummer {n:04d}", NOW + timedelta(days=200)
        )
        for n in range(tenants)
    ]
    save_profiles(world.engine, world.known, {})
    readings = []
    for n, tenant in enumerate(world.known):
        rows = [license_(part, 20 + n % 300, 20 + n % 300 - (n + k * 7) % 45) for k, part in enumerate(PRODUCTS)]
        readings.append(
            Reading(
                tenant.tenant_id, rows, {r.sku_id: "short" for r in rows if r.free <= 0}, NOW - timedelta(minutes=5)
            )
        )
    save_readings(world.engine, readings, {}, (), NOW.date())
    world.finished()
    return world


class FakeRefresher:
    """Replaces the refresher; stores the requests instead of running them."""

    def __init__(self, world: World) -> None:
        self.world, self.asked = world, []  # type: ignore[var-annotated]
        # For the pages that wait; a test puts a function of its own in the place of the switches'.
        world.services = SimpleNamespace(run_watch=RunWatch())

    def request(self, actor: Actor, tenants: Sequence[str] = ()) -> str:
        self.asked.append((actor.source, actor.name, tuple(tenants)))
        return start_run(self.world.engine, actor.source, actor.shown, (), datetime.now(UTC))


__all__ = ["HOSTILE", "NOW", "FakeRefresher", "SwitchChange", "SwitchResult", "World", "filled_world", "large_world",
           "license_", "small_world"]  # fmt: skip
