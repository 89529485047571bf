"""Match the items of the lists with licences and tenants. Pure functions.

A licence is tenant id + SKU id, but a list has only names. So an item is matched by its id if the cache has it, else by
its names, compared by `name_key`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.cache.lists_read import Alarm
from core.name_key import name_key
from core.sharepoint.item_names import ItemName, name_endings
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.lists import Item

REST = ""  # in place of the SKU id for items of a tenant that belong to none of its rows

TenantNames = Mapping[str, Collection[str]]  # tenant id -> its present name, then its former ones


# The names of items


# The items of licences


@dataclass(frozen=True, slots=True)
class Claims:
    """The items of each licence.

    `by_key`: licence -> its items (more than one are duplicates); items that belong to none of a tenant's rows are
    under (tenant id, REST). `shared`: licence without an item -> the item that it shared with another licence.
    """

    by_key: dict[Key, list[Item]] = field(default_factory=lambda: defaultdict(list))
    shared: dict[Key, Item] = field(default_factory=dict)


def claim_items(
    rows: Sequence[Row],
    written: Mapping[Key, ItemName],
    items: Iterable[Item],
    alarms: Mapping[Key, Alarm],
    names: TenantNames,
) -> Claims:
    """Return the items of each licence, without items of other tenants.

    `written` are the `item_names` of `rows`. An item id in `alarms` decides, whatever the item's names are: tenant or
    part number may have been renamed. Other items are matched by their tenant's name and their Lizenzname: the one that
    we write, the bare part number, or any name that ends in `(part number)`.
    """
    owner_of = _stored_owners({row.key for row in rows}, alarms, names)
    claims = Claims()
    unknown: list[Item] = []
    for item in items:
        owner = owner_of.get(item.item_id)
        if owner is None:
            unknown.append(item)
        else:
            claims.by_key[owner].append(item)
    if unknown:
        _claim_by_name(claims, rows, written, unknown, names)
    return claims


def _claim_by_name(
    claims: Claims, rows: Sequence[Row], written: Mapping[Key, ItemName], items: Sequence[Item], names: TenantNames
) -> None:
    tenant_of = _tenants_by_name(names)
    keys_of = _keys_by_name(written)
    ambiguous: list[tuple[list[Key], Item]] = []
    for item in items:
        tenant_id = tenant_of.get(name_key(item.text("tenant")))
        if tenant_id is None:
            continue
        keys = _keys_named(keys_of.get(tenant_id, {}), item.text("name"))
        if len(keys) > 1:
            ambiguous.append((keys, item))
        else:
            claims.by_key[keys[0] if keys else (tenant_id, REST)].append(item)
    short = {row.key: (not row.shortage, row.short_since is None, row.short_since or 0) for row in rows}
    for keys, item in ambiguous:  # written for one part number, before its SKU ids had an item each
        alone = [key for key in keys if not claims.by_key.get(key)]
        first = min(alone or keys, key=lambda key: (short[key], key))
        claims.by_key[first].append(item)
        claims.shared.update({key: item for key in alone if key != first})


def _stored_owners(current: Collection[Key], alarms: Mapping[Key, Alarm], names: TenantNames) -> dict[str, Key]:
    """Return item id -> licence, from the stored alarms of tenants with a profile; licences in `current` come first."""
    owner_of: dict[str, Key] = {}
    for key in sorted(alarms, key=lambda key: (key not in current, key)):
        item_id = alarms[key].item_id
        if item_id and key[0] in names:
            owner_of.setdefault(item_id, key)
    return owner_of


def alarms_left(alarms: Mapping[Key, Alarm], names: TenantNames) -> dict[str, Alarm]:
    """Return item id -> stored alarm, of tenants without a profile."""
    return {alarm.item_id: alarm for key, alarm in alarms.items() if alarm.item_id and key[0] not in names}


def _tenants_by_name(names: TenantNames) -> dict[str, str]:
    """Return name key -> tenant id. Present names win over former ones, whatever the order of `names`."""
    tenant_of: dict[str, str] = {}
    listed = sorted(names.items())
    for chosen in (slice(0, 1), slice(1, None)):
        for tenant_id, of_tenant in listed:
            for name in list(of_tenant)[chosen]:
                tenant_of.setdefault(name_key(name), tenant_id)
    return tenant_of


Reading = tuple[str, ...]  # one way to read a Lizenzname


def _keys_by_name(written: Mapping[Key, ItemName]) -> dict[str, dict[Reading, list[Key]]]:
    """Return tenant id -> reading of a Lizenzname -> the licences that it may mean."""
    keys_of: dict[str, dict[Reading, list[Key]]] = defaultdict(lambda: defaultdict(list))
    for key, name in written.items():
        of_tenant = keys_of[key[0]]
        for reading in (("name", name_key(name.text)), ("part", name.part_key), ("tag", name.part_key, name.tag)):
            of_tenant[reading].append(key)
    return keys_of


def _keys_named(keys_of: Mapping[Reading, list[Key]], name: str) -> list[Key]:
    """Return the licences that the Lizenzname may mean, by the most exact reading that matches."""
    key = name_key(name)
    endings = list(name_endings(key))
    readings: list[Reading] = [("name", key), ("part", key)]
    readings += [("tag", part, tag) for part, tag in endings if tag]
    readings += [("part", part) for part, _ in endings]
    return next((keys_of[reading] for reading in readings if reading in keys_of), [])


# The rows of the tenant list
