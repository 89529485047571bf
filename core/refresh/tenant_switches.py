"""Change the switches `enabled` and `monitoring` of tenants in the SharePoint tenant list, without one in the cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.audit import record
from core.cache.lists_read import last_switches, save_switches, settled_switches
from core.cache.tenant_rows import tenant_rows
from core.graph import BatchRequest, GraphError, error_for
from core.logs.setup import request_in_log
from core.problems import Problem
from core.refresh.list_owner import NotOwner
from core.refresh.services import Services
from core.roles import Action, Actor
from core.sharepoint import Item, ListError, Lists, match_tenants
from core.sharepoint.tenant_list import listed_rows, listed_tenant
from core.sharepoint.writable import SWITCHES, odd_values

log = logging.getLogger(__name__)

Switches = tuple[bool, bool]  # enabled, monitoring


@dataclass(frozen=True, slots=True)
class SwitchChange:
    """A wanted change of the switches of a tenant; `seen` are the switches that the page showed."""

    tenant_id: str
    seen: Switches
    wanted: Switches


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """The result for one tenant; `problem` is None if its switches were changed."""

    tenant_id: str
    tenant: str
    problem: Problem | None = None


def apply_switches(services: Services, changes: Sequence[SwitchChange], actor: Actor) -> list[SwitchResult]:
    """Carry out each change on its own and return the results. Raises NotAllowed.

    If the present switches of a tenant are neither the seen nor the wanted ones, somebody else has changed them: they
    stay, and the result has a problem. Without a SharePoint profile the switches are only in the cache.
    """
    actor.need(Action.SWITCHES)
    names = {tenant_id: row.name for tenant_id, row in tenant_rows(services.engine).items()}
    results = []
    for change, problem in zip(changes, _problems(services, changes), strict=True):
        result = SwitchResult(change.tenant_id, names.get(change.tenant_id, "?"), problem)
        _record(services, actor, "tenant.switched", result, change.seen, change.wanted)
        results.append(result)
    return results


def _problems(services: Services, changes: Sequence[SwitchChange]) -> Iterator[Problem | None]:
    """Carry out one change after the other; yield the problem of each, None for success."""
    profile = services.profiles.load(services.now()).sharepoint
    if profile is None:
        rows = tenant_rows(services.engine)
        for change in changes:
            yield _switch_in_cache(services, rows[change.tenant_id], change)
        return
    try:
        lists = services.publisher.lists(profile)
        matched = matched_rows(services, lists)
    except (GraphError, ListError) as error:
        yield from (error.problem for _ in changes)
        return
    for change in changes:
        yield _switch(services, lists, matched, change)


def add_to_list(
    services: Services, tenant_ids: Sequence[str], actor: Actor, *, adding: Callable[[str], None] = lambda _: None
) -> list[SwitchResult]:
    """Add a row to the tenant list for each tenant, and return the results.

    The row gets the last switches if an earlier row has vanished, else enabled and monitored. A present row stays;
    `adding` gets the id of a tenant before its new row is written. Raises NotAllowed.
    """
    actor.need(Action.SWITCHES)
    rows = tenant_rows(services.engine)
    profile = services.profiles.load(services.now()).sharepoint
    if profile is None:
        return []
    try:
        lists = services.publisher.lists(profile)
        matched = matched_rows(services, lists)
    except (GraphError, ListError) as error:
        return [SwitchResult(tenant_id, rows[tenant_id].name, error.problem) for tenant_id in tenant_ids]
    results = []
    for tenant_id in tenant_ids:
        row, item = rows[tenant_id], matched.get(tenant_id)
        problem = lists.tenants.ours.obstacle("title", *SWITCHES) if item is None else None
        last = (row.enabled, row.monitored) if row.missing_since else (True, True)
        switches = (_switches(lists, item, last_switches(row)) if item else last) or (row.enabled, row.monitored)
        if item is None and problem is None:
            adding(tenant_id)
            problem = write_row(services, lists, _new_row(lists, row.name, switches), row.name)
        if problem is None:
            _save(services, tenant_id, switches)
        result = SwitchResult(tenant_id, row.name, problem)
        _record(services, actor, "tenant.listed", result, None, switches)
        results.append(result)
    return results


def end_monitoring(services: Services, tenant_ids: Sequence[str], actor: Actor) -> list[SwitchResult]:
    """Store that tenants whose rows have vanished are no longer monitored. Raises NotAllowed.

    If a row is there again, the next refresh takes its switches.
    """
    actor.need(Action.SWITCHES)
    rows = tenant_rows(services.engine)
    results = []
    for row in (rows[tenant_id] for tenant_id in tenant_ids):
        if row.missing_since is not None:
            after = (row.enabled, False)
            _save(services, row.tenant_id, after, listed=False)
            results.append(SwitchResult(row.tenant_id, row.name))
            _record(services, actor, "tenant.unlisted", results[-1], (row.enabled, row.monitored), after)
    return results


def _new_row(lists: Lists, name: str, switches: Switches) -> BatchRequest:
    body = lists.tenants.body({"title": name, "enabled": switches[0], "monitoring": switches[1]})
    return BatchRequest("POST", f"{lists.tenants.path}/items", {"fields": body})


def _switches(lists: Lists, item: Item, last: Switches | None) -> Switches | None:
    """Return the switches in SharePoint; `last` replaces lost values. None if one cannot be read."""
    listed = listed_tenant(item, lists.tenants)
    if listed.enabled is None or listed.monitoring is None:
        return None
    return settled_switches(listed, last)


def matched_rows(services: Services, lists: Lists) -> dict[str, Item]:
    """Return tenant id -> its item of the tenant list, read from SharePoint before a write.

    Raises NotOwner if another installation writes the lists.
    """
    if foreign := services.publisher.owner.obstacle(lists, lists.items(lists.parameters)):
        raise NotOwner(foreign)
    return match_tenants(listed_rows(services.engine), lists.items(lists.tenants))[0]


def _switch(services: Services, lists: Lists, matched: dict[str, Item], change: SwitchChange) -> Problem | None:
    row = tenant_rows(services.engine)[change.tenant_id]
    item = matched.get(change.tenant_id)
    if item is None:
        return Problem("sharepoint.not_listed", {"tenant": row.name})
    if obstacle := lists.tenants.ours.obstacle(*SWITCHES):
        return obstacle
    current = _switches(lists, item, last_switches(row))
    if current is None:
        return next(odd_values(lists.tenants, [item], SWITCHES, "title"))
    if current == change.wanted:
        _save(services, change.tenant_id, current)
        return None
    if current != change.seen:
        _save(services, change.tenant_id, current)
        return Problem("sharepoint.changed_meanwhile", {"tenant": row.name})
    body = lists.tenants.body({"enabled": change.wanted[0], "monitoring": change.wanted[1]})
    path = f"{lists.tenants.path}/items/{item.item_id}/fields"
    problem = write_row(services, lists, BatchRequest("PATCH", path, body, item.etag), row.name)
    if problem is None:
        _save(services, change.tenant_id, change.wanted)
    return problem


def _switch_in_cache(services: Services, row: Any, change: SwitchChange) -> Problem | None:
    """Change the switches in the cache, unless somebody else has changed them; return the problem, None for success."""
    if (row.enabled, row.monitored) not in (change.seen, change.wanted):
        return Problem("access.switched_meanwhile", {"tenant": row.name})
    _save(services, change.tenant_id, change.wanted, listed=False)
    return None


def write_row(services: Services, lists: Lists, request: BatchRequest, name: str) -> Problem | None:
    """Send one write about the row of the tenant `name`; return its problem, None for success."""
    try:
        answer = services.publisher.pace.send(lists.client, [request])[0]
    except GraphError as error:
        return error.problem
    if answer.ok:
        return None
    if answer.status in (409, 412):
        return Problem("sharepoint.changed_meanwhile", {"tenant": name})
    if answer.status == 0:
        return Problem("graph.unreachable", {"tenant": lists.client.name, "what": "items"})
    return error_for(answer.status, answer.body, what="items", name=lists.client.name).problem


def _save(services: Services, tenant_id: str, switches: Switches, *, listed: bool = True) -> None:
    save_switches(services.engine, tenant_id, listed=listed, enabled=switches[0], monitored=switches[1])


def _record(
    services: Services, actor: Actor, action: str, result: SwitchResult, before: Switches | None, after: Switches
) -> None:
    problem = result.problem
    record(
        services.engine,
        actor,
        action,
        result.tenant,
        before=_as_words(before),
        after=_as_words(after),
        result="failed" if problem else "done",
        reason=problem.text("en") if problem else "",
        at=services.now(),
    )
    with request_in_log(actor.request_id, actor.name):
        told = (actor.shown, action, result.tenant, *after)
        if problem:
            log.info("%s: %s of %s to enabled=%s monitoring=%s failed: %s", *told, problem)
        else:
            log.info("%s: %s of %s to enabled=%s monitoring=%s", *told)


def _as_words(switches: Switches | None) -> dict[str, bool] | None:
    return None if switches is None else {"enabled": switches[0], "monitoring": switches[1]}
