"""What the page of the levels works with in one run: levels and calendars as stored, and who has which level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core import runtime
from core.licenses.alarm_rules import Rules
from core.licenses.skus import product_language
from core.tenants.calendars import NamedCalendar, calendars
from core.tenants.level_effect import LevelEffect, level_effect
from core.tenants.levels import STANDARD, Level, levels
from ui.frame import visit
from ui.frame.view import View, current_view
from ui.snapshots import Snapshot
from ui.tables.frame_rows import rows


@dataclass(frozen=True, slots=True)
class LevelContext:
    """`level_keys`: tenant id -> key of its level; `names`: tenant id -> name, sorted by name."""

    snapshot: Snapshot
    view: View
    levels: Mapping[str, Level]
    calendars: Mapping[str, NamedCalendar]
    names: Mapping[str, str]
    level_keys: Mapping[str, str]

    def tenants_of(self, key: str) -> list[str]:
        """Return the ids of the tenants with this level."""
        return [tenant_id for tenant_id, own in self.level_keys.items() if own == key]

    def effect(self, after: Mapping[str, Level]) -> LevelEffect:
        """Return what changes if these tenants (id -> level) have these levels."""
        before = {tenant_id: self.level_of(tenant_id) for tenant_id in after}
        rules = Rules.of(self.snapshot.rules, self.view.today).by_scope
        product = f"product_{product_language(self.view.language)}"
        return level_effect(rows(self.snapshot.licenses), self.names, rules, before, after, product)

    def level_of(self, tenant_id: str) -> Level:
        return self.levels.get(self.level_keys[tenant_id]) or self.levels.get(STANDARD) or Level(STANDARD, "Standard")


def level_context() -> LevelContext:
    """Return the context of this run. Raises DatabaseError."""
    snapshot, engine = visit.snapshot(), runtime.current().engine
    ids = snapshot.tenants["tenant_id"]
    return LevelContext(
        snapshot,
        current_view(),
        levels(engine),
        calendars(engine),
        dict(zip(ids, snapshot.tenants["tenant"], strict=True)),
        dict(zip(ids, snapshot.tenants["level"], strict=True)),
    )
