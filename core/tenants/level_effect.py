"""What another level of service changes for tenants: their shortages and their intervals. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.cache.level_rows import Level
from core.licenses.alarm_rules import LevelRule, Rule, Rules
from core.licenses.judge import Judgement, judge_shown

License = tuple[str, str]  # tenant, product: names for people


@dataclass(slots=True)
class LevelEffect:
    """The licences that would become shortages or stop being some, those that would become low or not, by name.

    `intervals`: (minutes before, minutes after), None for those of the setting -> names of the tenants.
    """

    begin: list[License] = field(default_factory=list)
    end: list[License] = field(default_factory=list)
    low: list[License] = field(default_factory=list)
    low_no_more: list[License] = field(default_factory=list)
    intervals: dict[tuple[int | None, int | None], list[str]] = field(default_factory=dict)


def rules_of_levels(level_by_tenant: Mapping[str, Level]) -> dict[str, LevelRule]:
    """Return tenant id -> what its level says about alarms; without the tenants whose level says nothing."""
    return {
        tenant_id: LevelRule(level.name, level.threshold, level.warn)
        for tenant_id, level in level_by_tenant.items()
        if level.threshold is not None or level.warn is not None
    }


def level_effect(
    licenses: Iterable[Any],
    tenants: Mapping[str, str],
    rules: Mapping[tuple[str, str], Rule],
    before: Mapping[str, Level],
    after: Mapping[str, Level],
    product: str = "product_de",
) -> LevelEffect:
    """Return what changes if tenants have the levels `after` instead of `before` (both: tenant id -> level).

    `licenses` are rows of the frame of licences, with the name of the product in the column `product`; `tenants`:
    tenant id -> name; `rules` are those of today by scope.
    """
    effect = LevelEffect()
    changed = {tenant_id for tenant_id, level in after.items() if before.get(tenant_id) != level}
    for tenant_id in sorted(changed, key=lambda one: tenants.get(one, one)):
        minutes = before[tenant_id].refresh_minutes, after[tenant_id].refresh_minutes
        if minutes[0] != minutes[1]:
            effect.intervals.setdefault(minutes, []).append(tenants.get(tenant_id, tenant_id))
    old, new = (Rules(dict(rules), rules_of_levels(levels)) for levels in (before, after))
    for row in licenses:
        if row.tenant_id in changed:
            name = (row.tenant, getattr(row, product))
            _compare(effect, name, judge_shown(old, row), judge_shown(new, row))
    return effect


def _compare(effect: LevelEffect, name: License, before: Judgement, after: Judgement) -> None:
    for flag, gained, lost in (("shortage", effect.begin, effect.end), ("low", effect.low, effect.low_no_more)):
        was, now = getattr(before, flag), getattr(after, flag)
        if was != now:
            (gained if now else lost).append(name)
