"""What the page about operations shows of backups: settings, state, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from core.attention.backup_conditions import BackupFacts, State, backup_facts, backup_state, drill_state
from core.cache.backup_rows import BackupRow, backup_rows, latest_backups
from core.roles import Action, Actor
from core.settings import Settings

LATEST: Final = 50  # rows of each kind


@dataclass(frozen=True, slots=True)
class BackupOverview:
    """The backups, drills and restores of this installation, newest first, and their state."""

    facts: BackupFacts
    backup: State
    drill: State
    rows: Sequence[BackupRow]
    keep: Sequence[str]


def backup_overview(engine: Engine, settings: Settings, actor: Actor, now: datetime) -> BackupOverview:
    """Return what is known about backups. Raises NotAllowed, DatabaseError."""
    actor.need(Action.OPERATIONS)
    facts = backup_facts(settings, latest_backups(engine))
    rows = [row for kind in ("backup", "drill", "restore") for row in backup_rows(engine, kind, LATEST)]
    return BackupOverview(
        facts,
        backup_state(facts, now),
        drill_state(facts, now),
        sorted(rows, key=lambda row: row.started_at, reverse=True),
        settings.backup_keep,
    )
