"""What is agreed about the time of cases: by the level of their tenant, and the calendar of that level."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.cache.level_rows import STANDARD, Level, levels_in, levels_of_tenants
from core.cache.sql import Transaction
from core.cases.clocks import Terms
from core.tenants.calendars import NamedCalendar, calendars_in


@dataclass(frozen=True, slots=True)
class TermsBook:
    """Levels and calendars by key, and the key of the level of each tenant."""

    levels: Mapping[str, Level]
    calendars: Mapping[str, NamedCalendar]
    level_keys: Mapping[str, str]

    def of(self, tenant_id: str) -> Terms:
        """Return the terms of a tenant; the standard ones in place of a level or calendar that does not exist."""
        levels, calendars = self.levels, self.calendars
        level = levels.get(self.level_keys.get(tenant_id, "")) or levels.get(STANDARD) or Level(STANDARD, "Standard")
        named = calendars.get(level.calendar) or calendars.get(STANDARD) or NamedCalendar("Standard", key=STANDARD)
        return Terms(
            reaction_hours=level.reaction_hours,
            solution_hours=level.solution_hours,
            calendar=named.hours,
            level=level.key,
            level_version=level.version,
            calendar_key=named.key,
            calendar_version=named.version,
            level_name=level.name,
            needs_consent=level.needs_consent,
        )

    def marks(self) -> dict[str, Any]:
        """Return what changes with every change of levels, calendars or the level of a tenant."""
        return {
            "levels": {key: level.version for key, level in self.levels.items()},
            "calendars": {key: calendar.version for key, calendar in self.calendars.items()},
            "tenants": dict(self.level_keys),
        }


def terms_in(connection: Transaction, tenant_ids: Collection[str]) -> TermsBook:
    """Return the terms of these tenants."""
    return TermsBook(levels_in(connection), calendars_in(connection), levels_of_tenants(connection, tenant_ids))
