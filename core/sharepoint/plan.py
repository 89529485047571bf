"""Plan the changes of the lists from rows and items. Pure functions, nothing is sent.

The trigger table is the contract with the flow «Lizenzüberwachung» (docs/architecture.md): when an
item's trigger is true, the flow informs the support team, sets it to false and technician_informed to true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from core.cache.lists_read import Alarm
from core.name_key import plain
from core.sharepoint.item_matching import Claims, TenantNames, alarms_left, claim_items
from core.sharepoint.item_names import ItemName, item_names
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.lists import Item
from core.sharepoint.trigger_table import is_of_another, lost_mark, observe, trigger_values, was_reported


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `item` is None for a new item; `delete` removes `item`, a duplicate."""

    key: Key
    item: Item | None
    values: Mapping[str, Any] = field(default_factory=dict)
    delete: bool = False

    @property
    def sets_trigger(self) -> bool:
        return self.values.get("trigger") is True

    @property
    def urgency(self) -> int:
        """Return the rank: alarms, ends of alarms, new items (without free seats first), numbers, duplicates."""
        if self.sets_trigger:
            return 0
        if self.delete:
            return 5
        if self.item is None:
            return 2 if self.values.get("free", 1) <= 0 else 3
        return 1 if "trigger" in self.values or "informed" in self.values else 4


@dataclass(slots=True)
class Plan:
    """The writes of one step.

    `alarms`: the alarms by the present values of the items; `unanswered`: the licences whose flow is late;
    `to_report`: the shortages that are reported to the support team, by this plan or, for a new item, by the next.
    """

    changes: list[Change]
    alarms: dict[Key, Alarm]
    unanswered: list[Key]
    unchanged: int
    to_report: list[Row] = field(default_factory=list)


def plan_licenses(
    rows: Sequence[Row],
    items: Iterable[Item],
    alarms: Mapping[Key, Alarm],
    names: TenantNames,
    disabled: Collection[str],
    *,
    now: datetime,
    flow_timeout: timedelta,
) -> Plan:
    """Return the plan that makes the licence list equal to `rows`.

    `names`: tenant id -> its present and former names, by which its items are matched. `disabled`: tenants that are
    not read; their items stay as they are, but a set trigger is reset. Items of other tenants, and with unknown part
    numbers, are not changed.
    """
    written = item_names(rows)
    claims = claim_items(rows, written, items, alarms, names)
    left = alarms_left(alarms, names)
    plan = Plan(_silenced(claims, disabled), {}, [], 0)
    for row in rows:
        twins = sorted(claims.by_key.get(row.key, []), key=_keep_first)
        name = written[row.key]
        if not twins:
            plan.changes.append(Change(row.key, None, _all_values(row, name)))
            plan.alarms |= _without_item(alarms.get(row.key)) | _told_in(claims.shared.get(row.key), row, alarms)
            if row.alarms and not was_reported(row, plan.alarms.get(row.key) or alarms.get(row.key)):
                plan.to_report.append(row)
            continue
        plan.changes.extend(Change(row.key, twin, delete=True) for twin in twins[1:])
        stored = alarms.get(row.key) or _inherited(row, left.get(twins[0].item_id))
        _plan_row(plan, row, name, twins, stored, now, flow_timeout)
    plan.changes.sort(key=lambda change: change.urgency)
    return plan


def _silenced(claims: Claims, disabled: Collection[str]) -> list[Change]:
    return [
        Change((tenant_id, item.item_id), item, {"trigger": False})
        for (tenant_id, _), items in claims.by_key.items()
        if tenant_id in disabled
        for item in items
        if item.flag("trigger")
    ]


def _plan_row(
    plan: Plan,
    row: Row,
    name: ItemName,
    twins: Sequence[Item],
    stored: Alarm | None,
    now: datetime,
    flow_timeout: timedelta,
) -> None:
    """Add to `plan` the changes of the item of `row`, the first of `twins`."""
    item = twins[0]
    if lost := lost_mark(row, twins, stored):
        plan.changes.append(Change(row.key, item, _differences(row, name, item) | lost))
        return
    alarm = plan.alarms[row.key] = observe(row, item, stored, now)
    late = alarm.triggered_at is not None and now - alarm.triggered_at > flow_timeout
    if late or alarm.retriggered:
        plan.unanswered.append(row.key)
    another = is_of_another(alarm, row)
    values = _differences(row, name, item) | trigger_values(
        shortage=row.shortage,
        monitored=row.monitored,
        informed=item.flag("informed"),
        trigger=item.flag("trigger"),
        late=late,
        of_another=another,
    )
    if row.alarms and (values.get("trigger") or (another and item.flag("informed"))):
        plan.to_report.append(row)
    if values.get("trigger"):
        # Stored before the write: after a crash the cache still has the shortage that the trigger is for.
        plan.alarms[row.key] = replace(alarm, short_since=row.short_since)
    if values:
        plan.changes.append(Change(row.key, item, values))
    else:
        plan.unchanged += 1


def _without_item(stored: Alarm | None) -> dict[Key, Alarm]:
    """Return the alarm of a licence whose item is gone, without its number: a new item may get the same one."""
    return {} if stored is None else {(stored.tenant_id, stored.sku_id): replace(stored, item_id=None)}


def _told_in(shared: Item | None, row: Row, alarms: Mapping[Key, Alarm]) -> dict[Key, Alarm]:
    """Return the alarm of a licence whose item, shared with another one, was reported by the flow; else {}.

    Only if no alarm is stored. The licence's new item is marked in the next step.
    """
    if shared is None or row.key in alarms or not (row.shortage and shared.flag("informed")):
        return {}
    return {row.key: Alarm(*row.key, told_at=shared.modified or row.short_since, short_since=row.short_since)}


def _inherited(row: Row, left: Alarm | None) -> Alarm | None:
    """Return `left`, the alarm of the item's former licence, for the licence of `row`."""
    return left and replace(left, tenant_id=row.tenant_id, sku_id=row.sku_id)


def _keep_first(item: Item) -> tuple[bool, bool, int]:
    """Return the sort key of duplicates: the informed item comes first, then the triggered one, then the oldest."""
    return not item.flag("informed"), not item.flag("trigger"), item.number


def _all_values(row: Row, name: ItemName) -> dict[str, Any]:
    # Without trigger and informed: if the answer is lost and the item is created twice, no message is sent twice, and
    # no shortage counts as reported.
    numbers = {"available": row.available, "used": row.used, "free": row.available - row.used}
    return {"name": name.text, "tenant": row.tenant, **numbers, "trigger": False, "informed": False}


def _differences(row: Row, name: ItemName, item: Item) -> dict[str, Any]:
    wanted: dict[str, Any] = {"available": row.available, "used": row.used, "free": row.available - row.used}
    different = {word: value for word, value in wanted.items() if item.fields.get(word) != value}
    tenant = item.text("tenant")
    if tenant != row.tenant and plain(tenant) != plain(row.tenant):
        different["tenant"] = row.tenant
    if not name.fits(item.text("name")):
        different["name"] = name.text
    return different
