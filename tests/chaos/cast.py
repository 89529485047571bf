"""A small world whose shortages come and go: customers, their licences, and the people around the lists."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from simulator import Microsoft365, SharePoint
from simulator.lists import Item
from simulator.tenants import Sku, Tenant
from tests.chaos.ledger import Key

TENANTS = ("Schule Höri", "Bau AG Chur", "Spital Wil", "Gemeinde Üetikon")
PAID = ("SPB", "SPE_E3", "O365_BUSINESS_PREMIUM")
FREE = "FLOW_FREE"
COMMENT = "Bemerkung"  # a column of the support team, which the product does not know
LAST_BRACKETS = re.compile(r"\(([^()]*)\)\s*$")


class Cast:
    """The tenants of `m365`; `keys` are the licences that may run out."""

    def __init__(self, m365: Microsoft365, sharepoint: SharePoint, draw: random.Random) -> None:
        self.m365, self.sharepoint, self.draw = m365, sharepoint, draw
        self.tenants = [self._tenant(name) for name in TENANTS]
        self.keys: list[Key] = [(tenant.name, part) for tenant in self.tenants for part in PAID]
        sharepoint.licenses.add_column(COMMENT)

    def tenant(self, name: str) -> Tenant:
        return next(tenant for tenant in self.tenants if tenant.name == name)

    def short(self, key: Key) -> bool:
        """The truth, by a rule of its own."""
        sku = self.tenant(key[0]).skus.get(key[1])
        return sku is not None and sku.consumed >= sku.enabled and sku.enabled + sku.consumed > 0

    def change(self, share: float) -> None:
        """Each licence turns with this chance: it runs out, is bought again, or disappears from the tenant."""
        for key in self.keys:
            if self.draw.random() < share:
                self._turn(key)

    def switch(self, share: float) -> None:
        """Somebody switches monitoring, or the tenant itself, in the tenant list."""
        for item in self.sharepoint.tenants.items:
            if self.draw.random() < share:
                column = self.draw.choice(["monitoring", "monitoring", "enabled"])
                self.sharepoint.tenants.update(item.id, {column: not item.fields.get(column)})

    def switch_all_on(self) -> None:
        for item in self.sharepoint.tenants.items:
            if not (item.fields.get("enabled") and item.fields.get("monitoring")):
                self.sharepoint.tenants.update(item.id, {"enabled": True, "monitoring": True})

    def clear_out(self, share: float) -> None:
        """Somebody deletes items while nobody refreshes; they come back as new ones."""
        for item in self.sharepoint.licenses.items:
            if self.draw.random() < share:
                self.sharepoint.licenses.delete(item.id)

    def expire_links(self) -> None:
        """SharePoint forgets what has changed: the links of one list are worth nothing any more."""
        self.draw.choice(self.sharepoint.lists).expire_delta_tokens()

    def monitored(self) -> set[Key]:
        """The licences whose tenant is enabled and monitored by the tenant list."""
        on = {
            item.fields["Title"]
            for item in self.sharepoint.tenants.items
            if item.fields.get("enabled") and item.fields.get("monitoring")
        }
        return {key for key in self.keys if key[0] in on}

    def read_since(self, file: Path, before: dict[str, str]) -> dict[Key, bool]:
        """Key -> whether it is short, of every tenant with a good reading since `before`."""
        read = {name for name, at in readings(file).items() if before.get(name) != at}
        return {key: self.short(key) for key in self.keys if key[0] in read}

    def with_trigger(self) -> set[Key]:
        with self.m365.lock:
            return {key_of(item.fields) for item in self.sharepoint.licenses.items if triggered(item)}

    def wrong_rows(self, *, flags: bool = True) -> list[str]:
        """Where the licence list is not what the world, and with `flags` a told shortage, make of it."""
        wanted = Counter(self._wanted(flags))
        found = Counter(self._shown(item, flags) for item in self.sharepoint.licenses.items)
        return [f"missing in the list: {row}" for row in wanted - found] + [
            f"too much in the list: {row}" for row in found - wanted
        ]

    def wrong_units(self, known: Mapping[Key, tuple[int, int]], read: Collection[Key]) -> list[str]:
        """Where the database differs from the world although the tenant was read."""
        found = []
        for key in read:
            sku = self.tenant(key[0]).skus.get(key[1], Sku(key[1], ""))
            if (sku.enabled, sku.consumed) != known.get(key, (0, 0)):
                found.append(f"{key}: the database says {known.get(key)}, the world {sku}")
        return found

    def _wanted(self, flags: bool) -> Iterator[tuple[object, ...]]:
        for tenant in self.tenants:
            for part in (*PAID, FREE):
                sku = tenant.skus.get(part, Sku(part, ""))
                told = part != FREE and self.short((tenant.name, part))
                numbers = (sku.enabled, sku.consumed, sku.enabled - sku.consumed)
                yield tenant.name, part, *numbers, *((False, told) if flags else ())

    def _shown(self, item: Item, flags: bool) -> tuple[object, ...]:
        names = ["Verfügbar", "Gebraucht", "Frei", "trigger_inform_supporter", "technician_informed"]
        columns = [self.sharepoint.column(name) for name in names[: 5 if flags else 3]]
        return *key_of(item.fields), *(item.fields.get(column) for column in columns)

    def _tenant(self, name: str) -> Tenant:
        return self.m365.add_tenant(name, skus={**dict.fromkeys(PAID, (10, 5)), FREE: (10_000, 40)})

    def _turn(self, key: Key) -> None:
        tenant, part = self.tenant(key[0]), key[1]
        if self.short(key):
            if self.draw.random() < 0.15:
                tenant.remove_sku(part)
            else:
                tenant.set_sku(part, enabled=self.draw.choice([15, 20]), consumed=self.draw.randint(1, 9), warning=0)
            return
        seats = self.draw.choice([5, 10])
        runs_out = [(seats, seats, 0), (seats, seats + self.draw.randint(1, 4), 0), (0, 3, 0), (0, 4, seats)]
        enabled, consumed, warning = self.draw.choice(runs_out)
        tenant.set_sku(part, enabled=enabled, consumed=consumed, warning=warning)


def triggered(item: Item) -> bool:
    return bool(item.fields.get("trigger_inform_supporter"))


def key_of(fields: dict[str, Any]) -> Key:
    """Tenant and part number of an item of the licence list."""
    title = fields.get("Title") or ""
    found = LAST_BRACKETS.search(title)
    return fields.get("tenant") or "", found.group(1) if found else title


def readings(file: Path) -> dict[str, str]:
    """Tenant -> when its last good reading was, as the database has it."""
    if not file.exists() or not read_only(file, "select 1 from sqlite_master where name = 'tenants'"):
        return {}
    return dict(read_only(file, "select name, last_read_at from tenants where last_read_at is not null"))


def units(file: Path) -> dict[Key, tuple[int, int]]:
    """Key -> (enabled, consumed) as the database has it."""
    query = "select t.name, l.sku_part_number, l.enabled, l.consumed from licenses l join tenants t using (tenant_id)"
    return {(name, part): (enabled, consumed) for name, part, enabled, consumed in read_only(file, query)}


def read_only(file: Path, query: str) -> list[Any]:
    """What a query finds, past the product and without changing anything."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
