"""Delete what the SharePoint lists hold of a tenant that has left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.cache.lists_read import stored_alarms
from core.cache.mentions import TenantKeys
from core.cache.tenant_rows import list_row_of
from core.graph import GraphError
from core.name_key import name_key
from core.problems import Problem
from core.refresh.services import Services
from core.sharepoint import Item, ListError, Lists


def remove_from_lists(services: Services, keys: TenantKeys) -> tuple[Mapping[str, int], Problem | None]:
    """Delete the items and the row of the tenant; return how many have gone, and the problem if some are left.

    Without a SharePoint profile there are no lists. For the owner of the refresh lock. Raises DatabaseError.
    """
    profiles = services.profiles.load(services.now())
    if profiles.sharepoint is None:
        broken = [fault.cause for fault in profiles.faults if fault.of_sharepoint and not fault.usable]
        return {}, broken[0] if broken else None
    gone = {"items": 0, "rows": 0}
    try:
        lists = services.publisher.lists(profiles.sharepoint)
        for name, of, found in (
            ("items", lists.licenses, _license_items(services, lists, keys)),
            ("rows", lists.tenants, _tenant_rows(services, lists, keys)),
        ):
            gone[name] = services.publisher.delete_items(lists, of, found, services.now())
            if gone[name] < len(found):
                values = {"tenant": keys.name, "count": str(len(found) - gone[name])}
                return gone, Problem("leaving.items_left", values)
    except (GraphError, ListError) as error:
        return gone, error.problem
    return gone, None


def _license_items(services: Services, lists: Lists, keys: TenantKeys) -> list[Item]:
    alarms, key = stored_alarms(services.engine).values(), lists.licenses.key
    own = {alarm.in_list(key).item_id for alarm in alarms if alarm.tenant_id == keys.tenant_id}
    others = {alarm.in_list(key).item_id for alarm in alarms if alarm.tenant_id != keys.tenant_id}
    items = [item for item in lists.items(lists.licenses) if item.item_id not in others]
    return _of_tenant(items, "tenant", own, keys)


def _tenant_rows(services: Services, lists: Lists, keys: TenantKeys) -> list[Item]:
    own = {list_row_of(services.engine, keys.tenant_id)}
    return _of_tenant(lists.items(lists.tenants), "title", own, keys)


def _of_tenant(items: Sequence[Item], column: str, own: Collection[str | None], keys: TenantKeys) -> list[Item]:
    """Return the items with a name of the tenant, and those with a number in `own` and no name of another tenant."""
    others = set(map(name_key, keys.others))
    return [
        item
        for item in items
        if (name := name_key(item.text(column))) in keys.name_keys or (item.item_id in own and name not in others)
    ]
