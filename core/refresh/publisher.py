"""The SharePoint part of a refresh: read the switches from the tenant list, write licences and tenants to the lists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine

from core.cache.lists_read import (
    SharePointStatus,
    save_sharepoint_status,
    sharepoint_status,
)
from core.cache.refill_permission import end_refill, refill_allowed
from core.graph import GraphClient, GraphError, Http, TokenSource
from core.problems import Problem
from core.profiles.profile_store import Profiles
from core.profiles.sharepoint_profile import SharePointProfile
from core.refresh.license_planner import AlarmMemory, Planner, license_planner
from core.refresh.list_owner import ListOwner, NotOwner
from core.refresh.lists_reading import ListsRead, read_lists
from core.settings import Settings
from core.sharepoint import (
    Change,
    Item,
    ListError,
    Lists,
    Pace,
    PushResult,
    Row,
    Writer,
    plan_tenants,
    push,
)
from core.sharepoint.apply import PARALLEL_BATCHES
from core.sharepoint.list_columns import LIST_NAMES
from core.sharepoint.lists import SharePointList
from core.sharepoint.lost_items import ListEmptied, LostItems, lost_items
from core.sharepoint.writable import FLAGS, odd_values, writable
from core.workers import Workers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushJob:
    """The arguments of `Publisher.publish`."""

    lists_read: ListsRead
    items: list[Item]
    tenants: Mapping[str, Any]
    rows: Sequence[Row]
    now: datetime
    progress: Callable[[int, int], None]
    give_way: Callable[[], bool]
    take_over: Callable[[Row], bool] | None


class Publisher:
    """Reads and writes the three lists, and stores their state in the cache."""

    def __init__(self, engine: Engine, settings: Settings, tokens: TokenSource, http: Http) -> None:
        self._engine, self._settings, self._tokens, self._http = engine, settings, tokens, http
        self._lists: tuple[SharePointProfile, Lists] | None = None
        self._workers = Workers(len(LIST_NAMES), "lists")
        self._writers = Workers(PARALLEL_BATCHES, "sharepoint")
        self.pace = Pace(http, settings.sharepoint_units_per_minute)
        self.owner = ListOwner(engine, settings.zone, self.pace)

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
            return read_lists(self._engine, self.lists(profiles.sharepoint), self.owner, self._workers, now)
        except (GraphError, ListError) as error:
            self.note_failure(error.problem)
            return None

    def note_failure(self, problem: Problem) -> None:
        """Store the problem of lists that cannot be used; the time of the last read and the parameters stay."""
        log.warning("SharePoint: %s [%s]", problem, problem.detail)
        self._lists = None  # read the columns again: one may have been renamed
        before = sharepoint_status(self._engine)
        save_sharepoint_status(
            self._engine,
            SharePointStatus(configured=True, read_at=before.read_at, problems=[problem], parameters=before.parameters),
        )

    def license_items(self, lists_read: ListsRead) -> Future[list[Item]]:
        """Start to read the licence list in a thread, and return the future of its items.

        Its `result` raises GraphError, ListError, DatabaseError.
        """
        return self._workers.submit(lists_read.list_cache.items, lists_read.lists.licenses)

    def publish(
        self,
        lists_read: ListsRead,
        items: list[Item],
        tenants: Mapping[str, Any],
        rows: Sequence[Row],
        *,
        now: datetime,
        progress: Callable[[int, int], None],
        give_way: Callable[[], bool] = lambda: False,
        take_over: Callable[[Row], bool] | None = None,
    ) -> PushResult:
        """Make the licence list equal to `rows` and the tenant list to the profiles, and return the result.

        `tenants`: tenant id -> row of the `tenants` table. New shortages for which `take_over` returns True are marked
        as reported, without a message. `give_way` and `progress` as for `push`. While another installation writes the
        lists nothing is written. Raises GraphError, ListError.
        """
        lists_read.odd += odd_values(lists_read.lists.licenses, items, FLAGS, "name")
        job = PushJob(lists_read, items, tenants, rows, now, progress, give_way, take_over)
        try:
            lists_read.problems += self.owner.claim(lists_read.lists, lists_read.parameter_items, now)
            result = self._write(job)
        except NotOwner as error:
            result = PushResult(stopped=error.problem)
            AlarmMemory(self._engine).observe(lists_read, tenants, rows, items, now, self._settings)
        self._store_status(lists_read, result, now)
        return result

    def delete_items(self, lists: Lists, of: SharePointList, items: Sequence[Item], now: datetime) -> int:
        """Delete `items` of the list `of`, as its owner and at the pace of all writes; return how many have gone.

        Raises NotOwner, GraphError, ListError.
        """
        if not items:
            return 0
        self.owner.claim(lists, lists.items(lists.parameters), now)
        writer = Writer(lists.client, of, self.pace, self._writers)
        outcomes = writer.apply([Change(("", item.item_id), item, delete=True) for item in items])
        return sum(outcome.result == "done" for outcome in outcomes)

    def _write(self, job: PushJob) -> PushResult:
        """Write the licence list, then the tenant list, and return the result.

        Raises NotOwner, GraphError, ListError.
        """
        lists_read, confirm = job.lists_read, partial(self.owner.confirm, job.lists_read.lists)
        changes, memory = self._tenant_changes(lists_read), AlarmMemory(self._engine)
        planner = license_planner(lists_read, job.tenants, job.rows, job.now, self._settings, confirm)
        taken = None
        if job.take_over is not None:
            taken = memory.take_over(filter(job.take_over, planner(job.items, memory.alarms).to_report), job.now)
        result = self._write_licenses(job, planner, memory, len(changes))
        result.taken_over = taken
        if changes:  # after the alarms, which are urgent
            confirm()
            self._write_tenant_list(lists_read, changes, result, job.progress, job.give_way)
        lists_read.refused += result.refused
        return result

    def _write_licenses(self, job: PushJob, planner: Planner, memory: AlarmMemory, others: int) -> PushResult:
        """Write the licence list and return the result; nothing is written if it was emptied.

        `others`: changes of the tenant list that follow.
        """
        lists, known = job.lists_read.lists, dict(memory.alarms)
        try:
            result = push(
                lists, self.pace, self._writers, job.items, planner, memory.alarms, now=job.now,
                check=lambda plan: self._check_not_emptied(lists, lost_items(job.rows, plan, known)),
                remember=memory.save, progress=lambda total, done: job.progress(total + others, done),
                give_way=job.give_way,
            )  # fmt: skip
        except ListEmptied as error:
            return PushResult(stopped=error.problem)
        if not (result.problem or result.remaining):
            self._end_refill()
        return result

    def _check_not_emptied(self, lists: Lists, lost: LostItems) -> None:
        """Raise ListEmptied if most of the items are gone, unless an admin has allowed to create them again."""
        if lost.too_many and refill_allowed(self._engine) != lists.licenses.key:
            raise ListEmptied(lost.problem)

    def _end_refill(self) -> None:
        if refill_allowed(self._engine):
            end_refill(self._engine)

    def _tenant_changes(self, lists_read: ListsRead) -> list[Change]:
        changes = plan_tenants(lists_read.tenants, lists_read.matched, self._settings.zone)
        return writable(changes, lists_read.lists.tenants)

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
        lists_read.list_cache.check_columns(lists.tenants)
        writer = Writer(lists.client, lists.tenants, self.pace, self._writers, give_way)
        before = result.through
        outcomes = writer.apply(changes, lambda done: progress(before + len(changes), before + done))
        result.remaining += sum(outcome.result == "left" for outcome in outcomes)
        lists_read.refused += writer.refused.problems()

    def _store_status(self, lists_read: ListsRead, result: PushResult, now: datetime) -> None:
        problems: list[Problem] = [*lists_read.faults, *lists_read.problems]
        if result.unanswered:
            minutes = f"{self._settings.flow_timeout_minutes:g}"
            count = str(len(result.unanswered))
            problems.append(Problem("sharepoint.flow_silent", {"count": count, "minutes": minutes}))
        if result.problem and result.problem not in problems:
            problems.append(result.problem)
        if (others := result.failed - result.refused_rows) > 0:
            problems.append(Problem("sharepoint.write_failed", {"count": str(others)}))
        for problem in problems:
            log.warning("SharePoint: %s", problem)
        save_sharepoint_status(
            self._engine,
            SharePointStatus(configured=True, read_at=now, problems=problems, parameters=lists_read.parameters),
        )
