"""Move a case into another state, as programs ask for it: they name the state, the table says by which step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from sqlalchemy import Engine

from core.bounds import visible
from core.cache.case_rows import Case
from core.cache.sql import transaction
from core.cases.changes import approve, bring_back, close, postpone, reopen
from core.cases.transitions import Transition, transition
from core.cases.writing import CaseRefused, need_readable
from core.problems import Problem
from core.roles import Action, Actor

# The steps that need nothing but a note, a day or a quantity; to ask and to order have functions of their own.
STEPS = ("consent_given", "returned", "postponed", "closed", "reopened")


@dataclass(frozen=True, slots=True)
class Move:
    """Where a case is to go: `note` is the reason, `until` is for postponed, `quantity` for approved without asking."""

    to: str
    note: str = ""
    until: date | None = None
    quantity: int | None = None


def targets(case: Case) -> dict[str, str]:
    """Return state -> kind of the step that leads there, for all states into which the case can be moved."""
    found = {}
    for kind in STEPS:
        row = transition(kind, case.state, case.resumes)
        if row is not None and "staff" in row.who and (kind != "consent_given" or "reason" in row.needs):
            found[_end(row, case)] = kind
    return {state: kind for state, kind in found.items() if state != case.state}


def _end(row: Transition, case: Case) -> str:
    return (case.resumes or "open") if row.end == "resumed" else str(row.end)


def move(
    engine: Engine, actor: Actor, case_id: str, wanted: Move, now: datetime, zone: tzinfo, *,
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Move the case and return it. Raises NotAllowed, DatabaseError, and the errors of `core.cases.writing`."""
    actor.need(Action.CASES)
    with transaction(engine) as connection:
        case = need_readable(connection, case_id)
    possible = targets(case)
    kind = possible.get(wanted.to)
    if kind is None:
        params = {
            "number": case.number,
            "state": case.state,
            "to": visible(wanted.to)[:20],
            "possible": ", ".join(possible),
        }
        raise CaseRefused(Problem("case.no_way", params))
    _need_fitting(case, kind, wanted)
    seen = case.version if expected is None else expected  # the way was chosen by this version
    if kind == "postponed":
        day = wanted.until or now.astimezone(zone).date()
        return postpone(engine, actor, case.case_id, day, wanted.note, now, zone, expected=seen)
    if kind == "consent_given":
        quantity = case.quantity if wanted.quantity is None else wanted.quantity
        return approve(engine, actor, case.case_id, quantity, wanted.note, now, expected=seen)
    plain = {"returned": bring_back, "closed": close, "reopened": reopen}[kind]
    return plain(engine, actor, case.case_id, wanted.note, now, expected=seen)


def _need_fitting(case: Case, kind: str, wanted: Move) -> None:
    """Raise CaseRefused if a value is missing, or is there that the step does not take."""
    if kind == "postponed" and wanted.until is None:
        raise CaseRefused(Problem("case.needs.until", {"number": case.number}))
    for field, value, takes in (("until", wanted.until, "postponed"), ("quantity", wanted.quantity, "consent_given")):
        if value is not None and kind != takes:
            raise CaseRefused(Problem(f"case.not_for.{field}", {"number": case.number, "to": wanted.to}))
