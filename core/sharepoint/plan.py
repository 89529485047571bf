"""What has to be written into the lists. Pure: rows and items in, changes out, nothing is sent.

The trigger table is the contract with the flow «Lizenzüberwachung» (docs/architecture.md): when an
item's trigger is true, the flow tells the support team, sets it to false and technician_informed to true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from core.bounds import EARLIEST, parse_time
from core.cache.lists_read import Alarm
from core.name_key import plain
from core.sharepoint.license_rows import Key, Row
from core.sharepoint.lists import Item
from core.sharepoint.matching import (
    Claims,
    ItemName,
    TenantNames,
    TenantRow,
    alarms_left,
    claim_items,
    item_names,
)

FIRST_DAY = EARLIEST.date() + timedelta(days=1)  # whose midnight can be read back in every zone


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `item` is None for a new item; `delete` removes `item`, whose twin stays."""

    key: Key
    item: Item | None
    values: Mapping[str, Any] = field(default_factory=dict)
    delete: bool = False

    @property
    def sets_trigger(self) -> bool:
        return self.values.get("trigger") is True

    @property
    def urgency(self) -> int:
        """Alarms first, then what ends one, then new items (those without a free seat first), numbers, duplicates."""
        if self.sets_trigger:
            return 0
        if self.delete:
            return 5
        if self.item is None:
            return 2 if self.values.get("free", 1) <= 0 else 3
        return 1 if "trigger" in self.values or "informed" in self.values else 4


@dataclass(slots=True)
class Plan:
    """All writes; `alarms` is what the items say now, `unanswered` the keys whose flow is late.

    `tells` are the shortages that the support team will be told of: by this plan, or by the next step for a new item.
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
    """The writes that make the licence list equal to `rows`.

    `names`: tenant id -> its present and former names, by which its items are found. `disabled`:
    tenants that are not read; their items are left alone, but a trigger in them is taken back.
    Items of other tenants, and items of unknown part numbers, are not touched.
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
        known = alarms.get(row.key) or _inherited(row, left.get(twins[0].item_id))
        _plan_row(plan, row, name, twins, known, now, flow_timeout)
    plan.changes.sort(key=lambda change: change.urgency)
    return plan


def _silenced(claims: Claims, disabled: Collection[str]) -> list[Change]:
    return [
        Change((tenant_id, item.item_id), item, {"trigger": False})
        for (tenant_id, _), found in claims.by_key.items()
        if tenant_id in disabled
        for item in found
        if item.flag("trigger")
    ]


def _plan_row(
    plan: Plan,
    row: Row,
    name: ItemName,
    twins: Sequence[Item],
    known: Alarm | None,
    now: datetime,
    flow_timeout: timedelta,
) -> None:
    """Add to `plan` what the first of `twins`, the item of `row`, needs."""
    item = twins[0]
    if lost := _lost_mark(row, twins, known):
        plan.changes.append(Change(row.key, item, _differences(row, name, item) | lost))
        return
    alarm = plan.alarms[row.key] = observe(row, item, known, now)
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
        # Noted before it is written: a crash in between must not lose which shortage the flow tells of.
        plan.alarms[row.key] = replace(alarm, short_since=row.short_since)
    if values:
        plan.changes.append(Change(row.key, item, values))
    else:
        plan.unchanged += 1


def taken_over(tells: Iterable[Row], alarms: Mapping[Key, Alarm], now: datetime) -> dict[Key, Alarm]:
    """Return the alarms to remember so that the shortages `tells` count as told; plans then write that into the items.

    To be stored before the first write: after a crash any later refresh goes on marking, and none tells. A shortage
    whose beginning is unknown is left out: it could not be told apart from the next one.
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
    """The trigger table: what to write into trigger and informed, nothing where nothing is to be said.

    `late`: the trigger has been set for longer than the flow needs; it is then set once more, which
    makes the flow look again. `of_another`: informed is about an earlier shortage, whose end could not
    be written; it is written now, and this shortage told in the next step.
    """
    if not shortage or (informed and of_another):
        return ({"informed": False} if informed else {}) | ({"trigger": False} if trigger else {})
    if not monitored:
        return {"trigger": False} if trigger else {}
    if informed:
        return {}
    return {"trigger": True} if not trigger or late else {}


def observe(row: Row, item: Item, known: Alarm | None, now: datetime) -> Alarm:
    """What the item says about its alarm, with the times that we remember ourselves.

    An item's own time of change is only a fall-back: every write of a number renews it.
    """
    known = known or Alarm(*row.key)
    changed = min(item.modified or now, now)  # also when the clock jumped
    informed, waiting = item.flag("informed"), item.flag("trigger") and not item.flag("informed")
    triggered_at = min(known.triggered_at or changed, now) if waiting else None
    return replace(
        known,
        item_id=item.item_id,
        triggered_at=triggered_at,
        retriggered=known.retriggered if triggered_at else 0,
        told_at=(known.told_at or changed) if informed else None,
        short_since=_about(row, known, informed=informed, waiting=waiting),
    )


def _about(row: Row, known: Alarm, *, informed: bool, waiting: bool) -> datetime | None:
    """The shortage that an item's flags are about. A trigger that is still set tells the present one."""
    if informed:
        return known.short_since or row.short_since
    return (row.short_since or known.short_since) if waiting else None


def _lost_mark(row: Row, twins: Sequence[Item], known: Alarm | None) -> dict[str, bool]:
    """What to write into an item that lacks the mark of a shortage that was told, or taken over; else it is told again.

    An item that was told of and says no now has lost it to a person, who meant it. One that says nothing has lost
    it together with its column: nobody can empty a yes or no.
    """
    if known is None or not row.shortage or not _told(row, known):
        return {}
    unmarked = any(item.item_id == known.item_id and item.fields.get("informed") is not None for item in twins)
    meant = unmarked and not known.taken_over
    if meant or any(item.flag("informed") for item in twins):
        return {}
    return {"informed": True, "trigger": False}


def _told(row: Row, known: Alarm | None) -> bool:
    """Return True if the alarm is remembered as told and is about the shortage of `row`."""
    if known is None or known.told_at is None or known.short_since is None:
        return False
    return known.short_since == row.short_since


def _of_another(alarm: Alarm, row: Row) -> bool:
    """Whether the alarm is about an earlier shortage than the one of `row`; nobody knows without both names."""
    return None not in (alarm.short_since, row.short_since) and alarm.short_since != row.short_since


def _told_in(shared: Item | None, row: Row, alarms: Mapping[Key, Alarm]) -> dict[Key, Alarm]:
    """The alarm of a licence that had its item together with another one, which the flow has told of.

    Only where the cache knows nothing better. The item that it gets now is marked in the next step.
    """
    if shared is None or row.key in alarms or not (row.shortage and shared.flag("informed")):
        return {}
    return {row.key: Alarm(*row.key, told_at=shared.modified or row.short_since, short_since=row.short_since)}


def _inherited(row: Row, left: Alarm | None) -> Alarm | None:
    """The alarm of the licence that had the item of `row` before; what it told of is another shortage."""
    return left and replace(left, tenant_id=row.tenant_id, sku_id=row.sku_id)


def _keep_first(item: Item) -> tuple[bool, bool, int]:
    """Of duplicates the one that knows most about its alarm stays, then the oldest."""
    return not item.flag("informed"), not item.flag("trigger"), item.number


def _all_values(row: Row, name: ItemName) -> dict[str, Any]:
    # Without trigger and mark: should the answer to this write be lost and the item come twice, perhaps much later,
    # nobody is told twice, and no shortage passes for told.
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


def plan_tenants(rows: Sequence[TenantRow], matched: Mapping[str, Item], zone: tzinfo) -> list[Change]:
    """Keep `cert_expires` equal to the last day of the certificate in `zone`, and the title to the tenant's name."""
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
    """The time that stands for `day` in every site from Hawaii (UTC-10) to New Zealand in summer (UTC+13)."""
    return datetime.combine(day, time(10), UTC)


def _shows_day(stored: datetime | None, day: date) -> bool:
    """Return True if `stored` is what a site makes of `day`, in whatever zone the site is, which Graph does not tell.

    A column of days keeps the midnight of the site before the time that was written, so up to 24 hours earlier; one of
    times keeps the time itself. Noon was written by former versions.
    """
    return stored is not None and _written(day) - timedelta(days=1) < stored <= _written(day) + timedelta(hours=2)
