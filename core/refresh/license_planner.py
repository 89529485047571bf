"""Plan the licence list from the rows of the cache, and keep the alarms of each step in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from core.cache.lists_read import Alarm, save_alarms, stored_alarms
from core.cases.opening import tell_cases
from core.refresh.lists_reading import ListsRead
from core.settings import Settings
from core.sharepoint import Item, Plan, Row, plan_licenses, taken_over
from core.sharepoint.license_rows import Key, in_lists
from core.sharepoint.trigger_table import report_events
from core.sharepoint.writable import writable_plan

Planner = Callable[[Sequence[Item], Mapping[Key, Alarm]], Plan]


def license_planner(
    lists_read: ListsRead,
    tenants: Mapping[str, Any],
    wanted: Sequence[Row],
    now: datetime,
    settings: Settings,
    before_writing: Callable[[], None],
) -> Planner:
    """Return the function that plans the licence list; before changes it checks the columns."""

    def plan(items: Sequence[Item], alarms: Mapping[Key, Alarm]) -> Plan:
        new_plan = plan_of(tenants, wanted, items, alarms, now, settings, lists_read.lists.licenses.key)
        if new_plan.changes:
            before_writing()
            lists_read.list_cache.check_columns(lists_read.lists.licenses)
        return writable_plan(new_plan, lists_read.lists.licenses, items)

    return plan


def plan_of(
    tenants: Mapping[str, Any],
    wanted: Sequence[Row],
    items: Iterable[Item],
    alarms: Mapping[Key, Alarm],
    now: datetime,
    settings: Settings,
    list_key: str,
) -> Plan:
    """Return the plan for the licence list; `tenants`: tenant id -> its row in the database, or one like it.

    `list_key` is that of the list with `items`; the item of an alarm in another list has no meaning in this one.
    """
    names = {tenant_id: [row.name, *row.former_names] for tenant_id, row in tenants.items()}
    disabled = {tenant_id for tenant_id, row in tenants.items() if not in_lists(row)}
    timeout = timedelta(minutes=settings.flow_timeout_minutes)
    here = {key: alarm.in_list(list_key) for key, alarm in alarms.items()}
    plan = plan_licenses(wanted, items, here, names, disabled, now=now, flow_timeout=timeout)
    plan.alarms = {key: alarm.noted_in(list_key) for key, alarm in plan.alarms.items()}
    return plan


class AlarmMemory:
    """The alarms in the cache; saved before each write to the list, so that they are right after a crash."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.alarms = stored_alarms(engine)

    def take_over(self, shortages: Iterable[Row], now: datetime) -> int:
        """Save alarms that mark these shortages as reported without a message; return how many."""
        taken = taken_over(shortages, self.alarms, now)
        self.save(taken)
        return len(taken)

    def observe(
        self,
        lists_read: ListsRead,
        tenants: Mapping[str, Any],
        wanted: Sequence[Row],
        items: Sequence[Item],
        now: datetime,
        settings: Settings,
    ) -> None:
        """Save the alarms as the items show them, for a list that somebody else writes."""
        of = lists_read.lists.licenses
        plan = writable_plan(plan_of(tenants, wanted, items, self.alarms, now, settings, of.key), of, items)
        self.save({key: alarm for key, alarm in plan.alarms.items() if alarm.item_id})

    def save(self, alarms: Mapping[Key, Alarm]) -> None:
        """Save those of the alarms that have changed."""
        changed = {key: alarm for key, alarm in alarms.items() if self.alarms.get(key) != alarm}
        if changed:
            events = report_events(changed.values(), self.alarms)
            save_alarms(self._engine, list(changed.values()), events, tell_cases)
            self.alarms |= changed
