"""The alarms of licences: when the trigger is set and reset, by the contract with the flow. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.cache.event_rows import LicenseEvent
from core.cache.lists_read import Alarm
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.lists import Item


def taken_over(shortages: Iterable[Row], alarms: Mapping[Key, Alarm], now: datetime) -> dict[Key, Alarm]:
    """Return the alarms that mark these shortages as reported without a message; plans mark the items.

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
        for row in shortages
        if row.short_since is not None
    }


def report_events(changed: Iterable[Alarm], before: Mapping[Key, Alarm]) -> list[LicenseEvent]:
    """Return an event for each of the `changed` alarms that counts as reported since `before`."""
    events = (_report_event(alarm, before.get((alarm.tenant_id, alarm.sku_id))) for alarm in changed)
    return [event for event in events if event is not None]


def _report_event(alarm: Alarm, stored: Alarm | None) -> LicenseEvent | None:
    """Return the event of a report that is new, None for none.

    There is none for a mark that is older than the known start of its shortage and was there when the item was first
    read: nobody knows what was reported then.
    """
    told_at, since = alarm.told_at, alarm.short_since
    if told_at is None or (stored is not None and stored.told_at is not None):
        return None
    if stored is None and not alarm.taken_over and (since is None or told_at < since):
        return None
    at = max(told_at, since or told_at)  # SharePoint returns times in whole seconds
    return LicenseEvent(alarm.tenant_id, alarm.sku_id, at, "taken_over" if alarm.taken_over else "told")


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


def lost_mark(row: Row, twins: Sequence[Item], stored: Alarm | None) -> dict[str, bool]:
    """Return the values that restore a lost `technician_informed` of a reported shortage; {} if it is not lost.

    Without it the shortage would be reported again. If the value is no, a person has reset it on purpose. If it is
    empty, the column was deleted: nobody can empty a yes/no field.
    """
    if stored is None or not row.shortage or not was_reported(row, stored):
        return {}
    unmarked = any(item.item_id == stored.item_id and item.fields.get("informed") is not None for item in twins)
    meant = unmarked and not stored.taken_over
    if meant or any(item.flag("informed") for item in twins):
        return {}
    return {"informed": True, "trigger": False}


def was_reported(row: Row, stored: Alarm | None) -> bool:
    """Return True if the stored alarm says that the shortage of `row` was reported."""
    if stored is None or stored.told_at is None or stored.short_since is None:
        return False
    return stored.short_since == row.short_since


def is_of_another(alarm: Alarm, row: Row) -> bool:
    """Return True if the alarm belongs to another shortage than `row`; False if the start of either is unknown."""
    return None not in (alarm.short_since, row.short_since) and alarm.short_since != row.short_since
