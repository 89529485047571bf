"""Find the shortages that the next push would report, and mark them as reported without a message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from core.audit import record
from core.cache.catalogue import load_catalogue
from core.cache.item_rows import list_mark, stored_items
from core.cache.lists_read import ListedTenant, emptied, last_switches, save_alarms, settled_switches, stored_alarms
from core.cache.readings import Reading, StoredLicense, rows_of, stored_licenses, trial_skus
from core.cache.rule_rows import rules_at
from core.cache.run_rows import show_new_figures
from core.cache.tenant_rows import tenant_rows
from core.cases.opening import tell_cases
from core.refresh.license_planner import plan_of
from core.refresh.tenant_answer import TenantAnswer, update_trials
from core.roles import Action, Actor
from core.settings import Settings
from core.sharepoint import Item, Row, TenantRow, match_tenants, taken_over
from core.sharepoint.license_rows import rows_to_show
from core.sharepoint.lists import SharePointList
from core.sharepoint.tenant_list import listed_tenant
from core.sharepoint.trigger_table import report_events

# Identifies a shortage: tenant id, SKU id, start. A later shortage of the same licence has another start.
ShortageId = tuple[str, str, datetime | None]
ANNOUNCED_FROM = 2  # shortages from which on a push is announced before it happens


@dataclass(frozen=True, slots=True)
class LiveTenant:
    """A tenant by its profile and the tenant list at present; has the fields of its row in the database.

    `emptied`: switches that have lost their value in the list.
    """

    tenant_id: str
    name: str
    slug: str
    former_names: Sequence[str]
    listed: bool
    enabled: bool
    monitored: bool
    missing_since: datetime | None
    emptied: Sequence[str] = ()


def live_tenants(
    profiles: Iterable[Any], rows: Mapping[str, Any], of: SharePointList, items: Iterable[Item], now: datetime
) -> dict[str, LiveTenant]:
    """Return tenant id -> tenant for every profile; `items` are those of the tenant list `of`, `rows` of the cache."""
    tenants = [(profile, rows.get(profile.tenant_id)) for profile in profiles]
    wanted = [
        TenantRow(profile.tenant_id, profile.name, row.former_names, None, row.list_item_id or "")
        if row
        else TenantRow(profile.tenant_id, profile.name, (), None)
        for profile, row in tenants
    ]
    matched, _ = match_tenants(wanted, items)
    listed = {tenant_id: listed_tenant(item, of) for tenant_id, item in matched.items()}
    return {
        profile.tenant_id: _live_tenant(profile, row, listed.get(profile.tenant_id), now) for profile, row in tenants
    }


def _live_tenant(profile: Any, row: Any, listed: ListedTenant | None, now: datetime) -> LiveTenant:
    last = last_switches(row) if row is not None else None
    missing = last is not None and listed is None
    switches = settled_switches(listed, last) if listed else last or (True, False)
    return LiveTenant(
        tenant_id=profile.tenant_id,
        name=profile.name,
        slug=profile.slug,
        former_names=row.former_names if row else (),
        listed=listed is not None,
        enabled=switches[0],
        monitored=switches[1] and (listed is not None or missing),
        missing_since=(row.missing_since or now) if missing else None,
        emptied=emptied(listed, last) if listed else (),
    )


def shortages_to_report(
    engine: Engine,
    settings: Settings,
    tenants: Mapping[str, LiveTenant],
    answers: Iterable[TenantAnswer],
    items: Iterable[Item],
    now: datetime,
    list_key: str,
) -> list[Row]:
    """Return the shortages that a push would report after `answers`; `items` are those of the licence list."""
    before, trial = stored_licenses(engine), trial_skus(engine)
    licenses = dict(before)
    for answer in answers:
        tenant_id = answer.profile.tenant_id
        if answer.subscriptions is not None:
            update_trials(trial, tenant_id, answer.subscriptions)
        # Each SKU gets a start, as if all were shortages; the rules decide later which ones are.
        reading = Reading(tenant_id, answer.licenses, {row.sku_id: "short" for row in answer.licenses}, now)
        licenses[tenant_id] = rows_of(reading, before.get(tenant_id, {}))
    return _to_report(engine, settings, tenants, licenses, trial, items, now, list_key)


def take_over_first_readings(engine: Engine, settings: Settings, tenant_ids: Collection[str], now: datetime) -> None:
    """Mark the present shortages of tenants that are being added as reported: their summaries tell them."""
    _mark_reported(engine, _known_to_report(engine, settings, now, tenant_ids), now)


def take_over(
    engine: Engine, settings: Settings, actor: Actor, now: datetime, *, seen: Collection[ShortageId] | None = None
) -> int:
    """Mark the shortages that the next push would report as reported; return how many. Raises NotAllowed.

    Of the shortages in the cache only those in `seen` are marked (None: all); later ones are reported as usual. The
    next push writes the marks into the licence list.
    """
    actor.need(Action.SWITCHES)
    rows = _known_to_report(engine, settings, now)
    count = _mark_reported(engine, [row for row in rows if seen is None or (*row.key, row.short_since) in seen], now)
    show_new_figures(engine)
    record(engine, actor, "alarms.taken_over", "", after={"shortages": count}, at=now)
    return count


def _mark_reported(engine: Engine, rows: Sequence[Row], now: datetime) -> int:
    """Store that these shortages are reported without a message; return how many."""
    before = stored_alarms(engine)
    taken = taken_over(rows, before, now)
    save_alarms(engine, list(taken.values()), report_events(taken.values(), before), tell_cases)
    return len(taken)


def _known_to_report(
    engine: Engine, settings: Settings, now: datetime, tenant_ids: Collection[str] | None = None
) -> list[Row]:
    """Return the shortages of the cache that a push would report, by the licence list as last read.

    With `tenant_ids` those of these tenants alone.
    """
    items, mark = (Item(*item) for item in stored_items(engine, "license")), list_mark(engine, "license")
    tenants, licenses = tenant_rows(engine, tenant_ids), stored_licenses(engine, tenant_ids)
    trial, list_key = trial_skus(engine, tenant_ids), mark.list_key if mark else ""
    return _to_report(engine, settings, tenants, licenses, trial, items, now, list_key)


def _to_report(
    engine: Engine,
    settings: Settings,
    tenants: Mapping[str, Any],
    licenses: Mapping[str, Mapping[str, StoredLicense]],
    trial: set[tuple[str, str]],
    items: Iterable[Item],
    now: datetime,
    list_key: str,
) -> list[Row]:
    catalogue, _ = load_catalogue(engine)
    rules = rules_at(engine, now, settings.zone)
    rows = list(rows_to_show(tenants, licenses, trial, catalogue, rules, settings.language))
    return plan_of(tenants, rows, items, stored_alarms(engine), now, settings, list_key).to_report
