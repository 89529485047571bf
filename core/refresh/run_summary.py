"""The summary of a refresh (`sync --json`), composed from the parts in which its tenants were read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from core.attention.condition import as_written
from core.attention.conditions import conditions_after_refresh
from core.attention.facts import list_facts
from core.problems import Problem
from core.refresh.reader import ReadResult
from core.refresh.services import Services
from core.sharepoint import PushResult


class Part(TypedDict):
    """What a part of the tenants of a refresh adds to its summary; plain values, which the database can keep."""

    ok: int
    failed: list[dict[str, str]]
    skipped: list[dict[str, str]]
    licenses: int
    shortages: int
    changed: dict[str, Any]


def empty_summary() -> dict[str, Any]:
    """Return the summary of a refresh that did nothing, with all fields of the contract (`sync --json`)."""
    return {
        "tenants": 0,
        "ok": 0,
        "failed": [],
        "skipped": [],
        "licenses": 0,
        "shortages": 0,
        "sharepoint": PushResult().counts(),
        "requests": 0,
        "seconds": 0.0,
        "changed": no_changes(),
        "vanished": [],
        "not_listed": 0,
        "problems": [],
    }


def no_changes() -> dict[str, Any]:
    """Return the changes of a part in which nothing has changed."""
    return {"new_shortages": [], "ended_shortages": [], "rows": 0}


def joined(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the counts, failures and changes of all parts together."""
    failed = [one for part in parts for one in part["failed"]]
    skipped = [one for part in parts for one in part["skipped"]]
    ok = sum(part["ok"] for part in parts)
    return {
        "tenants": ok + len(failed) + len(skipped),
        "ok": ok,
        "failed": failed,
        "skipped": skipped,
        "licenses": sum(part["licenses"] for part in parts),
        "shortages": sum(part["shortages"] for part in parts),
        "changed": {
            "new_shortages": [one for part in parts for one in part["changed"]["new_shortages"]],
            "ended_shortages": [one for part in parts for one in part["changed"]["ended_shortages"]],
            "rows": sum(part["changed"]["rows"] for part in parts),
        },
    }


def unread_part(broken: Iterable[tuple[str, Problem]], skipped: list[dict[str, str]], language: str) -> Part:
    """Return the part of the tenants that are not read; `broken`: (tenant, problem of its profile)."""
    failed = _failures(broken, language)
    return Part(ok=0, failed=failed, skipped=skipped, licenses=0, shortages=0, changed=no_changes())


def part_of(
    result: ReadResult, name_by_tenant: Mapping[str, str], product_name: Callable[[str, str], str], language: str
) -> Part:
    """Return the part of the tenants of `result`.

    `name_by_tenant`: tenant id -> name; `product_name` (SKU id, part number) returns the name of a product.
    """
    rows = [row for tenant in result.after.values() for row in tenant.values() if row["present"]]
    return Part(
        ok=len(result.ok),
        failed=_failures(((profile.name, problem) for profile, problem in result.failed), language),
        skipped=[],
        licenses=len(rows),
        shortages=sum(row["short_since"] is not None for row in rows),
        changed=_changes(result, name_by_tenant, product_name),
    )


def _failures(unread: Iterable[tuple[str, Problem]], language: str) -> list[dict[str, str]]:
    return [{"tenant": name, "code": problem.code, "message": problem.text(language)} for name, problem in unread]


def sharepoint_counts(pushed: PushResult, problems: Sequence[Problem], language: str) -> dict[str, Any]:
    """Return the counts of the push, with the problems of the lists if there are any."""
    texts = [{"code": problem.code, "message": problem.text(language)} for problem in problems]
    return pushed.counts() | ({"problem": texts[0], "problems": texts} if texts else {})


def lasting_problems(services: Services, names_fault: str, in_scope: Callable[[str], bool]) -> dict[str, Any]:
    """Return the problems that last longer than one refresh: vanished rows and profiles, parameters, product names.

    `in_scope` returns True for the names of the tenants of the refresh.
    """
    language = services.settings.language
    facts = list_facts(services.engine, services.now(), names_fault)
    tenants = [tenant for tenant in facts.tenants if in_scope(tenant.name)]
    when = as_written(services.settings.zone)
    in_use = facts.sharepoint.configured and facts.sharepoint.read_at is not None
    return {
        "vanished": sorted(tenant.name for tenant in tenants if in_use and tenant.missing_since),
        "not_listed": sum(in_use and not (tenant.listed or tenant.missing_since) for tenant in tenants),
        "problems": [
            {"level": one.level, "code": one.problem.code, "message": one.settled(language, when).text(language)}
            for one in conditions_after_refresh(replace(facts, tenants=tenants))
        ],
    }


def _changes(
    result: ReadResult, name_by_tenant: Mapping[str, str], product_name: Callable[[str, str], str]
) -> dict[str, Any]:
    """Return the changes since the previous refresh: new and ended shortages, and the number of changed rows."""
    new: list[list[str]] = []
    ended: list[list[str]] = []
    rows = 0
    for tenant_id, after in result.after.items():
        before = result.before.get(tenant_id, {})
        for sku_id, row in after.items():
            old = before.get(sku_id)
            rows += row != old
            was_short, is_short = old is not None and old["short_since"] is not None, row["short_since"] is not None
            if was_short != is_short:
                product = product_name(sku_id, row["sku_part_number"])
                (new if is_short else ended).append([name_by_tenant[tenant_id], product])
    return {"new_shortages": new, "ended_shortages": ended, "rows": rows}
