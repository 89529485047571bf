"""A small world whose shortages come and go: customers, their licences, and the people around the lists."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from core.name_key import name_key, plain
from simulator import Microsoft365, SharePoint, catalog
from simulator.lists import Item
from simulator.profiles import guid
from simulator.tenants import Sku, Tenant
from tests.chaos.ledger import Key

NAMES = (
    "Schule Höri", "Bau AG Chur", "Spital Wil", "Gemeinde Üetikon", "Bu\u0308ro (Zürich) GmbH", "O'Brien & Söhne",
    "Kita\u00a0Sonnenblume", "Verein \U0001f33b", "École Düdingen", "Müller [alt]", "\u200eHof\u200b 7", "A", "SPB",
)  # fmt: skip
PARTS = (
    "SPB", "SPE_E3", "Microsoft_365_E3_(no_Teams)", "ODD(", ")ODD", "CONTOSO_(500_seats_min)_HUB", "NO\u00a0BREAK",
    "BÜRO_PAKET", "BU\u0308RO_ZWEI", "[x] (y)", "A B  C", "\U0001f4e6_BOX", "TRAILING ", "", "E3) (E5", "X" * 240,
)  # fmt: skip
DATES = (  # the ends of the terms of a subscription, as Microsoft gives them
    None,
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
    dt.datetime(2027, 3, 28, 2, 30, tzinfo=dt.UTC),
)
LABELS = ("SPB", "odd", "twin-1", "twin-2")  # the simulator's own names of the licences that may run out
FREE = "FLOW_FREE"
COMMENT = "Bemerkung"  # a column of the support team, which the product does not know


class Cast:
    """The tenants of `m365`; `keys` are the licences that may run out.

    Tenants and licences have odd names, and change them. What belongs to whom is known here by the numbers of the
    items. They are bound when they are first seen, by the names that the product had read by then (`file`: its
    database), never by what it makes of names.
    """

    def __init__(self, m365: Microsoft365, sharepoint: SharePoint, draw: random.Random, file: Path) -> None:
        self.m365, self.sharepoint, self.draw, self.file = m365, sharepoint, draw, file
        self.products: dict[Key, tuple[str, str]] = {}  # part number, SKU id
        self._owners: dict[int, Key] = {}  # item of the licence list -> the licence that it was made for
        self._rows: dict[int, str] = {}  # row of the tenant list -> slug
        self.tenants = [self._tenant(name) for name in draw.sample(NAMES, 4)]
        self.keys: list[Key] = [(tenant.slug, label) for tenant in self.tenants for label in LABELS]
        sharepoint.licenses.add_column(COMMENT)

    def tenant(self, slug: str) -> Tenant:
        return next(tenant for tenant in self.tenants if tenant.slug == slug)

    def short(self, key: Key) -> bool:
        """The truth, by a rule of its own."""
        sku = self.tenant(key[0]).skus.get(key[1])
        return sku is not None and sku.consumed >= sku.enabled and sku.enabled + sku.consumed > 0

    def change(self, share: float) -> None:
        """Each licence turns with this chance: it runs out, is bought again, or disappears from the tenant."""
        for key in self.keys:
            if self.draw.random() < share:
                self._turn(key)

    def rename(self) -> None:
        """Tenants and licences get other names, some of them those that others have just had."""
        if self.draw.random() < 0.5:
            one, other = self.draw.sample(self.tenants, 2)
            fresh = [name for name in NAMES if name not in [tenant.name for tenant in self.tenants]]
            before = one.name
            one.rename(self.draw.choice([other.name, *fresh]))
            if one.name == other.name or self.draw.random() < 0.5:
                other.rename(before)
        listed = [key for key in self.keys if key[1] in ("odd", "twin-1") and key[1] in self.tenant(key[0]).skus]
        if len(listed) > 1 and self.draw.random() < 0.5:
            one_key, other_key = self.draw.sample(listed, 2)
            (part, sku_id), (other_part, _) = self.products[one_key], self.products[other_key]
            self._name(one_key, self.draw.choice([other_part, *PARTS]), sku_id)
            if one_key[0] == other_key[0] and self.draw.random() < 0.5:
                self._name(other_key, part, self.products[other_key][1])

    def key_of(self, item: Item) -> Key:
        """The licence that an item of the licence list was made for; a new one is known by the names of this moment."""
        if item.id not in self._owners:
            self._owners[item.id] = self._by_names(item.fields)
        return self._owners[item.id]

    def know_items(self) -> None:
        """Take down what belongs to whom, before anybody gets another name."""
        for item in self.sharepoint.licenses.items:
            self.key_of(item)

    def add_twin(self, item: Item) -> None:
        """The older tool adds an item although there is one. It names tenant and product as they are called now."""
        key, fields = self.key_of(item), {name: item.fields[name] for name in ("Title", "tenant")}
        if plain(fields["tenant"]) == plain(self.tenant(key[0]).name) and self._means(fields["Title"], key):
            self._owners[self.sharepoint.licenses.add(fields).id] = key

    def owner_of(self, item_id: int) -> Key:
        """The licence of an item, which may be gone by now."""
        return self._owners.get(item_id) or self.key_of(self.sharepoint.licenses.by_id[item_id])

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
            self._rows[item.id]
            for item in self.sharepoint.tenants.items
            if item.fields.get("enabled") and item.fields.get("monitoring")
        }
        return {key for key in self.keys if key[0] in on}

    def read_since(self, file: Path, before: dict[str, str]) -> dict[Key, bool]:
        """Key -> whether it is short, of every tenant with a good reading since `before`."""
        read = {slug for slug, at in readings(file).items() if before.get(slug) != at}
        return {key: self.short(key) for key in self.keys if key[0] in read}

    def with_trigger(self) -> set[Key]:
        with self.m365.lock:
            return {self.key_of(item) for item in self.sharepoint.licenses.items if triggered(item)}

    def wrong_rows(self, *, flags: bool = True) -> list[str]:
        """Where the licence list is not what the world, and with `flags` a told shortage, make of it."""
        wanted = Counter(self._wanted(flags))
        found = Counter(self._shown(item, flags) for item in self.sharepoint.licenses.items)
        return [f"missing in the list: {row}" for row in wanted - found] + [
            f"too much in the list: {row}" for row in found - wanted
        ]

    def wrong_units(self, known: Mapping[tuple[str, str], tuple[int, int]], read: Collection[Key]) -> list[str]:
        """Where the database differs from the world although the tenant was read; `known` goes by slug and SKU id."""
        found = []
        for key in read:
            sku = self.tenant(key[0]).skus.get(key[1], Sku("", ""))
            stored = known.get((key[0], self.products[key][1]), (0, 0))
            if (sku.enabled, sku.consumed) != stored:
                found.append(f"{key}: the database says {stored}, the world {sku}")
        return found

    def _wanted(self, flags: bool) -> Iterator[tuple[object, ...]]:
        for tenant in self.tenants:
            for label in (*LABELS, FREE):
                sku = tenant.skus.get(label, Sku("", ""))
                told = label != FREE and self.short((tenant.slug, label))
                numbers = (sku.enabled, sku.consumed, sku.enabled - sku.consumed)
                yield plain(tenant.name), (tenant.slug, label), True, *numbers, *((False, told) if flags else ())

    def _shown(self, item: Item, flags: bool) -> tuple[object, ...]:
        names = ["Verfügbar", "Gebraucht", "Frei", "trigger_inform_supporter", "technician_informed"]
        columns = [self.sharepoint.column(name) for name in names[: 5 if flags else 3]]
        key, title = self.key_of(item), item.fields.get("Title") or ""
        values = (item.fields.get(column) for column in columns)
        means = self._means(title, key, self._parts_known(key[0]))
        return plain(item.fields.get("tenant") or ""), key, means, *values

    def _parts_known(self, slug: str) -> dict[Key, str]:
        """The part numbers of a tenant as the product can know them: nobody has read what a gone one is called now."""
        read, listed = parts_read(self.file), self.tenant(slug).skus
        return {
            key: part if key[1] in listed else read.get((slug, sku_id), part)
            for key, (part, sku_id) in self.products.items()
            if key[0] == slug
        }

    def _by_names(self, fields: Mapping[str, Any]) -> Key:
        tenant = next(one for one in self.tenants if plain(one.name) == plain(fields.get("tenant") or ""))
        title, read = fields.get("Title") or "", parts_read(self.file)
        parts = {
            key: read.get((key[0], sku_id), part)
            for key, (part, sku_id) in self.products.items()
            if key[0] == tenant.slug
        }
        meant = [key for key in parts if self._means(title, key, parts)]
        assert meant, f"{title!r} of {tenant.name!r} means none of {parts}"
        return max(meant, key=lambda key: len(parts[key]))

    def _means(self, title: str, key: Key, parts: Mapping[Key, str] | None = None) -> bool:
        """Whether a person would read the title as this licence; `parts`: the part numbers of its tenant."""
        now = {one: part for one, (part, _) in self.products.items() if one[0] == key[0]}
        part_keys = {one: name_key(part) for one, part in (parts or now).items()}
        part, sku_id = part_keys[key], self.products[key][1]
        named = name_key(title).replace(" )", ")").endswith(f"({part or sku_id})")
        return named and (list(part_keys.values()).count(part) == 1 or not part or f"[{sku_id[:8]}]" in title)

    def _tenant(self, name: str) -> Tenant:
        tenant = self.m365.add_tenant(name)
        (row,) = self.sharepoint.tenants.find(Title=name)
        self._rows[row.id] = tenant.slug
        if self.draw.random() < 0.5:  # somebody has typed the name anew
            spelled = self.draw.choice([unicodedata.normalize("NFD", name), f" {name.upper()}\u200b"])
            self.sharepoint.tenants.update(row.id, {"Title": spelled})
        for label in (*LABELS, FREE):
            own = {"odd": self.draw.choice(PARTS), "twin-1": "TEAMS_PREMIUM", "twin-2": "teams_premium"}
            sku_id = guid(tenant.slug, label) if label in own else catalog.sku_id(label)
            part = own.get(label, label)
            self.products[tenant.slug, label] = part, sku_id
            seats = 10 if label != FREE else 10_000
            tenant.set_sku(label, part_number=part, sku_id=sku_id, enabled=seats, consumed=5)
        tenant.add_subscription("SPB", self.draw.choice(DATES))
        return tenant

    def _name(self, key: Key, part: str, sku_id: str) -> None:
        """Give a licence another part number."""
        self.products[key] = part, sku_id
        self.tenant(key[0]).set_sku(key[1], part_number=part)

    def _turn(self, key: Key) -> None:
        tenant, label = self.tenant(key[0]), key[1]
        if self.short(key) and self.draw.random() < 0.15:
            tenant.remove_sku(label)
            return
        if self.short(key):
            enabled, consumed, warning = self.draw.choice([15, 20]), self.draw.randint(1, 9), 0
        else:
            seats = self.draw.choice([5, 10])
            runs_out = [(seats, seats, 0), (seats, seats + self.draw.randint(1, 4), 0), (0, 3, 0), (0, 4, seats)]
            enabled, consumed, warning = self.draw.choice(runs_out)
        part, sku_id = self.products[key]
        tenant.set_sku(label, part_number=part, sku_id=sku_id, enabled=enabled, consumed=consumed, warning=warning)


def triggered(item: Item) -> bool:
    return bool(item.fields.get("trigger_inform_supporter"))


def readings(file: Path) -> dict[str, str]:
    """Slug of a tenant -> when its last good reading was, as the database has it."""
    if not file.exists() or not read_only(file, "select 1 from sqlite_master where name = 'tenants'"):
        return {}
    return dict(read_only(file, "select slug, last_read_at from tenants where last_read_at is not null"))


def units(file: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(slug, SKU id) -> (enabled, consumed) as the database has it."""
    query = "select t.slug, l.sku_id, l.enabled, l.consumed from licenses l join tenants t using (tenant_id)"
    return {(slug, sku_id): (enabled, consumed) for slug, sku_id, enabled, consumed in read_only(file, query)}


def parts_read(file: Path) -> dict[tuple[str, str], str]:
    """(slug, SKU id) -> part number as the database has it."""
    query = "select t.slug, l.sku_id, l.sku_part_number from licenses l join tenants t using (tenant_id)"
    return {(slug, sku_id): part for slug, sku_id, part in read_only(file, query)} if file.exists() else {}


def read_only(file: Path, query: str) -> list[Any]:
    """What a query finds, past the product and without changing anything."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
