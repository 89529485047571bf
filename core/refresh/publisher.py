"""The SharePoint part of a refresh: read the switches from the tenant list, write licences and tenants to the lists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from core.cache.lists_read import (
    Alarm,
    SharePointStatus,
    emptied,
    last_switches,
    save_alarms,
    save_sharepoint_status,
    save_tenant_list,
    sharepoint_status,
    stored_alarms,
)
from core.cache.readings import StoredLicense
from core.cache.tenant_rows import tenant_rows
from core.graph import GraphClient, GraphError, Http, TokenSource
from core.licenses.alarm_rules import Rules
from core.licenses.skus import Catalogue
from core.problems import Problem
from core.profiles.profile_store import Profiles
from core.profiles.sharepoint_profile import SharePointProfile
from core.settings import Settings
from core.sharepoint import (
    Change,
    Item,
    ListCache,
    ListError,
    Lists,
    Pace,
    Plan,
    PushResult,
    Row,
    TenantRow,
    Writer,
    check_parameters,
    match_tenants,
    parameters_of,
    plan_licenses,
    plan_tenants,
    push,
    taken_over,
)
from core.sharepoint.apply import PARALLEL_BATCHES
from core.sharepoint.license_rows import Key, in_lists, rows_to_show
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.tenant_list import listed_rows, listed_tenant
from core.sharepoint.trigger_table import report_events
from core.sharepoint.writable import FLAGS, SWITCHES, emptied_switches, odd_values, writable, writable_plan
from core.workers import Workers

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ListsRead:
    """The lists as read in this refresh; `matched`: tenant id -> its item of the tenant list.

    `odd`: problems of values that cannot be read; `refused`: problems of writes that SharePoint did not accept.
    """

    lists: Lists
    list_cache: ListCache
    tenants: list[TenantRow]
    matched: dict[str, Item]
    problems: list[Problem] = field(default_factory=list)
    parameters: Mapping[str, str] = field(default_factory=dict)
    odd: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)

    @property
    def faults(self) -> list[Problem]:
        """Return the problems of columns, values and refused writes, which `sync` reports."""
        return [*self.lists.problems, *self.odd, *self.refused]


class Publisher:
    """Reads and writes the three lists, and stores their state in the cache."""

    def __init__(self, engine: Engine, settings: Settings, tokens: TokenSource, http: Http) -> None:
        self._engine, self._settings, self._tokens, self._http = engine, settings, tokens, http
        self._lists: tuple[SharePointProfile, Lists] | None = None
        self._workers = Workers(len(LIST_NAMES), "lists")
        self._writers = Workers(PARALLEL_BATCHES, "sharepoint")
        self._pace = Pace(http, settings.sharepoint_units_per_minute)

    def close(self) -> None:
        """End the threads."""
        self._workers.close()
        self._writers.close()

    def lists(self, profile: SharePointProfile) -> Lists:
        """Return the lists of `profile`; their columns are read once. Raises GraphError, ListError."""
        if self._lists is None or self._lists[0] != profile:
            client = GraphClient(profile, self._settings.graph_url, self._tokens, self._http)
            self._lists = (profile, Lists(client, profile, self._workers))
        return self._lists[1]

    def read_lists(self, profiles: Profiles, now: datetime) -> ListsRead | None:
        """Read tenant list and parameters, and store the switches of the tenants.

        Return None without a usable profile, or if the lists cannot be read: then the last switches stay in force, and
        the stored status has the problem.
        """
        if profiles.sharepoint is None:
            faults = [fault for fault in profiles.faults if fault.of_sharepoint and not fault.usable]
            problems = [problem for fault in faults for problem in fault.problems]
            last = sharepoint_status(self._engine).read_at  # kept, because a profile may have been removed by mistake
            save_sharepoint_status(self._engine, SharePointStatus(bool(faults), last, problems))
            return None
        try:
            return self._read(profiles.sharepoint, now)
        except (GraphError, ListError) as error:
            self.note_failure(error.problem)
            return None

    def note_failure(self, problem: Problem) -> None:
        """Store the problem of lists that cannot be used; the time of the last read and the parameters stay."""
        log.warning("SharePoint: %s [%s]", problem.text("en"), problem.detail)
        self._lists = None  # read the columns again: one may have been renamed
        before = sharepoint_status(self._engine)
        save_sharepoint_status(
            self._engine,
            SharePointStatus(configured=True, read_at=before.read_at, problems=[problem], parameters=before.parameters),
        )

    def _read(self, profile: SharePointProfile, now: datetime) -> ListsRead:
        lists = self.lists(profile)
        list_cache = ListCache(self._engine, lists, now)
        items, parameter_items = self._workers.map(list_cache.items, (lists.tenants, lists.parameters))
        parameters = parameters_of(parameter_items)
        tenants = listed_rows(self._engine)
        matched, twice = match_tenants(tenants, items)
        odd = list(odd_values(lists.tenants, items, SWITCHES, "title"))
        problems = check_parameters(parameters)
        problems += [Problem("sharepoint.duplicate_title", {"tenant": title}) for title in twice]
        listed = {item.item_id: listed_tenant(item, lists.tenants) for item in items}
        by_tenant = {tenant_id: listed[item.item_id] for tenant_id, item in matched.items()}
        rows = tenant_rows(self._engine)
        lost = {rows[key].name: emptied(item, last_switches(rows[key])) for key, item in by_tenant.items()}
        odd += emptied_switches(lists.tenants, lost)
        save_tenant_list(self._engine, list(listed.values()), by_tenant, now)
        lists_read = ListsRead(lists, list_cache, tenants, matched, problems, parameters, odd)
        all_problems = [*lists_read.faults, *problems]
        status = SharePointStatus(configured=True, read_at=now, problems=all_problems, parameters=parameters)
        save_sharepoint_status(self._engine, status)
        return lists_read

    def license_items(self, lists_read: ListsRead) -> Future[list[Item]]:
        """Start to read the licence list in a thread, and return the future of its items.

        Its `result` raises GraphError, ListError, DatabaseError.
        """
        return self._workers.submit(lists_read.list_cache.items, lists_read.lists.licenses)

    def publish(
        self,
        lists_read: ListsRead,
        items: list[Item],
        stored: Mapping[str, Mapping[str, StoredLicense]],
        trial: set[tuple[str, str]],
        catalogue: Catalogue,
        rules: Rules,
        *,
        now: datetime,
        progress: Callable[[int, int], None],
        give_way: Callable[[], bool] = lambda: False,
        take_over: Callable[[Row], bool] | None = None,
    ) -> PushResult:
        """Make licence list and tenant list equal to the rows `stored` in the cache, and return the result.

        The last rows of a tenant that cannot be read now are written, too. New shortages for which `take_over` returns
        True are marked as reported, without a message. `give_way` and `progress` as for `push`. Raises GraphError,
        ListError.
        """
        rows = tenant_rows(self._engine)
        wanted = list(rows_to_show(rows, stored, trial, catalogue, rules, self._settings.language))
        tenant_changes = writable(
            plan_tenants(lists_read.tenants, lists_read.matched, self._settings.zone), lists_read.lists.tenants
        )
        lists_read.odd += odd_values(lists_read.lists.licenses, items, FLAGS, "name")
        memory, planner = _AlarmMemory(self._engine), self._planner(lists_read, rows, wanted, now)
        taken: dict[Key, Alarm] = {}
        if take_over is not None:
            taken = taken_over(filter(take_over, planner(items, memory.alarms).tells), memory.alarms, now)
            memory.save(taken)
        result = push(
            lists_read.lists,
            self._pace,
            self._writers,
            items,
            planner,
            memory.alarms,
            remember=memory.save,
            now=now,
            progress=lambda total, done: progress(total + len(tenant_changes), done),
            give_way=give_way,
        )
        result.taken_over = len(taken) if take_over is not None else None
        if tenant_changes:  # after the alarms, which are urgent
            self._write_tenant_list(lists_read, tenant_changes, result, progress, give_way)
        lists_read.refused += result.refused
        self._store_status(lists_read, result, now)
        return result

    def _write_tenant_list(
        self,
        lists_read: ListsRead,
        changes: Sequence[Change],
        result: PushResult,
        progress: Callable[[int, int], None],
        give_way: Callable[[], bool],
    ) -> None:
        """Write the changes of the tenant list; those left out because the push gave way are counted in `result`."""
        lists = lists_read.lists
        lists_read.list_cache.make_sure(lists.tenants)
        writer = Writer(lists.client, lists.tenants, self._pace, self._writers, give_way)
        before = result.through
        outcomes = writer.apply(changes, lambda done: progress(before + len(changes), before + done))
        result.remaining += sum(outcome.result == "left" for outcome in outcomes)
        lists_read.refused += writer.refused.problems()

    def _planner(
        self, lists_read: ListsRead, tenants: Mapping[str, Any], wanted: Sequence[Row], now: datetime
    ) -> Callable[[Sequence[Item], Mapping[Key, Alarm]], Plan]:
        """Return the function that plans the licence list; before changes it checks the columns."""

        def plan(items: Sequence[Item], alarms: Mapping[Key, Alarm]) -> Plan:
            new_plan = plan_of(tenants, wanted, items, alarms, now, self._settings)
            if new_plan.changes:
                lists_read.list_cache.make_sure(lists_read.lists.licenses)
            return writable_plan(new_plan, lists_read.lists.licenses, items)

        return plan

    def _store_status(self, lists_read: ListsRead, result: PushResult, now: datetime) -> None:
        problems: list[Problem] = [*lists_read.faults, *lists_read.problems]
        if result.unanswered:
            minutes = f"{self._settings.flow_timeout_minutes:g}"
            count = str(len(result.unanswered))
            problems.append(Problem("sharepoint.flow_silent", {"count": count, "minutes": minutes}))
        if result.problem:
            problems.append(result.problem)
        if (others := result.failed - result.refused_rows) > 0:
            problems.append(Problem("sharepoint.write_failed", {"count": str(others)}))
        for problem in problems:
            log.warning("SharePoint: %s", problem.text("en"))
        save_sharepoint_status(
            self._engine,
            SharePointStatus(configured=True, read_at=now, problems=problems, parameters=lists_read.parameters),
        )


def plan_of(
    tenants: Mapping[str, Any],
    wanted: Sequence[Row],
    items: Iterable[Item],
    alarms: Mapping[Key, Alarm],
    now: datetime,
    settings: Settings,
) -> Plan:
    """Return the plan for the licence list; `tenants`: tenant id -> its row in the database, or one like it."""
    names = {tenant_id: [row.name, *row.former_names] for tenant_id, row in tenants.items()}
    disabled = {tenant_id for tenant_id, row in tenants.items() if not in_lists(row)}
    timeout = timedelta(minutes=settings.flow_timeout_minutes)
    return plan_licenses(wanted, items, alarms, names, disabled, now=now, flow_timeout=timeout)


class _AlarmMemory:
    """The alarms in the cache; saved before each write to the list, so that they are right after a crash."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.alarms = stored_alarms(engine)

    def save(self, alarms: Mapping[Key, Alarm]) -> None:
        changed = {key: alarm for key, alarm in alarms.items() if self.alarms.get(key) != alarm}
        if changed:
            save_alarms(self._engine, list(changed.values()), report_events(changed.values(), self.alarms))
            self.alarms |= changed
