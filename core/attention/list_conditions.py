"""The conditions of the SharePoint lists: their problems, and tenants without a row. Pure functions of facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.attention.condition import Condition, Level, count_and_names
from core.attention.facts import Facts, TenantFacts
from core.cache.lists_read import SharePointStatus
from core.problems import Problem

# Problems of lists that can be read; every other problem of SharePoint means that they cannot be used.
LEVEL_BY_LIST_PROBLEM: dict[str, Level] = {
    "sharepoint.flow_silent": "error",
    "sharepoint.parameter_missing": "error",
    "sharepoint.channel_unknown": "error",
    "sharepoint.write_failed": "warning",
    "sharepoint.not_found_again": "error",
    "sharepoint.list_emptied": "error",
    "sharepoint.other_owner": "error",
    "sharepoint.copied_database": "error",
    "sharepoint.mark_refused": "warning",
    "sharepoint.duplicate_title": "warning",
    "sharepoint.column_required": "warning",
    "sharepoint.values_missing": "error",
    "sharepoint.values_ambiguous": "error",
    "sharepoint.values_twice": "error",
    "sharepoint.type_of_key": "error",
    "sharepoint.type_of_flag": "error",
    "sharepoint.type_of_switch": "error",
    "sharepoint.type_of_number": "error",
    "sharepoint.type_of_date": "error",
    "sharepoint.type_of_parameter": "error",
    "sharepoint.read_only_key": "error",
    "sharepoint.read_only_flag": "error",
    "sharepoint.read_only_switch": "warning",
    "sharepoint.read_only_number": "error",
    "sharepoint.odd_switch": "error",
    "sharepoint.switch_emptied": "error",
    "sharepoint.odd_flag": "error",
    "sharepoint.numbers_refused": "error",
    "sharepoint.row_refused": "error",
    "sharepoint.write_forbidden": "error",
}


def list_conditions(facts: Facts) -> Iterator[Condition]:
    """Yield the problems of the last read of the lists, and of a missing SharePoint profile."""
    status = facts.sharepoint
    in_files = {problem.to_json() for problems in facts.faults.values() for problem in problems}
    for problem in status.problems:
        if problem.to_json() not in in_files:
            yield _of_the_lists(problem, status)
    silent = any(problem.code == "sharepoint.flow_silent" for problem in status.problems)
    if facts.unanswered and not silent:  # also while the lists cannot be read
        params = {"count": str(facts.unanswered), "minutes": f"{facts.flow_minutes:g}"}
        yield _of_the_lists(Problem("sharepoint.flow_silent", params), status)
    told_by_channel = facts.messages is not None and facts.messages.somebody_is_told
    if not status.configured and not told_by_channel:
        yield Condition("note", Problem("check.no_sharepoint"), "SharePoint")
    if status.configured and status.read_at is not None:
        yield from row_conditions(facts.tenants)
    if facts.site_gone_since is not None:
        yield Condition(
            "error", Problem("check.sharepoint_gone"), "SharePoint", moments={"since": facts.site_gone_since}
        )


def row_conditions(tenants: Sequence[TenantFacts]) -> Iterator[Condition]:
    """Yield conditions for tenants whose row in the tenant list has vanished, and for those that never had one."""
    missing = {tenant.name: tenant.missing_since for tenant in tenants if tenant.missing_since is not None}
    if missing:
        problem = Problem("check.rows_vanished", count_and_names(list(missing)))
        yield Condition("error", problem, "SharePoint", moments={"since": min(missing.values())})
    unlisted = [tenant.name for tenant in tenants if not tenant.listed and tenant.missing_since is None]
    if unlisted:
        yield Condition("notice", Problem("check.not_listed", count_and_names(unlisted)), "SharePoint")


def _of_the_lists(problem: Problem, status: SharePointStatus) -> Condition:
    level = LEVEL_BY_LIST_PROBLEM.get(problem.code)
    if level is not None or status.read_at is None:
        return Condition(level or "error", problem, "SharePoint")
    away = Problem("sharepoint.away", detail=problem.detail)
    return Condition("error", away, "SharePoint", cause=problem, moments={"since": status.read_at})
