"""What the SharePoint lists said at the last contact: tenant switches, alarms, parameters, faults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from core.cache.schema import alarms, tenant_list, tenants
from core.cache.sql import bump, document, save_document, transaction, upsert
from core.problems import Problem

DOCUMENT = "sharepoint"
SWITCHES_SEEN = (
    "switches_seen"  # tenant ids; a version before this one took "Nein" for a yes, so its word is not enough
)


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A row of the SharePoint tenant list; a switch that cannot be read is None.

    `empty`: the switches without a value; they stand here as what they mean in a new row.
    """

    item_id: str
    title: str
    enabled: bool | None
    monitoring: bool | None
    empty: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is known of the alarm of one licence.

    `triggered_at`: the trigger is set and the flow has not answered; `told_at`: the flow has told
    the support team; `item_id`: the item of the licence list; `short_since`: the shortage that it is
    about, by its beginning. Compared for equality only, so that no clock can spoil it. Both times: the shortage
    counts as told without a message, and its item is still to get the mark.
    """

    tenant_id: str
    sku_id: str
    item_id: str | None = None
    triggered_at: datetime | None = None
    retriggered: int = 0
    told_at: datetime | None = None
    short_since: datetime | None = None

    @property
    def taken_over(self) -> bool:
        return self.told_at is not None and self.triggered_at is not None


@dataclass(frozen=True, slots=True)
class SharePointStatus:
    """Last contact with the lists; `configured` is False when there is no SharePoint profile."""

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
    """Take the tenant list over as read `at`; `listed` maps tenant id -> its row.

    A tenant that never had a row is not monitored. One whose row has vanished keeps its last switches, since nobody
    has switched it off; `missing_since` says so. Where a switch cannot be read the last one that could holds.
    """
    seen = set(document(engine, SWITCHES_SEEN, []))
    read = {tenant_id for tenant_id, item in listed.items() if None not in (item.enabled, item.monitoring)}
    with transaction(engine) as connection:
        connection.execute(delete(tenant_list))
        upsert(connection, tenant_list, [_stored(row) for row in rows])
        if not read <= seen:
            save_document(connection, SWITCHES_SEEN, sorted(read | seen))
        for row in connection.execute(select(tenants).where(tenants.c.has_profile)):
            item = listed.get(row.tenant_id)
            wanted = switches_after(row, item, at, seen=row.tenant_id in seen)
            if (row.listed, row.enabled, row.monitored, row.missing_since) != wanted:
                _switch(connection, row.tenant_id, *wanted)
            if row.list_item_id != (item.item_id if item else None):
                where = tenants.c.tenant_id == row.tenant_id
                connection.execute(update(tenants).where(where).values(list_item_id=item.item_id if item else None))


def switches_after(
    row: Any, item: ListedTenant | None, at: datetime, *, seen: bool = True
) -> tuple[bool, bool, bool, datetime | None]:
    """Return (listed, enabled, monitored, missing since) of the tenant `row`; `item` is its row in the list, if any.

    `seen`: its switches could be read before.
    """
    if item is not None:
        return True, *settled_switches(item, (row.enabled, row.monitored) if seen else None), None
    if last_switches(row) is not None:
        return False, row.enabled, row.monitored, row.missing_since or at
    return False, row.enabled, False, None


def last_switches(row: Any) -> tuple[bool, bool] | None:
    """(enabled, monitored) of the tenant `row` as its row in the list had them; None when it never had one."""
    return (row.enabled, row.monitored) if row.listed or row.missing_since is not None else None


def settled_switches(item: ListedTenant, last: tuple[bool, bool] | None) -> tuple[bool, bool]:
    """(enabled, monitored) of a tenant; `last` is what they were when both could be read, None when they never could.

    Without it nobody is told on the strength of a switch that cannot be read, and the tenant is read as usual.
    Nobody can empty a yes or no, so one that had a value has lost it together with its column.
    """
    if last is None and None in (item.enabled, item.monitoring):
        return item.enabled is not False, False
    enabled, monitored = last or (True, False)
    return (
        enabled if item.enabled is None or "enabled" in item.empty else item.enabled,
        monitored if item.monitoring is None or "monitoring" in item.empty else item.monitoring,
    )


def emptied(item: ListedTenant, last: tuple[bool, bool] | None) -> list[str]:
    """The switches that have lost their value, and would turn if they meant what they mean in a new row."""
    if last is None:
        return []
    return [
        name
        for name, was in zip(("enabled", "monitoring"), last, strict=True)
        if name in item.empty and was != getattr(item, name)
    ]


def _stored(row: ListedTenant) -> dict[str, Any]:
    """A row as the table can hold it."""
    certain = {"enabled": row.enabled is not False, "monitoring": row.monitoring is True}
    return {"item_id": row.item_id, "title": row.title, **certain}


def save_switches(engine: Engine, tenant_id: str, *, listed: bool, enabled: bool, monitored: bool) -> None:
    """Note a switch that a page has just changed (in SharePoint, or here when there is none)."""
    with transaction(engine) as connection:
        _switch(connection, tenant_id, listed, enabled, monitored)
        bump(connection)


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
        found = connection.execute(select(tenant_list).order_by(tenant_list.c.title)).mappings()
        return [ListedTenant(**row) for row in found]


def known_alarms(engine: Engine) -> dict[tuple[str, str], Alarm]:
    """(tenant id, SKU id) -> what is known of its alarm."""
    with transaction(engine) as connection:
        found = [Alarm(**row) for row in connection.execute(select(alarms)).mappings()]
    return {(alarm.tenant_id, alarm.sku_id): alarm for alarm in found}


def save_alarms(engine: Engine, changed: Sequence[Alarm]) -> None:
    rows: list[dict[str, Any]] = [asdict(alarm) for alarm in changed]
    with transaction(engine) as connection:
        upsert(connection, alarms, rows)
