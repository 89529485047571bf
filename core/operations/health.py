"""Is this process fit for users: the database, the refresh, the tenants. Pure, but for the one look at the database."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from core.cache.database import DatabaseError
from core.cache.health_reading import FailingTenant, HealthReading, read_health
from core.clock import elapsed

log = logging.getLogger(__name__)

USUAL_OF = 5  # refreshes


@dataclass(frozen=True, slots=True)
class Health:
    """The three checks in a word each; `reason` tells what is wrong with the database, in English.

    `refreshed_at` is the end of the last refresh of all tenants, None when none is known. `vanished`: tenants whose
    row in the tenant list has vanished -> since when.
    """

    database: Literal["ok", "unreachable", "other version"]
    refresh: Literal["ok", "late", "off", "unknown"] = "unknown"
    tenants: Literal["ok", "degraded", "unknown"] = "unknown"
    reason: str = ""
    refreshed_at: datetime | None = None
    failing: Sequence[FailingTenant] = ()
    vanished: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it makes sense to send users here. Tenants that cannot be read are no reason not to."""
        return self.database == "ok" and self.refresh != "late"


def health_of(engine: Engine, refresh_minutes: float, started_at: datetime, now: datetime) -> Health:
    """How it is now; `started_at` is when this process began. Never raises."""
    try:
        return judge(read_health(engine), refresh_minutes, started_at, now)
    except DatabaseError as error:
        return Health("unreachable", reason=error.problem.text("en"))
    except Exception as error:  # what the database answers instead is not known beforehand
        log.exception("the health check failed")
        return Health("unreachable", reason=type(error).__name__)


def judge(found: HealthReading, refresh_minutes: float, started_at: datetime, now: datetime) -> Health:
    """The rule: a refresh may be late by one, and by as long as one usually takes; a fresh start has that time, too."""
    if not found.newest_version:
        return Health("other version", reason="The database was upgraded by another version of the program.")
    # One in the future says nothing: the clock was set back since.
    last = min((end for end, _ in found.refreshes), key=lambda end: elapsed(end, now), default=None)
    usual = statistics.median([seconds for _, seconds in found.refreshes[:USUAL_OF]] or [0.0])
    allowed = timedelta(minutes=2 * refresh_minutes, seconds=usual)
    late = min(elapsed(at, now) for at in (last, started_at) if at is not None) > allowed
    return Health(
        database="ok",
        refresh="off" if not refresh_minutes else "late" if late else "ok",
        tenants="degraded" if found.failing or found.vanished else "ok",
        refreshed_at=last,
        failing=found.failing,
        vanished=found.vanished,
    )
