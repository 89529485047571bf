"""Delete what is older than the settings keep: days, ended runs, licences that have gone, messages, audit, copies."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path

from sqlalchemy import Engine

from core import audit
from core.cache.database import sqlite_file
from core.cache.event_rows import prune_events
from core.cache.history_rows import delete_days, delete_gone_licenses
from core.cache.message_rows import prune_messages
from core.cache.onboarding_rows import delete_cancelled
from core.cache.run_rows import delete_runs
from core.cache.sql import increase_version, transaction
from core.settings import Settings

log = logging.getLogger(__name__)

GONE_DAYS = 90  # a licence that Microsoft no longer lists is shown for this time
COPY_DAYS = 30  # a copy of the database made by an upgrade is kept for this time


def prune_now(engine: Engine, settings: Settings) -> dict[str, int]:
    """Call `prune` with the present time; the daily task of the dashboard and of `sync --watch`."""
    return prune(engine, settings, datetime.now(UTC))


def prune(engine: Engine, settings: Settings, now: datetime) -> dict[str, int]:
    """Delete what is too old at `now`; return the numbers of days, runs, licenses, events, messages, audit and copies.

    Of days, runs, events, messages and audit only some of the oldest are deleted at once, because the clock may be
    wrong. The latest refresh and the newest copy of an upgrade stay, however old they are. Raises DatabaseError.
    """
    today = now.astimezone(settings.zone).date()
    deleted = dict.fromkeys(("days", "runs", "licenses", "events", "messages", "audit", "copies"), 0)
    with transaction(engine) as connection:
        if settings.run_days:
            deleted["runs"] = delete_runs(connection, now - timedelta(days=settings.run_days))
            delete_cancelled(connection, now - timedelta(days=settings.run_days))
        if settings.message_days:
            deleted["messages"] = prune_messages(connection, now - timedelta(days=settings.message_days))
        # Before the days, because the last day of a licence shows when it was last listed.
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
    file = sqlite_file(settings.database)
    if file is None:
        return 0
    copies = sorted((_changed(copy), copy) for copy in file.parent.glob(f"{escape(file.name)}.*.bak"))
    old = [copy for changed, copy in copies[:-1] if changed < now - timedelta(days=COPY_DAYS)]
    return sum(map(_is_deleted, old))


def _changed(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:  # another process has just deleted it as too old
        return datetime.min.replace(tzinfo=UTC)


def _is_deleted(copy: Path) -> bool:
    """Delete a copy; return False if another process has done so, or if it cannot be deleted, which is logged."""
    try:
        copy.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("the old copy %s cannot be deleted: %s", copy, error.strerror)
        return False
    return True
