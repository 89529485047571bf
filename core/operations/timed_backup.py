"""The backup of the timetable: the dashboard and `sync --watch` ask once a minute whether one is due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from sqlalchemy import Engine

from core.problems import ProblemError
from core.roles import Actor
from core.settings import Settings

log = logging.getLogger(__name__)


def back_up_if_due(engine: Engine, settings: Settings) -> None:
    """Make a backup if one is due. A failure is noted and logged, never raised: refreshes go on."""
    if not (settings.backup_hours and settings.has_backups):
        return
    from core.backup.creation import create, is_due  # a library for encryption, which few installations need at all

    try:
        now = datetime.now(UTC)
        if is_due(engine, settings, now):
            create(engine, settings, Actor("schedule", "admin", "schedule"), now)
    except ProblemError as error:
        log.warning("no backup just now: %s", error.problem.text("en"))
    except Exception:
        log.exception("the backup failed")
