"""The demo world: made-up customers, numbers that change slowly, and a state that survives a restart."""

import datetime as dt
import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zlib import crc32

from .demo_cast import CUSTOMERS, LEFT_BEHIND, ONLY_LISTED, TRIALS, Customer
from .m365 import Microsoft365
from .past import write_past_readings
from .profiles import write_json
from .site import SharePoint
from .tenants import Sku, Tenant

SEED = "lizenztool"
# The chance of each product; with all customers together one product changes about every other minute.
CHANGES_PER_MINUTE = 0.015
FREE_PRODUCT = 1000
SAVE_EVERY = 10.0


class Demo:
    """Adds the customers to `m365`; `start` changes numbers in a thread, `stop` ends that and saves.

    `past_into`: URL of the product's database, into which a new world writes a history of readings.
    """

    def __init__(self, m365: Microsoft365, past_into: str = "") -> None:
        self.m365 = m365
        self._path = m365.folder / "world.json"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)
        state = _read(self._path)
        self._born = dt.datetime.fromisoformat(state["born"]) if state else _today()
        self.site = m365.add_sharepoint("Support-Portal")
        self._cast = [(customer, self._add(customer), _first_numbers(customer)) for customer in CUSTOMERS]
        if state:
            self._load(state)
        else:
            self._add_old_items()
            if past_into:
                self._write_history(past_into)

    def start(self) -> None:
        self.m365.flow.delay = 20.0
        self.m365.flow.mode = "auto"
        self._thread.start()

    def stop(self) -> None:
        self.m365.flow.stop()
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.save()

    def step(self, minute: int) -> list[tuple[str, Sku]]:
        """Make the changes of this minute and return them; the same minute has the same changes."""
        changed = []
        for customer, tenant, first in self._cast:
            for part_number, start in first.items():
                name = f"{SEED}/{tenant.slug}/{part_number}/{minute}"
                if part_number not in customer.steady and crc32(name.encode()) < CHANGES_PER_MINUTE * 2**32:
                    draw = random.Random(name)
                    values = _changed_numbers(tenant.skus[part_number], start, draw)
                    changed.append((tenant.name, tenant.set_sku(part_number, **values)))
        return changed

    def save(self) -> None:
        with self.m365.lock:
            state = {
                "born": self._born.isoformat(),
                "skus": {t.slug: [asdict(sku) for sku in t.skus.values()] for _, t, _ in self._cast},
                "lists": {items.title: items.dump() for items in self.site.lists},
                "flow": self.m365.flow.dump(),
            }
        write_json(self._path, state)

    def _add(self, customer: Customer) -> Tenant:
        tenant = self.m365.add_tenant(customer.name, customer.skus, **customer.options)
        for part_number in customer.skus:
            days = customer.ends.get(part_number)
            trial = part_number in TRIALS
            if days or trial:
                ends = self._born + dt.timedelta(days=days or 24)
                status = tenant.skus[part_number].status
                tenant.add_subscription(part_number, ends, is_trial=trial, status=status)
        return tenant

    def _load(self, state: dict[str, Any]) -> None:
        for _, tenant, _ in self._cast:
            for values in state["skus"].get(tenant.slug, []):
                tenant.set_sku(values["part_number"], **values)
        for items in self.site.lists:
            items.load(state["lists"][items.title])
        self.m365.flow.load(state["flow"])

    def _add_old_items(self) -> None:
        """Write the list items that the older tool and the support team left before today."""
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=90)
        self.site.tenants.add({"Title": ONLY_LISTED, "enabled": True, "monitoring": True, "cert_expires": soon})
        tenants = {tenant.name: tenant for _, tenant, _ in self._cast}
        for name, title, part_number, days in LEFT_BEHIND:
            _add_old_item(self.site, tenants[name], title, part_number, days)
        self.m365.flow.run()

    def _write_history(self, url: str) -> None:
        """Write weeks of readings into the product's database at `url`, so that history and shortages have a start."""
        out_since = {(name, part): days + 1 for name, _, part, days in LEFT_BEHIND if days}
        write_past_readings(url, [tenant for _, tenant, _ in self._cast], out_since, self._born)

    def _run(self) -> None:
        minute, saved = int(time.time() // 60), time.monotonic()
        while not self._stop.wait(0.5):
            if minute < (now := int(time.time() // 60)):
                minute = now
                self.step(minute)
            if time.monotonic() - saved > SAVE_EVERY:
                self.save()
                saved = time.monotonic()


def _changed_numbers(sku: Sku, start: Sku, draw: random.Random) -> dict[str, int]:
    """Return new numbers near those of the start: people join or leave, and a full product may get more seats."""
    if sku.enabled >= FREE_PRODUCT:
        return {"consumed": max(0, sku.consumed + draw.choice([-1, 1]))}
    reach = max(2, start.enabled // 20)
    drift = -1 if sku.consumed > start.consumed + reach // 2 else 1 if sku.consumed < start.consumed - reach else 0
    step = drift or draw.choice([-1, 1])
    if sku.consumed + step > sku.enabled:
        return {"enabled": sku.enabled + 5} if draw.random() < 0.3 else {"consumed": sku.consumed - 1}
    if sku.enabled > start.enabled and draw.random() < 0.1:
        return {"enabled": max(start.enabled, sku.consumed)}
    return {"consumed": max(0, sku.consumed + step)}


def _first_numbers(customer: Customer) -> dict[str, Sku]:
    """Return the numbers of the first day, by part number."""
    named = {part: value if isinstance(value, Mapping) else _pair(value) for part, value in customer.skus.items()}
    return {part: Sku(part, "", enabled=units["enabled"], consumed=units["consumed"]) for part, units in named.items()}


def _pair(value: tuple[int, int]) -> dict[str, int]:
    return {"enabled": value[0], "consumed": value[1]}


def _add_old_item(site: SharePoint, tenant: Tenant, title: str, part_number: str, days: int | None) -> None:
    sku = tenant.skus[part_number]
    free = sku.enabled - sku.consumed
    numbers = {"Verfügbar": sku.enabled, "Gebraucht": sku.consumed, "Frei": free}
    item = site.licenses.add(
        {"Title": title, "tenant": tenant.name, **numbers, "technician_informed": days is not None}
    )
    item.created = item.modified = item.modified - dt.timedelta(days=days or 30, hours=5)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return state


def _today() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
