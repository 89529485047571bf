"""/metrics for Prometheus: the counters of this process, and gauges read from the database."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from anyio import CapacityLimiter, to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from core.access.sessions import IDLE, LONGEST
from core.attention.backup_conditions import BackupFacts, backup_facts, backup_state, drill_state
from core.attention.conditions import late_after
from core.cache.backup_rows import latest_backups
from core.cache.leaving_rows import all_leavings
from core.cache.lists_read import sharepoint_status
from core.cache.message_rows import OutboxState, outbox_state
from core.cache.onboarding_rows import all_onboardings
from core.cache.open_sessions import open_sessions
from core.cache.run_rows import Run, open_runs
from core.cache.shared_frames import Figures, newest_figures
from core.clock import TOLERANCE, elapsed
from core.licenses.units import STATES
from core.metrics import REGISTRY
from core.refresh.list_refill import STOPS
from core.runtime import Runtime
from web.api.call_limits import CallLimits
from web.api.errors import ApiError
from web.headers import bearer_token
from web.reader_access import ReaderAccess
from web.request_data import client_host
from web.tabs import Tabs

UNAUTHORIZED = {"www-authenticate": 'Bearer realm="lizenztool"'}


class MetricsPage:
    """The route; `runtime` is a function, because it is opened after the routes are made."""

    def __init__(self, tabs: Tabs, runtime: Callable[[], Runtime]) -> None:
        self._tabs, self._runtime = tabs, runtime
        self._readers = ReaderAccess(tabs)
        self._limiter = CapacityLimiter(1)
        self._limits = CallLimits(runtime)

    def routes(self) -> list[BaseRoute]:
        return [Route("/metrics", self.show)]

    async def show(self, request: Request) -> Response:
        """Answer with the metrics, or 401 without a session or token. Raises DatabaseError."""
        runtime = self._runtime()
        if not await self._readers.may_read(request.scope, runtime.engine):
            if bearer_token(request.scope):
                try:
                    await self._limits.count_wrong(client_host(request.scope))
                except ApiError as error:
                    return PlainTextResponse(error.message, error.status, error.headers)
            return PlainTextResponse("A session or a token is needed: Authorization: Bearer ...", 401, UNAUTHORIZED)
        now, tabs = self._tabs.now(), len(self._tabs)
        body = await to_thread.run_sync(lambda: self.text(runtime, now, tabs), limiter=self._limiter)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    def text(self, runtime: Runtime, now: datetime, tabs: int) -> bytes:
        """Return all metrics in Prometheus' text format. May raise DatabaseError."""
        numbers = counted(newest_figures(runtime.engine, runtime.settings))
        opened = open_sessions(
            runtime.engine, created_after=now - LONGEST, seen_after=now - IDLE, until=now + TOLERANCE
        )
        gauges = [*_gauges(numbers, now), *_overdue(numbers, now, runtime.settings.refresh_minutes),
                  _gauge("sessions", "Open sessions.", len(opened)),
                  _gauge("tabs", "Open tabs of the dashboard.", tabs), _stopped(runtime.engine),
                  *_gauges_of_queue(open_runs(runtime.engine), now), moving_tenants(runtime.engine)]  # fmt: skip
        gauges += _gauges_of_backups(backup_facts(runtime.settings, latest_backups(runtime.engine)), now)
        gauges += _gauges_of_messages(outbox_state(runtime.engine), now)
        if runtime.settings.metrics_tenants:
            gauges += _gauges_of_tenants(numbers, now)
        registry = CollectorRegistry()
        registry.register(_Ready(gauges))
        return generate_latest(REGISTRY) + generate_latest(registry)


@dataclass(frozen=True)
class Numbers:
    """The numbers of the gauges, from one version of the database."""

    tenants: Mapping[str, int]  # by result
    vanished: int  # tenants whose row in the tenant list has vanished
    licenses: Mapping[str, int]  # by state
    shortages: Mapping[str, int]  # by tenant
    read_at: Mapping[str, datetime]  # by tenant; enabled tenants that have been read
    minutes: Mapping[str, float]  # by tenant; the interval of its level, NaN for that of the setting


class _Ready(Collector):
    """Gives metrics that are already computed to a registry."""

    def __init__(self, metrics: list[GaugeMetricFamily]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def counted(figures: Figures) -> Numbers:
    """Return the numbers of the gauges for these figures."""
    tenants = figures.tenants
    names, last = tenants["tenant"], tenants["last_read_at"]
    states = {str(state): int(count) for state, count in figures.licenses["state"].value_counts().items()}
    enabled, failing, read = tenants["enabled"], tenants["problem"].notna(), last.notna()
    return Numbers(
        tenants={
            "ok": int((enabled & read & ~failing).sum()),
            "failing": int((enabled & failing).sum()),
            "disabled": int((~enabled).sum()),
            "never_read": int((enabled & ~read & ~failing).sum()),
        },
        vanished=int((enabled & tenants["missing_since"].notna()).sum()),
        licenses=dict.fromkeys(STATES, 0) | states,
        shortages=dict(zip(names, tenants["shortages"], strict=True)),
        read_at={name: at for name, at, counts in zip(names, last, enabled & read, strict=True) if counts},
        minutes=dict(zip(names, tenants["refresh_minutes"], strict=True)),
    )


def _gauges(numbers: Numbers, now: datetime) -> Iterator[GaugeMetricFamily]:
    tenants = "Tenants by the result of their last reading."
    yield _gauge("tenants", tenants, numbers.tenants, "result")
    yield _gauge("tenants_vanished", "Tenants whose row in the SharePoint tenant list has vanished.", numbers.vanished)
    yield _gauge("licenses", "Licences of the tenants that are read, by state.", numbers.licenses, "state")
    yield _gauge("shortages", "Licences of which somebody is, or ought to be, told.", sum(numbers.shortages.values()))
    if numbers.read_at:
        oldest = max(_age(at, now) for at in numbers.read_at.values())
        yield _gauge("oldest_reading_seconds", "Age of the oldest reading.", oldest)


def _overdue(numbers: Numbers, now: datetime, refresh_minutes: float) -> Iterator[GaugeMetricFamily]:
    """Yield how long the reading that is furthest behind has been too old for the interval of its tenant."""
    if not (numbers.read_at and refresh_minutes):
        return
    minutes = {name: refresh_minutes if math.isnan(own) else own for name, own in numbers.minutes.items()}
    behind = max(_age(at, now) - late_after(minutes[name]).total_seconds() for name, at in numbers.read_at.items())
    help_ = "How long a reading has been older than two intervals of its tenant; 0 if none is."
    yield _gauge("overdue_reading_seconds", help_, max(0.0, behind))


def _stopped(engine: Engine) -> GaugeMetricFamily:
    """Return 1 for the reason why the lists are not written at present, 0 for the others."""
    codes = {problem.code for problem in sharepoint_status(engine).problems}
    reasons = {reason: float(code in codes) for code, reason in STOPS.items()}
    return _gauge("lists_stopped", "1 if the lists are not written at present.", reasons, "reason")


def moving_tenants(engine: Engine) -> GaugeMetricFamily:
    leaving = all_leavings(engine)
    stuck = sum(one.problem is not None for one in leaving)
    states = {"adding": len(all_onboardings(engine)), "leaving": len(leaving) - stuck, "stuck": stuck}
    return _gauge("tenants_moving", "Tenants that are added, leave, or cannot be removed.", states, "state")


def _gauges_of_queue(opened: Sequence[Run], now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the length of the queue of refreshes, and how long its first one has waited: 0 if none waits."""
    ages = [_age(run.requested_at, now) for run in opened if run.waiting]
    yield _gauge("queue_waiting", "Refreshes that wait.", len(ages))
    yield _gauge("queue_age_seconds", "How long the refresh that has waited longest waits.", max(ages, default=0.0))


def _gauges_of_backups(facts: BackupFacts, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield how old the last backup and drill that went well are, and whether both are as they should be."""
    states = {"backup": backup_state(facts, now), "drill": drill_state(facts, now)}
    good = {"backup": facts.latest.good_backup, "drill": facts.latest.good_drill}
    ages = {kind: _age(row.started_at, now) for kind, row in good.items() if row is not None}
    yield _gauge("backup_age_seconds", "Age of the last backup, and drill of a restore, that went well.", ages, "kind")
    sound = {} if facts.missing else {kind: float(state == "ok") for kind, state in states.items()}
    yield _gauge("backup_ok", "1 if the last backup, or drill, went well and is young enough.", sound, "kind")


def _gauges_of_messages(outbox: OutboxState, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield how many messages wait and were given up, and the age of the oldest that waits: 0 if none does."""
    yield _gauge("messages_waiting", "Messages that wait to be sent.", outbox.waiting)
    yield _gauge("messages_failed", "Messages that were given up.", outbox.failed)
    age = _age(outbox.oldest, now) if outbox.oldest else 0.0
    yield _gauge("messages_oldest_seconds", "How long the oldest message has waited.", age)


def _age(at: datetime, now: datetime) -> float:
    """Return the age in seconds, infinite for a time in the future, so that an alert on old readings fires."""
    age = elapsed(at, now)
    return float("inf") if age == timedelta.max else age.total_seconds()


def _gauges_of_tenants(numbers: Numbers, now: datetime) -> Iterator[GaugeMetricFamily]:
    ages = {tenant: _age(at, now) for tenant, at in numbers.read_at.items()}
    yield _gauge("tenant_shortages", "Shortages of a tenant.", numbers.shortages, "tenant")
    yield _gauge("tenant_reading_seconds", "Age of a tenant's last reading.", ages, "tenant")


def _gauge(name: str, help_: str, value: float | Mapping[str, float], label: str = "") -> GaugeMetricFamily:
    """Return a gauge with one value, or with one for each value of `label`."""
    gauge = GaugeMetricFamily(f"lizenztool_{name}", help_, labels=[label] if label else None)
    for key, number in value.items() if isinstance(value, Mapping) else [("", value)]:
        gauge.add_metric([key] if label else [], number)
    return gauge
