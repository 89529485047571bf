"""Allow the next refresh to fill a licence list that was emptied or replaced."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from core.audit import record
from core.cache.item_rows import list_mark
from core.cache.lists_read import sharepoint_status
from core.cache.refill_permission import save_refill_allowed
from core.problems import Problem, ProblemError
from core.refresh.list_owner import CODES
from core.roles import Action, Actor

EMPTIED = "sharepoint.list_emptied"
# Problems with which nothing is written into the lists -> the reason in a word.
STOPS = {EMPTIED: "emptied", CODES["other"]: "other_owner", CODES["copy"]: "copied_database"}


class NothingToRefill(ProblemError):
    """The last refresh found the licence list as it should be."""


def emptied_problem(problems: list[Problem]) -> Problem | None:
    """Return the problem of an emptied list, None if there is none."""
    return next((problem for problem in problems if problem.code == EMPTIED), None)


def allow_refill(engine: Engine, actor: Actor, now: datetime) -> Problem:
    """Allow the next refresh to create the lost items again, and return the problem that has their number.

    Items whose shortage was reported get `technician_informed`, so nobody is told twice. The permission is for the
    present list alone. Raises NotAllowed, NothingToRefill, DatabaseError.
    """
    actor.need(Action.SWITCHES)
    problem, mark = emptied_problem(list(sharepoint_status(engine).problems)), list_mark(engine, "license")
    if problem is None or mark is None:
        raise NothingToRefill(Problem("lists.nothing_to_refill"))
    save_refill_allowed(engine, mark.list_key)
    record(engine, actor, "list.refill_allowed", "Lizenzstatusliste", after=dict(problem.params), at=now)
    return problem
