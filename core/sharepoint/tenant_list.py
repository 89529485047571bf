"""The rows of the tenant list: read their switches, match them with tenants, plan their changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Engine

from core.bounds import EARLIEST, parse_time
from core.cache.lists_read import ListedTenant
from core.cache.tenant_rows import tenant_rows
from core.name_key import name_key, plain
from core.sharepoint.lists import Item, SharePointList
from core.sharepoint.plan import Change
from core.sharepoint.writable import SWITCHES


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant with the values that its row in the tenant list should have; `item_id`: id of that row, "" for none."""

    tenant_id: str
    name: str
    former_names: Sequence[str]
    cert_expires: datetime | None
    item_id: str = ""


def match_tenants(rows: Sequence[TenantRow], items: Iterable[Item]) -> tuple[dict[str, Item], list[str]]:
    """Return tenant id -> its item of the tenant list, and the titles that are there more than once.

    A tenant keeps its stored row, unless another row has its present name and the stored one a name that the tenant
    never had: then people have exchanged the rows. A present name wins over a former one.
    """
    listed = sorted(items, key=lambda item: item.number)
    by_title: dict[str, Item] = {}
    twice: list[str] = []
    for item in listed:
        if by_title.setdefault(name_key(item.text("title")), item) is not item:
            twice.append(item.text("title"))
    ordered = sorted(rows, key=lambda row: row.tenant_id)
    names = {row.tenant_id: name_key(row.name) for row in ordered}
    matched = _rows_kept(ordered, listed, by_title, names)
    for row in ordered:
        _take_by_title(row, by_title, names, matched)
    _take_by_former_name(ordered, by_title, names, matched)
    return matched, twice


def _rows_kept(
    ordered: Sequence[TenantRow], listed: Sequence[Item], by_title: Mapping[str, Item], names: Mapping[str, str]
) -> dict[str, Item]:
    """Return tenant id -> its stored row; if two tenants have the same one, that with its name gets it."""
    by_id = {item.item_id: item for item in listed}
    holders: dict[str, str] = {}
    for row in ordered:
        item = by_id.get(row.item_id)
        if item is not None:
            title = name_key(item.text("title"))
            ever = {names[row.tenant_id], *map(name_key, row.former_names)}
            if title not in ever and names[row.tenant_id] in by_title:
                continue
            if item.item_id not in holders or names[row.tenant_id] == title:
                holders[item.item_id] = row.tenant_id
    return {tenant_id: by_id[item_id] for item_id, tenant_id in holders.items()}


def _take_by_title(
    row: TenantRow, by_title: Mapping[str, Item], names: Mapping[str, str], matched: dict[str, Item]
) -> None:
    """Match the tenant with the row that has its present name, unless both are matched already."""
    mine = matched.get(row.tenant_id)
    item = by_title.get(names[row.tenant_id])
    if item is None or (mine is not None and name_key(mine.text("title")) == names[row.tenant_id]):
        return
    holder = next((tenant_id for tenant_id, held in matched.items() if held is item), None)
    if holder is None:
        matched[row.tenant_id] = item
    elif mine is None:
        del matched[holder]
        matched[row.tenant_id] = item


def _take_by_former_name(
    ordered: Sequence[TenantRow], by_title: Mapping[str, Item], names: Mapping[str, str], matched: dict[str, Item]
) -> None:
    present = set(names.values())
    taken = {item.item_id for item in matched.values()}
    for row in ordered:
        former = [key for key in map(name_key, reversed(row.former_names)) if key not in present and key in by_title]
        free = [by_title[key] for key in former if by_title[key].item_id not in taken]
        if row.tenant_id not in matched and free:
            matched[row.tenant_id] = free[0]
            taken.add(free[0].item_id)


FIRST_DAY = EARLIEST.date() + timedelta(days=1)  # its midnight is within the bounds in every zone


def plan_tenants(rows: Sequence[TenantRow], matched: Mapping[str, Item], zone: tzinfo) -> list[Change]:
    """Return the changes that set `cert_expires` to the certificate's last day in `zone`, and the title to the name."""
    changes = []
    for row in rows:
        item = matched.get(row.tenant_id)
        if item is None:
            continue
        values: dict[str, Any] = {}
        if plain(item.text("title")) != plain(row.name):
            values["title"] = row.name
        if row.cert_expires is not None:
            day = max(row.cert_expires.astimezone(zone).date(), FIRST_DAY)
            if not _shows_day(parse_time(item.fields.get("cert_expires")), day):
                values["cert_expires"] = f"{_written(day):%Y-%m-%dT%H:%M:%SZ}"
        if values:
            changes.append(Change((row.tenant_id, ""), item, values))
    return changes


def _written(day: date) -> datetime:
    """Return the time that falls on `day` in every site from Hawaii (UTC-10) to New Zealand in summer (UTC+13)."""
    return datetime.combine(day, time(10), UTC)


def _shows_day(stored: datetime | None, day: date) -> bool:
    """Return True if `stored` shows `day`, whatever the zone of the site, which Graph does not return.

    A date column stores the site's midnight before the written time, so up to 24 hours earlier; a date-time column
    stores the written time. Earlier versions wrote noon.
    """
    return stored is not None and _written(day) - timedelta(days=1) < stored <= _written(day) + timedelta(hours=2)


def listed_rows(engine: Engine) -> list[TenantRow]:
    """Return the tenants with the values that their rows in the tenant list should have."""
    return [
        TenantRow(row.tenant_id, row.name, row.former_names, row.cert_expires, row.list_item_id or "")
        for row in tenant_rows(engine).values()
    ]


def listed_tenant(item: Item, of: SharePointList) -> ListedTenant:
    """Return the item as a row of the tenant list; an empty `enabled` means yes, an empty `monitoring` no."""
    return ListedTenant(
        item_id=item.item_id,
        title=item.text("title"),
        enabled=_switch(item, of, "enabled", empty=True),
        monitoring=_switch(item, of, "monitoring", empty=False),
        empty=[word for word in SWITCHES if of.ours.reads(word) and item.fields.get(word) is None],
    )


def _switch(item: Item, of: SharePointList, word: str, *, empty: bool) -> bool | None:
    """Return the value of the switch, `empty` for an empty one; None if it cannot be read."""
    value = item.fields.get(word)
    if isinstance(value, bool):
        return value
    return empty if value is None and of.ours.reads(word) else None
