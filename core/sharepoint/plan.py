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
from core.sharepoint.item_names import ItemName, item_names
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.lists import Item
from core.sharepoint.matching import Claims, TenantNames, alarms_left, claim_items


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
        """The order of writes: alarms, ends of alarms, new items (without free seats first), numbers, duplicates."""
        if self.sets_trigger:
            return 0
        if self.delete:
            return 5
        if self.item is None:
            return 2 if self.values.get("free", 1) <= 0 else 3
        return 1 if "trigger" in self.values or "informed" in self.values else 4


@dataclass(slots=True)
class Plan:
    """All writes; `alarms` are the alarms by the items' present values, `unanswered` the keys whose flow is late.

    `tells`: the shortages that the support team will be informed of, by this plan or, for a new item, by the next.
    """

    changes: list[Change]
    alarms: dict[Key, Alarm]
    unanswered: list[Key]
    unchanged: int
    tells: list[Row] = field(default_factory=list)


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
            plan.alarms |= _told_in(claims.shared.get(row.key), row, alarms)
            if row.alarms and not _told(row, plan.alarms.get(row.key) or alarms.get(row.key)):
                plan.tells.append(row)
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
    if lost := _lost_mark(row, twins, stored):
        plan.changes.append(Change(row.key, item, _differences(row, name, item) | lost))
        return
    alarm = plan.alarms[row.key] = observe(row, item, stored, now)
    late = alarm.triggered_at is not None and now - alarm.triggered_at > flow_timeout
    if late or alarm.retriggered:
        plan.unanswered.append(row.key)
    another = _of_another(alarm, row)
    values = _differences(row, name, item) | trigger_values(
        shortage=row.shortage,
        monitored=row.monitored,
        informed=item.flag("informed"),
        trigger=item.flag("trigger"),
        late=late,
        of_another=another,
    )
    if row.alarms and (values.get("trigger") or (another and item.flag("informed"))):
        plan.tells.append(row)
    if values.get("trigger"):
        # Stored before the write: after a crash it is still known which shortage the trigger is for.
        plan.alarms[row.key] = replace(alarm, short_since=row.short_since)
    if values:
        plan.changes.append(Change(row.key, item, values))
    else:
        plan.unchanged += 1


def taken_over(tells: Iterable[Row], alarms: Mapping[Key, Alarm], now: datetime) -> dict[Key, Alarm]:
    """Return the alarms with which the shortages `tells` count as reported without a message; plans mark the items.

    They must be stored before the first write: after a crash the next refresh continues and sends no messages. A
    shortage with an unknown start is left out: it could not be distinguished from the next one.
    """
    return {
        row.key: replace(
            alarms.get(row.key) or Alarm(*row.key),
            triggered_at=now,
            retriggered=0,
            told_at=now,
            short_since=row.short_since,
        )
        for row in tells
        if row.short_since is not None
    }


def trigger_values(
    *, shortage: bool, monitored: bool, informed: bool, trigger: bool, late: bool = False, of_another: bool = False
) -> dict[str, bool]:
    """Return the values to write into trigger and informed by the trigger table; {} for no change.

    `late`: the flow has not answered in time; the trigger is set again, which starts the flow again. `of_another`:
    informed belongs to an earlier shortage, whose end could not be written; it is reset now, and the present shortage
    triggers in the next step.
    """
    if not shortage or (informed and of_another):
        return ({"informed": False} if informed else {}) | ({"trigger": False} if trigger else {})
    if not monitored:
        return {"trigger": False} if trigger else {}
    if informed:
        return {}
    return {"trigger": True} if not trigger or late else {}


def observe(row: Row, item: Item, stored: Alarm | None, now: datetime) -> Alarm:
    """Return the alarm by the item's present values and the stored times.

    The item's own time of change is only a fallback: every write of a number renews it.
    """
    stored = stored or Alarm(*row.key)
    changed = min(item.modified or now, now)  # also when the clock jumped
    informed, waiting = item.flag("informed"), item.flag("trigger") and not item.flag("informed")
    triggered_at = min(stored.triggered_at or changed, now) if waiting else None
    return replace(
        stored,
        item_id=item.item_id,
        triggered_at=triggered_at,
        retriggered=stored.retriggered if triggered_at else 0,
        told_at=(stored.told_at or changed) if informed else None,
        short_since=_about(row, stored, informed=informed, waiting=waiting),
    )


def _about(row: Row, stored: Alarm, *, informed: bool, waiting: bool) -> datetime | None:
    """Return the start of the shortage that the item's flags belong to; a set trigger belongs to the present one."""
    if informed:
        return stored.short_since or row.short_since
    return (row.short_since or stored.short_since) if waiting else None


def _lost_mark(row: Row, twins: Sequence[Item], stored: Alarm | None) -> dict[str, bool]:
    """Return the values that restore a lost `technician_informed` of a reported shortage; {} if it is not lost.

    Without it the shortage would be reported again. If the value is no, a person has reset it on purpose. If it is
    empty, the column was deleted: nobody can empty a yes/no field.
    """
    if stored is None or not row.shortage or not _told(row, stored):
        return {}
    unmarked = any(item.item_id == stored.item_id and item.fields.get("informed") is not None for item in twins)
    meant = unmarked and not stored.taken_over
    if meant or any(item.flag("informed") for item in twins):
        return {}
    return {"informed": True, "trigger": False}


def _told(row: Row, stored: Alarm | None) -> bool:
    """Return True if the stored alarm says that the shortage of `row` was reported."""
    if stored is None or stored.told_at is None or stored.short_since is None:
        return False
    return stored.short_since == row.short_since


def _of_another(alarm: Alarm, row: Row) -> bool:
    """Return True if the alarm belongs to another shortage than `row`; False if the start of either is unknown."""
    return None not in (alarm.short_since, row.short_since) and alarm.short_since != row.short_since


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
    """Sort key: of duplicates the informed one stays, then the triggered one, then the oldest."""
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
