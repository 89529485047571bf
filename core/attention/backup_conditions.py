"""Conditions about backups and drills of the restore. Pure functions of facts and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from core.attention.condition import Condition
from core.cache.backup_rows import BackupRow, LatestBackups
from core.clock import elapsed
from core.problems import Problem
from core.settings import PREFIX, Settings

SUBJECT = "backup"
DRILL_DAYS = 35  # a drill every month, with a few days of grace
NEEDED = ("backup_dir", "backup_recipients")  # settings

# off: not set up; half: one of two settings is missing; never: set up, but there is none that went well
State = Literal["off", "half", "never", "failed", "late", "ok"]


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """`missing`: names of needed settings that are empty; `hours` between two backups, 0 = only by hand."""

    missing: Sequence[str] = ()
    hours: float = 1
    latest: LatestBackups = field(default_factory=LatestBackups)
    off: bool = False  # everything is missing


def backup_facts(settings: Settings, latest: LatestBackups) -> BackupFacts:
    """Return the facts for these settings and the latest backups."""
    # Where several processes share the work, one that serves nothing else has the folder and makes the backups.
    needed = NEEDED[1:] if settings.shares_work else NEEDED
    missing = [f"{PREFIX}{name.upper()}" for name in needed if not getattr(settings, name)]
    return BackupFacts(missing, settings.backup_hours, latest, len(missing) == len(needed))


def backup_state(facts: BackupFacts, now: datetime) -> State:
    """Return the state of the backups; late is one that is older than two intervals."""
    if facts.missing:
        return "off" if facts.off else "half"
    most = timedelta(hours=2 * facts.hours) if facts.hours else timedelta.max
    return _state(facts.latest.backup, facts.latest.good_backup, most, now)


def drill_state(facts: BackupFacts, now: datetime) -> State:
    """Return the state of the drills; late is one that is older than DRILL_DAYS."""
    if facts.missing:
        return "off"
    return _state(facts.latest.drill, facts.latest.good_drill, timedelta(days=DRILL_DAYS), now)


def _state(last: BackupRow | None, good: BackupRow | None, most: timedelta, now: datetime) -> State:
    if last is not None and last.problem is not None:
        return "failed"
    if good is None:
        return "never"
    age = elapsed(good.started_at, now)
    return "late" if age > most or age == timedelta.max else "ok"


def backup_conditions(facts: BackupFacts, now: datetime) -> Iterator[Condition]:
    """Yield a condition if there is no backup, if it or the drill failed, or if one of them is too old."""
    match backup_state(facts, now):
        case "off":
            yield Condition("note", Problem("check.no_backup"), SUBJECT)
        case "half":
            problem = Problem("check.backup_half_set_up", {"missing": ", ".join(facts.missing)})
            yield Condition("error", problem, SUBJECT)
        case "never":
            yield Condition("warning", Problem("check.backup_never"), SUBJECT)
        case "failed":
            yield from _failed("check.backup_failed", facts.latest.backup)
        case "late" if facts.latest.good_backup is not None:
            problem = Problem("check.backup_overdue", {"hours": f"{facts.hours:g}"})
            yield Condition("error", problem, SUBJECT, moments={"since": facts.latest.good_backup.started_at})
    match drill_state(facts, now):
        case "never" if facts.latest.good_backup is not None:
            yield Condition("notice", Problem("check.drill_never"), SUBJECT)
        case "failed":
            yield from _failed("check.drill_failed", facts.latest.drill)
        case "late" if facts.latest.good_drill is not None:
            problem = Problem("check.drill_overdue")
            yield Condition("warning", problem, SUBJECT, moments={"since": facts.latest.good_drill.started_at})


def _failed(code: str, row: BackupRow | None) -> Iterator[Condition]:
    if row is not None:
        yield Condition("error", Problem(code), SUBJECT, cause=row.problem, moments={"at": row.started_at})
