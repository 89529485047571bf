"""The figures of the licence desk as a page, a file and the API show them, with names in place of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import Engine

from core.cache.case_frames import open_cases_frame
from core.cache.level_rows import all_levels
from core.cache.tenant_rows import tenant_rows
from core.cases.figures import (
    AgeCount,
    CaseFigures,
    FigureFilter,
    Group,
    chosen,
    grouped_figures,
    known_results,
    open_ages,
    total_figures,
)


@dataclass(frozen=True, slots=True)
class FigureReport:
    """The figures; `names`: key of a group -> name, without those that have no other name than their key."""

    total: CaseFigures
    groups: list[CaseFigures]
    months: list[CaseFigures]
    ages: list[AgeCount]
    names: Mapping[str, str]

    @property
    def open_count(self) -> int:
        return sum(age.cases for age in self.ages)


def figure_report(engine: Engine, wanted: FigureFilter, by: Group, now: datetime, zone: tzinfo) -> FigureReport:
    """Return the figures of the ended cases that count, grouped. Raises DatabaseError."""
    tenants = {tenant_id: row.name for tenant_id, row in tenant_rows(engine).items()}
    results = known_results(engine, zone)
    counted = chosen(results, wanted, tenants)
    names = tenants if by == "tenant" else known_choices(engine, zone).get(by, {})
    months = grouped_figures(counted, "month")
    groups = months if by == "month" else grouped_figures(counted, by)
    ages = open_ages(open_cases_frame(engine), wanted, tenants, now)
    return FigureReport(total_figures(counted), groups, months, ages, names)


def known_choices(engine: Engine, zone: tzinfo) -> dict[str, dict[str, str]]:
    """Return level, owner and distributor -> key -> name of all that have ended cases. Raises DatabaseError."""
    results = known_results(engine, zone)
    levels = {level.key: level.name for level in all_levels(engine).values()}
    owners = dict(zip(results["owner"], results["owner_name"], strict=True))
    distributors = sorted(set(results["distributor"]) - {""})
    return {
        "level": {key: levels.get(key, key) for key in sorted(set(results["level"]))},
        "owner": {key: name or key for key, name in sorted(owners.items()) if key},
        "distributor": {name: name for name in distributors},
    }
