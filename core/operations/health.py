"""Health of this process: the database, the refresh, the tenants."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from core.attention.conditions import expected_minutes
from core.cache.backup_rows import LatestBackups
from core.cache.database import DatabaseError
from core.cache.health_reading import FailingTenant, HealthReading, read_health
from core.clock import elapsed

log = logging.getLogger(__name__)

USUAL_OF = 5  # refreshes


@dataclass(frozen=True, slots=True)
class Health:
    """The results of the three checks; `reason` is the fault of the database, in English, `code` that of its version.

    `refreshed_at` is the end of the last refresh of all tenants whose turn it was, None if there is none. `vanished`:
    tenant -> time since which its row in the tenant list is missing.
    """

    database: Literal["ok", "unreachable", "other version"]
    refresh: Literal["ok", "late", "off", "unknown"] = "unknown"
    tenants: Literal["ok", "degraded", "unknown"] = "unknown"
    reason: str = ""
    code: str = ""
    refreshed_at: datetime | None = None
    failing: Sequence[FailingTenant] = ()
    vanished: Mapping[str, datetime] = field(default_factory=dict)
    backups: LatestBackups = field(default_factory=LatestBackups)

    @property
    def ready(self) -> bool:
        """Return True if a load balancer should send users here; unreadable tenants do not matter."""
        return self.database == "ok" and self.refresh != "late"


def health_of(engine: Engine, refresh_minutes: float, started_at: datetime, now: datetime) -> Health:
    """Return the present health; `started_at` is the start of this process. Never raises."""
    try:
        return judge(read_health(engine), refresh_minutes, started_at, now)
    except DatabaseError as error:
        return Health("unreachable", reason=error.problem.text("en"))
    except Exception as error:  # a database may answer with something unforeseen
        log.exception("the health check failed")
        return Health("unreachable", reason=type(error).__name__)


def judge(reading: HealthReading, refresh_minutes: float, started_at: datetime, now: datetime) -> Health:
    """Return the health for `reading`.

    A refresh is late after two intervals, the shortest that a tenant has, and the usual duration of a refresh, counted
    from the last one or the start.
    """
    if reading.other_schema is not None:
        return Health("other version", reason=reading.other_schema.text("en"), code=reading.other_schema.code)
    # A time in the future does not count: the clock was set back.
    last = min((end for end, _ in reading.refreshes), key=lambda end: elapsed(end, now), default=None)
    usual = statistics.median([seconds for _, seconds in reading.refreshes[:USUAL_OF]] or [0.0])
    minutes = expected_minutes(reading.own_minutes, refresh_minutes)
    allowed = timedelta(minutes=2 * minutes, seconds=usual)
    late = min(elapsed(at, now) for at in (last, started_at) if at is not None) > allowed
    return Health(
        database="ok",
        refresh="off" if not refresh_minutes else "late" if late else "ok",
        tenants="degraded" if reading.failing or reading.vanished else "ok",
        refreshed_at=last,
        failing=reading.failing,
        vanished=reading.vanished,
        backups=reading.backups,
    )
