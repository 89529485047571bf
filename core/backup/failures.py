"""Note that a backup or a drill has failed."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy import Engine

from core.cache.audit_rows import Entry
from core.cache.backup_rows import BackupRow, save_backup_row
from core.cache.database import DatabaseError
from core.logs.log_words import word
from core.problems import Problem
from core.roles import Actor

log = logging.getLogger(__name__)

WORDS = {"backup": word("backup"), "drill": word("drill")}
ACTIONS = {"backup": "backup.created", "drill": "backup.drilled"}


def note_failure(engine: Engine, row: BackupRow, problem: Problem, actor: Actor) -> None:
    """Log and store that `row` has failed because of `problem`; a database that cannot be written is only logged.

    The database may be why it failed: so its error does not hide the cause, which the caller raises.
    """
    log.error("%s failed: %s", WORDS[row.kind], problem)
    entry = Entry(actor, ACTIONS[row.kind], row.file, result="failed", reason=problem.text("en"))
    try:
        save_backup_row(engine, replace(row, problem=problem), entry)
    except DatabaseError as error:
        log.warning("the failure cannot be noted: %s", error)
