"""Read the tenants side by side; what has arrived goes into the cache a handful of tenants at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Engine

from core.cache.purchases import SubscriptionReading, save_subscriptions
from core.cache.readings import (
    Reading,
    StoredLicense,
    history_keys,
    save_failures,
    save_readings,
    stored_licenses,
    trial_skus,
)
from core.clock import elapsed
from core.graph import GraphClient, GraphError, refused_rows, subscribed_skus, subscriptions
from core.licenses.alarm_rules import Rules
from core.licenses.judge import judge
from core.licenses.skus import Catalogue
from core.licenses.units import License, RefusedRow, Subscription
from core.logs.setup import tenant_in_log
from core.problems import Problem
from core.profiles.tenant_profile import TenantProfile
from core.refresh.run_stop import RunStop, Stopped
from core.workers import Workers

log = logging.getLogger(__name__)

SAVE_EVERY = 0.5  # seconds; one transaction for all tenants that arrived meanwhile
EMPTY_FOR = timedelta(days=1)  # so long an answer without any licence is not believed
SUBSCRIPTIONS_EVERY = timedelta(hours=20)  # about once a day; renewal dates do not move faster


@dataclass(slots=True)
class TenantAnswer:
    """What one tenant answered; `subscriptions` is None when not asked or not allowed."""

    profile: TenantProfile
    licenses: list[License] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    subscriptions: list[Subscription] | None = None
    subscriptions_asked: bool = False
    subscriptions_problem: Problem | None = None
    problem: Problem | None = None
    read_at: datetime | None = None


@dataclass(slots=True)
class ReadResult:
    """All tenants of one refresh. `before`/`after`: tenant id -> SKU id -> row; `trial`: bought only as a trial."""

    ok: list[str] = field(default_factory=list)
    failed: list[tuple[TenantProfile, Problem]] = field(default_factory=list)
    before: dict[str, dict[str, StoredLicense]] = field(default_factory=dict)
    after: dict[str, dict[str, StoredLicense]] = field(default_factory=dict)
    trial: set[tuple[str, str]] = field(default_factory=set)
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads tenants through `client_for`, as many at a time as there are `workers`."""

    engine: Engine
    workers: Workers
    client_for: Callable[[TenantProfile], GraphClient]
    catalogue: Catalogue
    stop: RunStop
    now: Callable[[], datetime]
    zone: tzinfo
    rules: Rules = field(default_factory=Rules)

    def read(
        self,
        profiles: Sequence[TenantProfile],
        rows: dict[str, Any],
        progress: Callable[[int], None],
        *,
        all_subscriptions: bool = False,
    ) -> ReadResult:
        """Read `profiles` and write each tenant that answered; a tenant that did not keeps its rows.

        `rows` are the tenants' rows in the database.
        """
        answers: SimpleQueue[TenantAnswer] = SimpleQueue()
        for profile in profiles:
            due = all_subscriptions or self._due(rows.get(profile.tenant_id))
            self.workers.submit(self._answer, answers, profile, due)
        # What is known of them is loaded while the network works.
        result = ReadResult(before=stored_licenses(self.engine), trial=trial_skus(self.engine))
        day = self.now().astimezone(self.zone).date()
        today = history_keys(self.engine, day)
        done = 0
        while done < len(profiles) and not self.stop.must_end():
            arrived = _collect(answers, len(profiles) - done)
            self._doubt(arrived, result, rows)
            self._save(arrived, result, today, day)
            done += len(arrived)
            progress(done)
        result.stopped = self.stop.is_set()
        return result

    def _due(self, row: Any) -> bool:
        last = row.subscriptions_read_at if row is not None else None
        return last is None or elapsed(last, self.now()) >= SUBSCRIPTIONS_EVERY

    def _answer(self, answers: SimpleQueue[TenantAnswer], profile: TenantProfile, with_subscriptions: bool) -> None:
        if not self.stop.is_set():
            answers.put(self._read_one(profile, with_subscriptions))

    def _read_one(self, profile: TenantProfile, with_subscriptions: bool) -> TenantAnswer:
        answer = TenantAnswer(profile)
        with tenant_in_log(profile.name):
            try:
                client = self.client_for(profile)
                skus = subscribed_skus(client)
                answer.licenses, answer.refused = skus.licenses, skus.refused
                answer.read_at = self.now()
                if with_subscriptions:
                    self._read_subscriptions(client, answer)
            except GraphError as error:
                answer.problem = error.problem
                log.warning("cannot be read: %s [%s]", error, error.problem.detail)
            except Stopped:
                answer.problem = Problem("refresh.stopped", {"tenant": profile.name})
            except Exception as error:
                # The edge of the worker: whatever is wrong with one tenant must not end the others.
                answer.problem = Problem("refresh.unexpected", {"tenant": profile.name}, type(error).__name__)
                log.exception("unexpected error")
        return answer

    def _read_subscriptions(self, client: GraphClient, answer: TenantAnswer) -> None:
        answer.subscriptions_asked = True
        try:
            answer.subscriptions = subscriptions(client)
        except GraphError as error:
            answer.subscriptions_problem = error.problem
            log.info("renewal dates cannot be read: %s", error)

    def _doubt(self, arrived: Sequence[TenantAnswer], result: ReadResult, rows: dict[str, Any]) -> None:
        """Take an answer that names no licence at all for a failed reading where several were known."""
        for answer in arrived:
            if answer.problem is None and not answer.licenses:
                tenant_id = answer.profile.tenant_id
                known, row = result.before.get(tenant_id, {}), rows.get(tenant_id)
                answer.problem = nothing_left(answer.profile.name, known, row, self.now())

    def _save(
        self,
        arrived: Sequence[TenantAnswer],
        result: ReadResult,
        today: set[tuple[str, str]],
        day: Any,
    ) -> None:
        """Write what has arrived: a few transactions for all tenants together, not some for each."""
        good = [answer for answer in arrived if answer.problem is None]
        self._save_failures(arrived, result)
        self._save_subscriptions([answer for answer in good if answer.subscriptions_asked], result.trial)
        readings = []
        for answer in good:
            tenant_id = answer.profile.tenant_id
            short = [row.sku_id for row in answer.licenses if self.is_short(tenant_id, row, result.trial)]
            refused = {row.sku_id for row in answer.refused}
            problem = self._note_refused(answer, result)
            readings.append(Reading(tenant_id, answer.licenses, short, answer.read_at or self.now(), refused, problem))
        result.after |= save_readings(self.engine, readings, result.before, today, day)

    def _note_refused(self, answer: TenantAnswer, result: ReadResult) -> Problem | None:
        """A tenant with rows that cannot be understood counts as failed, although its other rows are taken."""
        problem = refused_rows(answer.profile.name, answer.refused)
        if problem is None:
            result.ok.append(answer.profile.tenant_id)
        else:
            result.failed.append((answer.profile, problem))
            log.warning("%s [%s]", problem.text("en"), problem.detail)
        return problem

    def _save_failures(self, arrived: Sequence[TenantAnswer], result: ReadResult) -> None:
        problems = [(answer.profile, answer.problem) for answer in arrived if answer.problem is not None]
        result.failed += problems
        # Nobody is to blame for a refresh that was stopped.
        blamed = {profile.tenant_id: problem for profile, problem in problems if problem.code != "refresh.stopped"}
        save_failures(self.engine, blamed, self.now())

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
            learn_trials(trial, answer.profile.tenant_id, answer.subscriptions or ())

    def is_short(self, tenant_id: str, row: License, trial: set[tuple[str, str]]) -> bool:
        """Return True if the licence as just read is a shortage."""
        is_trial = (tenant_id, row.sku_id) in trial
        return judge(row, self.catalogue, self.rules, tenant_id=tenant_id, is_trial=is_trial).shortage


def nothing_left(tenant: str, known: Mapping[str, StoredLicense], row: Any, now: datetime) -> Problem | None:
    """Return the problem with an answer without any licence from a tenant that had several, `known`; else None.

    One licence that goes is a subscription that ended. All of several at once is believed once it has been
    answered for EMPTY_FOR; `row`, the tenant in the database, knows since when.
    """
    count = sum(license_["present"] for license_ in known.values())
    if count < 2:
        return None
    problem = Problem("graph.nothing_left", {"tenant": tenant, "count": str(count)})
    stored = Problem.from_json(row.problem) if row is not None and row.problem else None
    if stored is not None and stored.code == problem.code and now - row.failing_since >= EMPTY_FOR:
        return None
    return problem


def _collect(answers: SimpleQueue[TenantAnswer], most: int) -> list[TenantAnswer]:
    """What arrives within SAVE_EVERY, at the most `most`."""
    arrived: list[TenantAnswer] = []
    end = time.monotonic() + SAVE_EVERY
    while len(arrived) < most and (left := end - time.monotonic()) > 0:
        try:
            arrived.append(answers.get(timeout=left))
        except Empty:
            break
    return arrived


def learn_trials(trial: set[tuple[str, str]], tenant_id: str, found: Sequence[Subscription]) -> None:
    """Bring `trial` up to date with the subscriptions of one tenant."""
    bought = {row.sku_id for row in found if not row.is_trial}
    for row in found:
        key = (tenant_id, row.sku_id)
        if row.is_trial and row.sku_id not in bought:
            trial.add(key)
        else:
            trial.discard(key)
