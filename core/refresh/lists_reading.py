"""Read the tenant list and the parameters of the flow, and store the switches of the tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from core.cache.lists_read import (
    SharePointStatus,
    emptied,
    last_switches,
    save_sharepoint_status,
    save_tenant_list,
)
from core.cache.tenant_rows import tenant_rows
from core.problems import Problem
from core.refresh.list_owner import ListOwner
from core.sharepoint import Item, ListCache, Lists, TenantRow, check_parameters, match_tenants, parameters_of
from core.sharepoint.tenant_list import listed_rows, listed_tenant
from core.sharepoint.writable import SWITCHES, emptied_switches, odd_values
from core.workers import Workers


@dataclass(slots=True)
class ListsRead:
    """The lists as read in this refresh; `matched`: tenant id -> its item of the tenant list.

    `odd`: problems of values that cannot be read; `refused`: problems of writes that SharePoint did not accept.
    """

    lists: Lists
    list_cache: ListCache
    tenants: list[TenantRow]
    matched: dict[str, Item]
    problems: list[Problem] = field(default_factory=list)
    parameters: Mapping[str, str] = field(default_factory=dict)
    odd: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    parameter_items: list[Item] = field(default_factory=list)

    @property
    def faults(self) -> list[Problem]:
        """Return the problems of columns, values and refused writes, which `sync` reports."""
        return [*self.lists.problems, *self.odd, *self.refused]


def read_lists(engine: Engine, lists: Lists, owner: ListOwner, workers: Workers, now: datetime) -> ListsRead:
    """Read tenant list and parameters, store the switches and the status, and return what was read.

    If another owner writes the lists, that is one of the problems. Raises GraphError, ListError.
    """
    list_cache = ListCache(engine, lists, now)
    items, parameter_items = workers.map(list_cache.items, (lists.tenants, lists.parameters))
    parameters = parameters_of(parameter_items)
    tenants = listed_rows(engine)
    matched, twice = match_tenants(tenants, items)
    odd = list(odd_values(lists.tenants, items, SWITCHES, "title"))
    problems = check_parameters(parameters)
    if foreign := owner.obstacle(lists, parameter_items):
        problems.append(foreign)
    problems += [Problem("sharepoint.duplicate_title", {"tenant": title}) for title in twice]
    listed = {item.item_id: listed_tenant(item, lists.tenants) for item in items}
    by_tenant = {tenant_id: listed[item.item_id] for tenant_id, item in matched.items()}
    rows = tenant_rows(engine)
    lost = {rows[key].name: emptied(item, last_switches(rows[key])) for key, item in by_tenant.items()}
    odd += emptied_switches(lists.tenants, lost)
    save_tenant_list(engine, list(listed.values()), by_tenant, now)
    lists_read = ListsRead(
        lists, list_cache, tenants, matched, problems, parameters, odd, parameter_items=parameter_items
    )
    all_problems = [*lists_read.faults, *problems]
    status = SharePointStatus(configured=True, read_at=now, problems=all_problems, parameters=parameters)
    save_sharepoint_status(engine, status)
    return lists_read
