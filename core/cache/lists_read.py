"""Store what was last read from the SharePoint lists: tenant switches, alarms, parameters, faults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from core.cache.event_rows import LicenseEvent, add_events
from core.cache.schema import alarms, tenant_list, tenants
from core.cache.sql import document, increase_version, save_document, transaction, upsert
from core.problems import Problem

DOCUMENT = "sharepoint"
# Document with the ids of tenants whose switches could be read; an earlier version read "Nein" as yes.
SWITCHES_SEEN = "switches_seen"


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A row of the SharePoint tenant list; a switch that cannot be read is None.

    `empty`: the switches without a value; here they have the value that an empty switch means in a new row.
    """

    item_id: str
    title: str
    enabled: bool | None
    monitoring: bool | None
    empty: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """The alarm of one licence.

    `triggered_at`: time of the trigger, if the flow has not answered; `told_at`: time at which the flow informed the
    support team; `item_id`: its item in the licence list `list_key` (None: in the present one); `short_since`: start of
    the shortage, which identifies it and is only compared for equality, so that a wrong clock has no effect. With both
    times the shortage counts as reported without a message, and `technician_informed` of its item is not set yet.
    """

    tenant_id: str
    sku_id: str
    item_id: str | None = None
    triggered_at: datetime | None = None
    retriggered: int = 0
    told_at: datetime | None = None
    short_since: datetime | None = None
    list_key: str | None = None

    def in_list(self, list_key: str) -> Alarm:
        """Return the alarm as it is for this list: without its item if that is in another one."""
        return self if self.list_key in (None, list_key) else replace(self, item_id=None, list_key=None)

    def noted_in(self, list_key: str) -> Alarm:
        """Return the alarm with the list of its item, which is this one."""
        of_item = list_key if self.item_id else None
        return self if self.list_key == of_item else replace(self, list_key=of_item)

    @property
    def taken_over(self) -> bool:
        return self.told_at is not None and self.triggered_at is not None


@dataclass(frozen=True, slots=True)
class SharePointStatus:
    """The last read of the lists; `configured` is False if there is no SharePoint profile."""

    configured: bool = False
    read_at: datetime | None = None
    problems: Sequence[Problem] = field(default_factory=list)
    parameters: Mapping[str, str] = field(default_factory=dict)


def sharepoint_status(engine: Engine) -> SharePointStatus:
    stored = document(engine, DOCUMENT, {})
    return SharePointStatus(
        configured=stored.get("configured", False),
        read_at=datetime.fromisoformat(stored["read_at"]) if stored.get("read_at") else None,
        problems=[Problem.from_json(text) for text in stored.get("problems", [])],
        parameters=stored.get("parameters", {}),
    )


def save_sharepoint_status(engine: Engine, status: SharePointStatus) -> None:
    with transaction(engine) as connection:
        save_document(
            connection,
            DOCUMENT,
            {
                "configured": status.configured,
                "read_at": status.read_at.isoformat() if status.read_at else None,
                "problems": [problem.to_json() for problem in status.problems],
                "parameters": dict(status.parameters),
            },
        )


def save_tenant_list(
    engine: Engine, rows: Sequence[ListedTenant], listed: Mapping[str, ListedTenant], at: datetime
) -> None:
    """Store the tenant list as read `at`; `listed` maps tenant id -> its row.

    A tenant that never had a row is not monitored. One whose row has vanished keeps its last switches, since nobody
    has switched it off, and gets `missing_since`. Instead of a switch that cannot be read the last readable value
    counts.
    """
    known_ids = set(document(engine, SWITCHES_SEEN, []))
    readable_ids = {tenant_id for tenant_id, item in listed.items() if None not in (item.enabled, item.monitoring)}
    with transaction(engine) as connection:
        connection.execute(delete(tenant_list))
        upsert(connection, tenant_list, [_stored(row) for row in rows])
        if not readable_ids <= known_ids:
            save_document(connection, SWITCHES_SEEN, sorted(readable_ids | known_ids))
        for row in connection.execute(select(tenants).where(tenants.c.has_profile)):
            item = listed.get(row.tenant_id)
            switches = switches_after(row, item, at, seen=row.tenant_id in known_ids)
            if (row.listed, row.enabled, row.monitored, row.missing_since) != switches:
                _switch(connection, row.tenant_id, *switches)
            if row.list_item_id != (item.item_id if item else None):
                where = tenants.c.tenant_id == row.tenant_id
                connection.execute(update(tenants).where(where).values(list_item_id=item.item_id if item else None))


def switches_after(
    row: Any, item: ListedTenant | None, at: datetime, *, seen: bool = True
) -> tuple[bool, bool, bool, datetime | None]:
    """Return (listed, enabled, monitored, missing_since) for the tenant `row`; `item` is its row in the list, if any.

    `seen`: its switches could be read before.
    """
    if item is not None:
        return True, *settled_switches(item, (row.enabled, row.monitored) if seen else None), None
    if last_switches(row) is not None:
        return False, row.enabled, row.monitored, row.missing_since or at
    return False, row.enabled, False, None


def last_switches(row: Any) -> tuple[bool, bool] | None:
    """Return (enabled, monitored) as last read from the tenant's row in the list; None if it never had one."""
    return (row.enabled, row.monitored) if row.listed or row.missing_since is not None else None


def settled_switches(item: ListedTenant, last: tuple[bool, bool] | None) -> tuple[bool, bool]:
    """Return (enabled, monitored) of a tenant; `last` has the last readable values, None if there are none.

    Without `last` an unreadable switch means: read the tenant, send no messages. An empty switch that had a value keeps
    it: nobody can empty a yes/no field, so its column was deleted and made again.
    """
    if last is None and None in (item.enabled, item.monitoring):
        return item.enabled is not False, False
    enabled, monitored = last or (True, False)
    return (
        enabled if item.enabled is None or "enabled" in item.empty else item.enabled,
        monitored if item.monitoring is None or "monitoring" in item.empty else item.monitoring,
    )


def emptied(item: ListedTenant, last: tuple[bool, bool] | None) -> list[str]:
    """Return the switches that have lost their value and would change if empty meant what it means in a new row."""
    if last is None:
        return []
    return [
        name
        for name, was in zip(("enabled", "monitoring"), last, strict=True)
        if name in item.empty and was != getattr(item, name)
    ]


def _stored(row: ListedTenant) -> dict[str, Any]:
    """Return the row for the table, in which a switch cannot be None."""
    switches = {"enabled": row.enabled is not False, "monitoring": row.monitoring is True}
    return {"item_id": row.item_id, "title": row.title, **switches}


def save_switches(engine: Engine, tenant_id: str, *, listed: bool, enabled: bool, monitored: bool) -> None:
    """Store the switches that a page has just changed (in SharePoint, or only here without SharePoint)."""
    with transaction(engine) as connection:
        _switch(connection, tenant_id, listed, enabled, monitored)
        increase_version(connection)


def _switch(
    connection: Connection,
    tenant_id: str,
    listed: bool,
    enabled: bool,
    monitored: bool,
    missing_since: datetime | None = None,
) -> None:
    values = {"listed": listed, "enabled": enabled, "monitored": monitored, "missing_since": missing_since}
    connection.execute(update(tenants).where(tenants.c.tenant_id == tenant_id).values(values))


def tenant_list_rows(engine: Engine) -> list[ListedTenant]:
    with transaction(engine) as connection:
        rows = connection.execute(select(tenant_list).order_by(tenant_list.c.title)).mappings()
        return [ListedTenant(**row) for row in rows]


def stored_alarms(engine: Engine) -> dict[tuple[str, str], Alarm]:
    """Return (tenant id, SKU id) -> alarm."""
    with transaction(engine) as connection:
        rows = [Alarm(**row) for row in connection.execute(select(alarms)).mappings()]
    return {(alarm.tenant_id, alarm.sku_id): alarm for alarm in rows}


# What else happens in the transaction of reports.
Tell = Callable[[Connection, Sequence[LicenseEvent]], None]


def save_alarms(
    engine: Engine, changed: Sequence[Alarm], events: Sequence[LicenseEvent] = (), tell: Tell | None = None
) -> None:
    """Store alarms together with what their changes mean for the licences; `tell` passes that on to their cases."""
    rows: list[dict[str, Any]] = [asdict(alarm) for alarm in changed]
    with transaction(engine) as connection:
        upsert(connection, alarms, rows)
        add_events(connection, events)
        if tell is not None and events:
            tell(connection, events)
