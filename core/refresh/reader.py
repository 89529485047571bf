"""Read the tenants in parallel and store their answers in the cache, several tenants in one transaction."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Engine

from core.cache.case_rows import cases_since, known_cases
from core.cache.history_rows import history_keys
from core.cache.onboarding_rows import first_readings
from core.cache.purchases import SubscriptionReading, save_subscriptions
from core.cache.readings import (
    Follow,
    Reading,
    StoredLicense,
    save_failures,
    save_readings,
    stored_licenses,
    trial_skus,
)
from core.cases.opening import CaseWatch
from core.clock import elapsed
from core.graph import GraphClient, refused_rows
from core.licenses.alarm_rules import Rules
from core.licenses.judge import Judgement, Stage, judge
from core.licenses.skus import Catalogue
from core.licenses.units import License
from core.problems import Problem
from core.profiles.tenant_profile import TenantProfile
from core.refresh.run_stop import RunStop
from core.refresh.tenant_answer import TenantAnswer, nothing_left, read_tenant, update_trials
from core.sharepoint.license_rows import units_of
from core.workers import Workers

log = logging.getLogger(__name__)

# After this time without an answer about a tenant, and without being asked to wait, the remaining tenants are not read;
# it is longer than the longest wait while throttled (core.graph.retry.MAX_WAIT).
QUIET_SECONDS = 180.0
SAVE_EVERY = 0.5  # seconds; one transaction stores all answers of this time
SUBSCRIPTIONS_EVERY = timedelta(hours=20)  # about once a day; renewal dates change rarely


@dataclass(slots=True)
class ReadResult:
    """The result for all tenants of one refresh.

    `ok`: ids of tenants that were read; `before`, `after`: tenant id -> SKU id -> row; `trial`: the (tenant id, SKU id)
    with only trial subscriptions.
    """

    ok: list[str] = field(default_factory=list)
    failed: list[tuple[TenantProfile, Problem]] = field(default_factory=list)
    before: dict[str, dict[str, StoredLicense]] = field(default_factory=dict)
    after: dict[str, dict[str, StoredLicense]] = field(default_factory=dict)
    trial: set[tuple[str, str]] = field(default_factory=set)
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads tenants, as many at a time as `workers` has threads; `client_for` returns the client of a profile.

    `asked_to_wait_at` returns the time (monotonic) at which a server last asked to wait; it may do so several times.
    """

    engine: Engine
    workers: Workers
    client_for: Callable[[TenantProfile], GraphClient]
    catalogue: Catalogue
    stop: RunStop
    now: Callable[[], datetime]
    zone: tzinfo
    asked_to_wait_at: Callable[[], float]
    rules: Rules = field(default_factory=Rules)
    quiet: Collection[str] = ()  # tenants whose shortages are taken over without a message

    def read(
        self,
        profiles: Sequence[TenantProfile],
        rows: dict[str, Any],
        progress: Callable[[int], None],
        *,
        all_subscriptions: bool = False,
        only_these: bool = False,
    ) -> ReadResult:
        """Read the tenants of `profiles` and store their rows; a tenant that cannot be read keeps its stored rows.

        `rows`: tenant id -> row of the `tenants` table; `progress` gets the number of finished tenants. Ends when
        Microsoft has been silent for QUIET_SECONDS; the remaining tenants then count as failed. With `only_these` the
        stored rows of other tenants are not loaded, and are not in the result.
        """
        answers, silence = SimpleQueue[TenantAnswer](), threading.Event()
        for profile in profiles:
            due = all_subscriptions or self._due(rows.get(profile.tenant_id))
            self.workers.submit(self._answer, answers, profile, due, silence)
        # The stored rows are loaded while the requests are under way.
        chosen = [profile.tenant_id for profile in profiles] if only_these else None
        result = ReadResult(before=stored_licenses(self.engine, chosen), trial=trial_skus(self.engine, chosen))
        day = self.now().astimezone(self.zone).date()
        today = history_keys(self.engine, day, chosen)
        follow = self._cases(rows, result.trial, chosen).follow
        left, answered_at = {profile.tenant_id: profile for profile in profiles}, time.monotonic()
        while left and not self.stop.must_end():
            arrived = _collect(answers, len(left))
            if any(is_from_microsoft(answer) for answer in arrived):
                answered_at = time.monotonic()
            for answer in arrived:
                del left[answer.profile.tenant_id]
            if time.monotonic() - max(answered_at, self.asked_to_wait_at()) > QUIET_SECONDS:
                silence.set()
                arrived += [unread_answer(profile) for profile in left.values()]
                left.clear()
            self._mark_doubtful(arrived, result, rows)
            self._save(arrived, result, today, day, follow)
            progress(len(profiles) - len(left))
        result.stopped = self.stop.is_set()
        return result

    def _cases(self, rows: Mapping[str, Any], trial: set[tuple[str, str]], chosen: Collection[str] | None) -> CaseWatch:
        """Return what lets the shortage cases follow the readings."""
        return CaseWatch(
            judge_row=lambda row: self._judgement(row["tenant_id"], units_of(row), trial, present=row["present"]),
            zone=self.zone,
            monitored={tenant_id for tenant_id, row in rows.items() if row.monitored},
            known=known_cases(self.engine, chosen),
            first=first_readings(self.engine),
            quiet=self.quiet,
            since=cases_since(self.engine),
            product=lambda sku_id, part, language: self.catalogue.product(sku_id, part).name(language),
        )

    def _due(self, row: Any) -> bool:
        last = row.subscriptions_read_at if row is not None else None
        return last is None or elapsed(last, self.now()) >= SUBSCRIPTIONS_EVERY

    def _answer(
        self,
        answers: SimpleQueue[TenantAnswer],
        profile: TenantProfile,
        with_subscriptions: bool,
        silence: threading.Event,
    ) -> None:
        if not self.stop.is_set() and not silence.is_set():
            answers.put(read_tenant(profile, self.client_for, self.now, with_subscriptions=with_subscriptions))

    def _mark_doubtful(self, arrived: Sequence[TenantAnswer], result: ReadResult, rows: dict[str, Any]) -> None:
        """Set a problem on each answer without a licence, if the tenant had several."""
        for answer in arrived:
            if answer.problem is None and not answer.licenses:
                tenant_id = answer.profile.tenant_id
                stored, row = result.before.get(tenant_id, {}), rows.get(tenant_id)
                answer.problem = nothing_left(answer.profile.name, stored, row, self.now())

    def _save(
        self,
        arrived: Sequence[TenantAnswer],
        result: ReadResult,
        today: set[tuple[str, str]],
        day: Any,
        follow: Follow,
    ) -> None:
        """Store these answers, in a few transactions for all of them together."""
        good = [answer for answer in arrived if answer.problem is None]
        self._save_failures(arrived, result)
        self._save_subscriptions([answer for answer in good if answer.subscriptions_asked], result.trial)
        readings = []
        for answer in good:
            tenant_id = answer.profile.tenant_id
            judged = ((row.sku_id, self.stage_of(tenant_id, row, result.trial)) for row in answer.licenses)
            stages = {sku_id: stage for sku_id, stage in judged if stage != "ok"}
            refused = {row.sku_id for row in answer.refused}
            problem = self._note_refused(answer, result)
            readings.append(Reading(tenant_id, answer.licenses, stages, answer.read_at or self.now(), refused, problem))
        result.after |= save_readings(self.engine, readings, result.before, today, day, follow)

    def _note_refused(self, answer: TenantAnswer, result: ReadResult) -> Problem | None:
        """Count the tenant as read, or as failed if some of its rows cannot be understood; return the problem."""
        problem = refused_rows(answer.profile.name, answer.refused)
        if problem is None:
            result.ok.append(answer.profile.tenant_id)
        else:
            result.failed.append((answer.profile, problem))
            log.warning("%s [%s]", problem, problem.detail)
        return problem

    def _save_failures(self, arrived: Sequence[TenantAnswer], result: ReadResult) -> None:
        problems = [(answer.profile, answer.problem) for answer in arrived if answer.problem is not None]
        result.failed += problems
        # A refresh that was stopped is no failure of its tenants.
        failures = {profile.tenant_id: problem for profile, problem in problems if problem.code != "refresh.stopped"}
        save_failures(self.engine, failures, self.now())

    def _save_subscriptions(self, asked: Sequence[TenantAnswer], trial: set[tuple[str, str]]) -> None:
        save_subscriptions(
            self.engine,
            [
                SubscriptionReading(
                    answer.profile.tenant_id,
                    answer.subscriptions,
                    answer.read_at or self.now(),
                    answer.subscriptions_problem,
                )
                for answer in asked
            ],
        )
        for answer in asked:
            update_trials(trial, answer.profile.tenant_id, answer.subscriptions or ())

    def stage_of(self, tenant_id: str, row: License, trial: set[tuple[str, str]]) -> Stage:
        """Return the stage of the licence that was just read."""
        return self._judgement(tenant_id, row, trial).stage

    def _judgement(
        self, tenant_id: str, row: License, trial: set[tuple[str, str]], *, present: bool = True
    ) -> Judgement:
        is_trial = (tenant_id, row.sku_id) in trial
        return judge(row, self.catalogue, self.rules, tenant_id=tenant_id, is_trial=is_trial, present=present)


def is_from_microsoft(answer: TenantAnswer) -> bool:
    """Return False if there was no answer from Microsoft: the connection failed or timed out."""
    return answer.problem is None or not answer.problem.code.startswith("network.")


def unread_answer(profile: TenantProfile) -> TenantAnswer:
    """Return the answer of a tenant that was not read because Microsoft was silent for QUIET_SECONDS."""
    params = {"tenant": profile.name, "minutes": f"{QUIET_SECONDS / 60:.0f}"}
    return TenantAnswer(profile, problem=Problem("refresh.silence", params))


def _collect(answers: SimpleQueue[TenantAnswer], most: int) -> list[TenantAnswer]:
    """Return the answers that arrive within SAVE_EVERY, at most `most`."""
    arrived: list[TenantAnswer] = []
    end = time.monotonic() + SAVE_EVERY
    while len(arrived) < most and (left := end - time.monotonic()) > 0:
        try:
            arrived.append(answers.get(timeout=left))
        except Empty:
            break
    return arrived
