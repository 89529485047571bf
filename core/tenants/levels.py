"""The levels of service: read, add, change and delete them, and give one to tenants.

LevelFaults   the level has faults, each with its field; nothing was changed
LevelError    it cannot be changed, deleted or given: somebody else has changed it, or tenants have it
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Engine

from core.audit import Entry
from core.cache import level_rows
from core.cache.level_rows import (
    BUILT_IN,
    PRIORITIES,
    STANDARD,
    Level,
    LevelChanged,
    LevelInUse,
    all_levels,
    document_of,
    level_of,
    tenants_by_level,
)
from core.licenses.alarm_rules import LARGEST
from core.name_key import name_key, plain
from core.problems import Problem, ProblemError, ProblemsError
from core.roles import Action, Actor
from core.tenants.chosen_names import free_key, name_fault
from core.text_files import shown

__all__ = ["BUILT_IN", "PRIORITIES", "STANDARD", "Level", "LevelError", "LevelFaults", "assign", "delete",
           "document_of", "faults_of", "find", "keep", "level_of", "levels", "tenants_by_level"]  # fmt: skip

log = logging.getLogger(__name__)

LEAST_MINUTES, MOST_MINUTES = 1, 10_080  # between two refreshes: a week, as in the setting
MOST_HOURS = 2_000  # of working time: a year
MOST_RECIPIENTS, LONGEST_ADDRESS = 20, 254

levels = all_levels


class LevelFaults(ProblemsError):
    """The level has faults; `by_field` has the problem of each field."""

    def __init__(self, by_field: Mapping[str, Problem]) -> None:
        super().__init__(list(by_field.values()))
        self.by_field = dict(by_field)


class LevelError(ProblemError):
    """The level cannot be changed, deleted or given."""


def find(known: Mapping[str, Level], wanted: str) -> Level | None:
    """Return the level with this name or key, None if there is none."""
    key = name_key(wanted)
    return next((level for level in known.values() if name_key(level.name) == key), None) or known.get(key)


def faults_of(level: Level, calendars: Collection[str]) -> Iterator[tuple[str, Problem]]:
    """Yield the faults of a level as (field, problem); `calendars` are the keys of those that exist."""
    if problem := name_fault(level.name):
        yield "name", problem
    if level.refresh_minutes is not None and not LEAST_MINUTES <= level.refresh_minutes <= MOST_MINUTES:
        params = {"value": str(level.refresh_minutes), "least": str(LEAST_MINUTES), "most": str(MOST_MINUTES)}
        yield "refresh_minutes", Problem("level.minutes", params)
    if level.threshold is not None and abs(level.threshold) > LARGEST:
        yield "threshold", Problem("level.threshold", {"least": str(-LARGEST), "most": str(LARGEST)})
    if level.warn is not None and not 0 <= level.warn <= LARGEST:
        yield "warn", Problem("level.threshold", {"least": "0", "most": str(LARGEST)})
    for field in ("reaction_hours", "solution_hours"):
        hours = getattr(level, field)
        if set(hours) != set(PRIORITIES) or not all(0 < value <= MOST_HOURS for value in hours.values()):
            yield field, Problem("level.hours", {"most": str(MOST_HOURS)})
    yield from _recipient_faults(level)
    if level.calendar not in calendars:
        yield "calendar", Problem("level.no_calendar", {"value": shown(level.calendar)})


def _recipient_faults(level: Level) -> Iterator[tuple[str, Problem]]:
    if len(level.recipients) > MOST_RECIPIENTS:
        yield "recipients", Problem("level.recipients_many", {"most": str(MOST_RECIPIENTS)})
        return
    for address in level.recipients:
        try:
            validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            yield "recipients", Problem("level.no_address", {"value": shown(address)})
            return


def keep(engine: Engine, level: Level, actor: Actor, calendars: Collection[str]) -> Level:
    """Add a level (its key is ""), or change the one with its key and version; return it as stored.

    Raises NotAllowed, LevelFaults, LevelError, DatabaseError.
    """
    actor.need(Action.LEVELS)
    level = replace(level, name=plain(level.name), recipients=tuple(dict.fromkeys(level.recipients)))
    if faults := dict(reversed(list(faults_of(level, calendars)))):
        raise LevelFaults(faults)
    now, added = datetime.now(UTC), not level.key
    try:
        if added:
            level = replace(level, key=free_key(level.name, levels(engine)), version=1)
            done = level_rows.add_level(engine, level, Entry(actor, "level.added", level.name), now)
        else:
            done = level_rows.change_level(engine, level, Entry(actor, "level.changed", level.name), now)
    except LevelChanged as error:
        raise LevelError(Problem("level.changed_meanwhile", {"name": level.name})) from error
    if not done:
        raise LevelFaults({"name": Problem("chosen_name.taken", {"name": level.name})})
    log.info("%s saved the level %s", actor.shown, level.name)
    return level if added else replace(level, version=level.version + 1)


def delete(engine: Engine, level: Level, actor: Actor) -> None:
    """Delete a level that no tenant has; the standard one stays. Raises NotAllowed, LevelError, DatabaseError."""
    actor.need(Action.LEVELS)
    if level.key == STANDARD:
        raise LevelError(Problem("level.standard_stays", {"name": level.name}))
    try:
        level_rows.delete_level(engine, level, Entry(actor, "level.deleted", level.name), datetime.now(UTC))
    except LevelChanged as error:
        raise LevelError(Problem("level.changed_meanwhile", {"name": level.name})) from error
    except LevelInUse as error:
        raise LevelError(Problem("level.in_use", {"name": level.name, "count": str(error.count)})) from error
    log.info("%s deleted the level %s", actor.shown, level.name)


def assign(engine: Engine, level: Level, tenant_ids: Collection[str], actor: Actor) -> list[str]:
    """Give the tenants the level; return the names of those that had another one.

    Raises NotAllowed, LevelError, DatabaseError.
    """
    actor.need(Action.LEVELS)
    entry = Entry(actor, "level.assigned", level.name)
    try:
        moved = level_rows.assign_level(engine, level.key, tenant_ids, entry, datetime.now(UTC))
    except LevelChanged as error:
        raise LevelError(Problem("level.changed_meanwhile", {"name": level.name})) from error
    log.info("%s gave %d tenants the level %s", actor.shown, len(moved), level.name)
    return moved
