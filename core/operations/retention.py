"""Delete what is older than the settings keep: days of history, ended runs, licences that have gone, audit, copies."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, make_url

from core import audit
from core.cache.event_rows import prune_events
from core.cache.history_rows import delete_days, delete_gone_licenses
from core.cache.run_rows import delete_runs
from core.cache.sql import increase_version, transaction
from core.settings import Settings

log = logging.getLogger(__name__)

GONE_DAYS = 90  # so long a licence is shown that Microsoft no longer lists
COPY_DAYS = 30  # so long the copy is kept that an upgrade of the database has made


def prune_now(engine: Engine, settings: Settings) -> dict[str, int]:
    """Prune at the present moment: the daily task of a dashboard and of `sync --watch`."""
    return prune(engine, settings, datetime.now(UTC))


def prune(engine: Engine, settings: Settings, now: datetime) -> dict[str, int]:
    """Delete what is too old at `now`; return how much of what: days, runs, licenses, events, audit, copies.

    A wrong clock empties nothing: of days, runs, events and audit only the oldest few go at once. The latest refresh
    and the newest copy of an upgrade stay, however old they are. Raises DatabaseError.
    """
    today = now.astimezone(settings.zone).date()
    deleted = dict.fromkeys(("days", "runs", "licenses", "events", "audit", "copies"), 0)
    with transaction(engine) as connection:
        if settings.run_days:
            deleted["runs"] = delete_runs(connection, now - timedelta(days=settings.run_days))
        # Before the days: those of a licence say when it went.
        deleted["licenses"] = delete_gone_licenses(connection, today - timedelta(days=GONE_DAYS))
        if settings.history_days:
            deleted["days"] = delete_days(connection, today - timedelta(days=settings.history_days))
        if deleted["licenses"]:
            increase_version(connection)
    deleted["events"] = prune_events(engine, settings.history_days, now)
    deleted["audit"] = audit.prune(engine, settings.audit_days, now)
    deleted["copies"] = _delete_copies(settings, now)
    if any(deleted.values()):
        log.info("deleted as too old: %s", ", ".join(f"{name} {count}" for name, count in deleted.items()))
    return deleted


def _delete_copies(settings: Settings, now: datetime) -> int:
    """Delete the copies that upgrades of a SQLite file have made, except the newest and those of COPY_DAYS."""
    target = make_url(settings.database)
    if target.get_backend_name() != "sqlite" or not target.database:
        return 0
    file = Path(target.database)
    copies = sorted(file.parent.glob(f"{file.name}.*.bak"), key=lambda copy: copy.stat().st_mtime)
    old = [copy for copy in copies[:-1] if _changed(copy) < now - timedelta(days=COPY_DAYS)]
    for copy in old:
        copy.unlink()
    return len(old)


def _changed(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
