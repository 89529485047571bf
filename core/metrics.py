"""Counters of this process for /metrics; safe to call from any thread. Figures of the database are not here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# Otherwise each counter has a second series with its start time.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
BUCKETS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
# Names as in the summary of a refresh.
WRITES = ("created", "updated", "merged", "triggers_set", "resets", "failed")
STATES = ("done", "failed", "interrupted")
# Reasons why a connection was refused or closed: no place for a new one, closed for a new one, over its time limit,
# too many tabs, too many frames, too large a body.
REFUSALS = ("full", "room", "time", "tabs", "frames", "size")

_seconds = Histogram("lizenztool_refresh_seconds", "Duration of refreshes.", registry=REGISTRY, buckets=BUCKETS)
_refreshes = Counter("lizenztool_refreshes", "Refreshes by how they ended.", ["state"], registry=REGISTRY)
_requests = Counter(
    "lizenztool_graph_requests",
    "HTTP requests to Microsoft; the status is a class, or none when no answer came.",
    ["method", "status"],
    registry=REGISTRY,
)
_throttled = Counter("lizenztool_graph_throttled", "Answers 429, also within a batch.", registry=REGISTRY)
_writes = Counter("lizenztool_sharepoint_writes", "Changes of the licence list.", ["kind"], registry=REGISTRY)
_sign_in_failures = Counter(
    "lizenztool_sign_in_failures",
    "Failed sign-ins; early: refused before the password was looked at.",
    ["kind"],
    registry=REGISTRY,
)
_sprays = Counter(
    "lizenztool_sign_in_sprays", "Minutes with guessing at the sign-in on a large scale.", registry=REGISTRY
)
_connections = Gauge("lizenztool_connections", "Open connections, tabs among them.", registry=REGISTRY)
_refused = Counter(
    "lizenztool_connections_refused", "Connections refused or closed by a limit.", ["reason"], registry=REGISTRY
)
_leases_lost = Counter("lizenztool_leases_lost", "Leases that another process took over.", registry=REGISTRY)

for _outcome in ("checked", "early"):
    _sign_in_failures.labels(_outcome)
for _state in STATES:  # so that every series starts at zero
    _refreshes.labels(_state)
for _kind in WRITES:
    _writes.labels(_kind)
for _reason in REFUSALS:
    _refused.labels(_reason)


def refresh_ended(state: str, seconds: float, summary: Mapping[str, Any]) -> None:
    """Count a finished refresh; `summary` is that of `sync --json`."""
    _seconds.observe(seconds)
    _refreshes.labels(state).inc()
    for kind in WRITES:
        _writes.labels(kind).inc(summary["sharepoint"].get(kind, 0))


def request_sent(method: str, status: int) -> None:
    """Count an HTTP request to Microsoft; `status` 0 means no answer."""
    _requests.labels(method if method in METHODS else "other", f"{status // 100}xx" if status else "none").inc()
    throttled(status == 429)


def throttled(count: int) -> None:
    """Count answers with status 429."""
    if count:
        _throttled.inc(count)


def sign_in_failed(*, early: bool) -> None:
    """Count a failed sign-in; `early`: it was refused before the password was checked."""
    _sign_in_failures.labels("early" if early else "checked").inc()


def spray_seen() -> None:
    """Count a minute with password spraying."""
    _sprays.inc()


def connections_open(number: int) -> None:
    """Set the number of open connections."""
    _connections.set(number)


def connection_refused(reason: str) -> None:
    """Count a connection that was refused or closed; `reason` is one of REFUSALS."""
    _refused.labels(reason).inc()


def lease_lost() -> None:
    """Count a lease that was lost while its work went on."""
    _leases_lost.inc()
