"""The steps of one refresh, in their order."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from core import tracing
from core.cache import run_rows
from core.cache.database import DatabaseError
from core.cache.lists_read import sharepoint_status
from core.cache.onboarding_rows import first_readings
from core.cache.readings import StoredLicense
from core.cache.rule_rows import rules_at
from core.cache.run_rows import PUSH, Run
from core.cache.tenant_rows import tenant_rows
from core.graph import GraphClient, GraphError
from core.licenses.alarm_rules import Rules
from core.licenses.skus import Catalogue
from core.problems import Problem, ProblemError
from core.profiles.profile_faults import Fault
from core.profiles.profile_store import Profiles, folder_problem
from core.profiles.tenant_profile import TenantProfile
from core.refresh.first_readings import end_first_readings
from core.refresh.lists_reading import ListsRead
from core.refresh.preparation import Prepared, broken_profiles, chosen_tenants
from core.refresh.profiles_reading import store_profiles
from core.refresh.reader import Reader, ReadResult
from core.refresh.run_stop import RunStop
from core.refresh.run_summary import (
    Part,
    empty_summary,
    joined,
    lasting_problems,
    part_of,
    sharepoint_counts,
    unread_part,
)
from core.refresh.services import Services
from core.roles import schedule_actor
from core.sharepoint import GiveWay, Item, ListError, PushResult, Row
from core.sharepoint.license_rows import rows_to_show

log = logging.getLogger(__name__)

StoredRows = tuple[dict[str, dict[str, StoredLicense]], set[tuple[str, str]]]  # rows by tenant and SKU; trials

PUSH_MINUTES = 30.0  # longest push without a timetable
PROGRESS_EVERY = 0.3  # seconds between two writes of the progress
SHOW_FIGURES_AFTER = 5.0  # seconds; after this time of a push the pages show what was read


class ProfilesAway(ProblemError):
    """The folder of the profiles is missing or cannot be read, although the database has tenants."""


@dataclass(slots=True)
class RefreshRun:
    """The steps of `run`; setting `stop` ends it early. `names_fault` has the faults of sku_mappings.json."""

    services: Services
    run: Run
    stop: RunStop
    catalogue: Catalogue
    names_fault: str = ""
    shared: bool = False  # other processes read other tenants of the run
    _rules: Rules | None = field(default=None, init=False)
    _scope: frozenset[str] = field(default=frozenset(), init=False)
    _progress_at: float = field(default=0.0, init=False)
    _show_figures_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._scope = frozenset(self.run.scope)  # looked into for each tenant, and may name all but one

    def carry_out(self) -> dict[str, Any]:
        """Carry out all steps; return the summary of `sync --json`."""
        prepared = self.prepare()
        items = self.license_items(prepared.lists_read)
        result = self.read(prepared.chosen, prepared.rows)
        stored = result.before | result.after
        lists = self.push(prepared, items, lambda: (stored, result.trial))
        return self.summary([self.part_of(prepared.names, result), prepared.unread], lists)

    def prepare(self) -> Prepared:
        """Take over the profiles, read the tenant list, and return what the refresh is to read."""
        services = self.services
        self._progress("profiles")
        profiles = self._take_profiles()
        self._progress("lists")
        lists_read = services.publisher.read_lists(profiles, services.now())
        rows = tenant_rows(services.engine)
        chosen, skipped = chosen_tenants(profiles, rows, self._in_scope)
        broken = broken_profiles(profiles, rows, self.run.scope)
        unread = unread_part(broken, skipped, services.settings.language)
        return Prepared(profiles, lists_read, rows, chosen, unread)

    def license_items(self, lists_read: ListsRead | None) -> Future[list[Item]] | None:
        """Start to read the licence list; None if it will not be written."""
        if lists_read is None or self.run.read_only:
            return None
        return self.services.publisher.license_items(lists_read)

    def part_of(self, name_by_tenant: Mapping[str, str], result: ReadResult) -> Part:
        """Return what the tenants of `result` add to the summary; `name_by_tenant`: tenant id -> name."""
        language = self.services.settings.language
        return part_of(result, name_by_tenant, lambda *sku: self.catalogue.product(*sku).name(language), language)

    def push(
        self, prepared: Prepared, items: Future[list[Item]] | None, stored: Callable[[], StoredRows]
    ) -> dict[str, Any]:
        """Write the lists; return their counts in the summary. `stored` returns all rows and trials of the cache."""
        pushed, problem, lists_read = PushResult(), None, prepared.lists_read
        if lists_read and items and not self.stop.must_end():
            with tracing.span("sharepoint.push"):
                pushed, problem = self._publish(lists_read, items, *stored())
        elif prepared.profiles.sharepoint and not lists_read:
            problem = _first_problem(self.services.engine)
        if not self.stop.must_end():
            end_first_readings(self.services, self.run)
        problem = problem or _first_problem_of_the_site(prepared.profiles)
        problems = [problem] if problem else lists_read.faults if lists_read else []
        return sharepoint_counts(pushed, problems, self.services.settings.language)

    def summary(self, parts: Sequence[Part], lists: dict[str, Any]) -> dict[str, Any]:
        """Return the summary; `parts`: what was read, in which part whatsoever, and what was not."""
        lasting = lasting_problems(self.services, self.names_fault, self._in_scope)
        return {**empty_summary(), **joined(parts), "sharepoint": lists, **lasting}

    def _take_profiles(self) -> Profiles:
        services = self.services
        problem = folder_problem(services.profiles.folder)
        if problem is not None and tenant_rows(services.engine):
            raise ProfilesAway(problem)  # so all tenants and their rows stay
        profiles = services.profiles.load(services.now())
        services.tokens.keep_only([*profiles.tenants, *filter(None, [profiles.sharepoint])])
        store_profiles(services.engine, profiles)
        for fault in profiles.faults:
            for problem in fault.problems:
                log.warning("profile: %s", problem)
        return profiles

    def read(self, chosen: Sequence[TenantProfile], rows: dict[str, Any]) -> ReadResult:
        """Read the tenants `chosen` and store their rows; `rows`: tenant id -> its row."""
        services = self.services
        self._progress("tenants", 0, len(chosen))
        reader = Reader(
            engine=services.engine,
            workers=services.workers,
            client_for=lambda profile: GraphClient(
                profile, services.settings.graph_url, services.tokens, services.http
            ),
            catalogue=self.catalogue,
            stop=self.stop,
            now=services.now,
            zone=services.settings.zone,
            rules=self._rules_of_the_run([profile.tenant_id for profile in chosen] if self.shared else None),
            asked_to_wait_at=lambda: services.http.asked_to_wait_at,
            quiet=[profile.tenant_id for profile in chosen] if self.run.take_over else (),
        )
        return reader.read(
            chosen,
            rows,
            lambda done: self._progress("tenants", done, len(chosen)),
            all_subscriptions=bool(self.run.scope) and self.run.source != schedule_actor().source,
            only_these=self.shared,
        )

    def _publish(
        self,
        lists_read: ListsRead,
        items: Future[list[Item]],
        stored: dict[str, dict[str, StoredLicense]],
        trial: set[tuple[str, str]],
    ) -> tuple[PushResult, Problem | None]:
        """Write the lists from all rows of the cache, not only those of this run; return result and problem."""
        services = self.services
        self._progress(PUSH)
        self._show_figures_at = time.monotonic() + SHOW_FIGURES_AFTER
        tenants = tenant_rows(services.engine)
        rows = rows_to_show(
            tenants, stored, trial, self.catalogue, self._rules_of_the_run(), services.settings.language
        )
        most = max(1.0, services.settings.refresh_minutes or PUSH_MINUTES) * 60
        try:
            pushed = services.publisher.publish(
                lists_read,
                items.result(),
                tenants,
                list(rows),
                now=services.now(),
                progress=self._push_progress,
                give_way=GiveWay(most, self._asked_to_give_way),
                take_over=self._taken_over(),
            )
        except (GraphError, ListError) as error:
            services.publisher.note_failure(error.problem)
            return PushResult(), error.problem
        return pushed, pushed.problem

    def _rules_of_the_run(self, tenant_ids: Collection[str] | None = None) -> Rules:
        """Return the rules as they were when they were first asked for, the same for reading and writing.

        With `tenant_ids`, for a piece of a run, with the levels of these tenants alone.
        """
        if self._rules is None:
            services = self.services
            self._rules = rules_at(services.engine, services.now(), services.settings.zone, tenant_ids)
        return self._rules

    def _taken_over(self) -> Callable[[Row], bool] | None:
        """Return which shortages are marked as reported without a message; None for none.

        Those of a tenant that is being added belong to the summary of its first reading. Asked for after the licences
        are stored: so each shortage is either in that summary or told alone.
        """
        first = first_readings(self.services.engine)
        if not (first or self.run.take_over):
            return None
        return lambda row: row.tenant_id in first or (self.run.take_over and self._in_scope(row.tenant))

    def _asked_to_give_way(self) -> bool:
        try:
            return run_rows.asked_to_give_way(self.services.engine, self.run.run_id)
        except DatabaseError:
            return False  # does not end the push; its next write of the database raises the error

    def _in_scope(self, tenant: str) -> bool:
        return not self._scope or tenant in self._scope

    def _progress(self, step: str, done: int = 0, total: int = 0) -> None:
        if step == "tenants" and self.shared:
            return  # each process knows of its own tenants only
        if time.monotonic() - self._progress_at < PROGRESS_EVERY and 0 < done < total:
            return
        self._progress_at = time.monotonic()
        run_rows.save_progress(self.services.engine, self.run.run_id, step, done, total)

    def _push_progress(self, total: int, done: int) -> None:
        self._progress(PUSH, done, total)
        if time.monotonic() >= self._show_figures_at:
            self._show_figures_at = float("inf")
            run_rows.show_new_figures(self.services.engine)
            self.services.run_watch.tell(self.run.run_id)


def _first_problem(engine: Engine) -> Problem | None:
    return next(iter(sharepoint_status(engine).problems), None)


def _first_problem_of_the_site(profiles: Profiles) -> Problem | None:
    """Return the problem of the first unusable SharePoint profile, even if another one is used; None for none."""
    broken: list[Fault] = [fault for fault in profiles.faults if fault.of_sharepoint and not fault.usable]
    return broken[0].cause if broken else None
