"""All that is known of one case: its events, clocks and next step, and the cases that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from core.cache.account_rows import Account, all_accounts
from core.cache.case_rows import Case, CaseEvent, bundled_cases, events_of_case, unlocked_case
from core.cache.sql import transaction
from core.cases.clocks import Clocks, Terms, clocks_of
from core.cases.next_step import NextStep, next_step
from core.cases.terms import terms_in
from core.cases.writing import need_readable
from core.roles import Action, Actor, allows
from core.tenants.working_time import business_seconds


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """A case at one moment; `joined` are the other cases of its bundle, `follows` the number of an earlier case."""

    case: Case
    events: Sequence[CaseEvent]
    terms: Terms
    clocks: Clocks
    step: NextStep
    joined: Sequence[Case]
    follows: str

    def remaining_seconds(self, now: datetime) -> float | None:
        """Return the working time until the next step is due, 0 once it is; None if nothing is due."""
        due = self.step.due_at
        return None if due is None else max(0.0, business_seconds(self.terms.calendar, now, due)) if due > now else 0.0


def case_detail(engine: Engine, case_id: str, now: datetime) -> CaseDetail:
    """Return the case with this id or number, as it is now. Raises CaseUnknown, DatabaseError."""
    with transaction(engine) as connection:
        case = need_readable(connection, case_id)
        events = events_of_case(connection, case.case_id)
        terms = terms_in(connection, [case.tenant_id]).of(case.tenant_id)
        joined = [one for one in bundled_cases(connection, case.bundle_id) if one.case_id != case.case_id]
        before = unlocked_case(connection, case.follows) if case.follows else None
    clocks = clocks_of(events, terms, now)
    step = next_step(case, clocks, terms.calendar).at(now)
    return CaseDetail(case, events, terms, clocks, step, joined, before.number if before else "")


def possible_owners(engine: Engine, actor: Actor) -> list[Account]:
    """Return the accounts that may own a case, by name. Raises NotAllowed, DatabaseError."""
    actor.need(Action.CASES)
    return [one for one in all_accounts(engine) if not one.disabled and allows(one.role, Action.CASES)]
