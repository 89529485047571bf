"""Store the new events of cases, each case as the fold of its events, with its next step and what it was judged by.

Everything that changes a case goes through `store`; `core.cases.writing` and `core.cases.opening` check and call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from core.cache.case_result_rows import CaseResult, save_results
from core.cache.case_rows import (
    Case,
    CaseEvent,
    StoredStep,
    add_case_events,
    add_cases,
    change_cases,
    events_in,
)
from core.cache.consent_rows import revoke_questions
from core.cache.sql import Transaction
from core.cases.clocks import Terms, clocks_of, judgement
from core.cases.fold import after, fold
from core.cases.next_step import next_step
from core.cases.product_events import by_product
from core.cases.results import result_of
from core.cases.terms import terms_in


class Change(NamedTuple):
    """New events of a case, in their order; `before` is the case until then, None if they open it."""

    before: Case | None
    events: Sequence[CaseEvent]


class Settled(NamedTuple):
    """A change with the case afterwards, its events as they are stored, its next step, and how it went if it ends."""

    before: Case | None
    case: Case
    events: Sequence[CaseEvent]
    step: StoredStep
    result: CaseResult | None = None


def store(connection: Transaction, changes: Sequence[Change], last_number: tuple[int, int] | None = None) -> list[Case]:
    """Store these changes and return the cases afterwards; `last_number`: (year, number) if some are new.

    `lock_cases` comes before. Raises NotPossible, OtherVersion.
    """
    tenants = {_tenant(change) for change in changes}
    history = events_in(connection, [change.before.case_id for change in changes if change.before])
    book = terms_in(connection, tenants)
    settled = [
        settle(change, history.get(change.events[0].case_id, []), book.of(_tenant(change))) for change in changes
    ]
    new = [(one.case, one.step) for one in settled if one.before is None]
    if new and last_number:
        add_cases(connection, new, *last_number)
    change_cases(connection, [(one.before, one.case, one.step) for one in settled if one.before is not None])
    save_results(connection, [one.result for one in settled if one.result is not None])
    add_case_events(connection, [event for one in settled for event in one.events])
    if over := _questions_over(settled):
        revoke_questions(connection, over, settled[0].events[-1].at)
    return [one.case for one in settled]


def _questions_over(settled: Sequence[Settled]) -> dict[str, str]:
    """Return case id -> why its question to the customer is over: it goes on without, or asks anew."""
    return {
        one.case.case_id: "changed" if one.case.is_open else "case_closed"
        for one in settled
        if one.before is not None
        and one.before.state == "asked"
        and (one.case.state != "asked" or any(event.kind == "asked" for event in one.events))
    }


def settle(change: Change, history: Sequence[CaseEvent], terms: Terms) -> Settled:
    """Return the change with all that follows from it; `history` are the events before it."""
    case, events = change.before, _with_standing_consent(change, terms)
    for place, event in enumerate(events):
        was_open = case is None or case.is_open
        case = after(case, event)
        if was_open and not case.is_open:
            judged = judgement([*history, *events[: place + 1]], terms, event.at)
            events[place] = replace(event, data={**event.data, "judged": judged})
    case = case or fold(events)
    changed = any("judged" in event.data or event.kind == "rated" for event in events)
    result = result_of([*history, *events]) if changed and not case.is_open else None
    return Settled(change.before, case, events, step_of(case, [*history, *events], terms), result)


def _with_standing_consent(change: Change, terms: Terms) -> list[CaseEvent]:
    """Return the events, and the approval after them where somebody works on a case whose customer need not be asked.

    Not as soon as the case opens: until then the shortage may go by itself, and nobody has looked at the quantity.
    """
    events, newest = list(change.events), change.events[-1]
    if terms.needs_consent or newest.kind not in ("taken", "given", "quantity_changed"):
        return events
    case = change.before
    for event in events:
        case = after(case, event)
    if case is None or case.state != "open" or not case.owner:
        return events
    data = {
        "quantity": case.quantity, "needed": False, "why": "level", "reason": "level", "level": terms.level_name
    }  # fmt: skip
    return [*events, by_product(case.case_id, case.version + 1, newest.at, "consent_given", data)]


def step_of(case: Case, events: Sequence[CaseEvent], terms: Terms) -> StoredStep:
    """Return the next step of a case as it is stored for lists."""
    step = next_step(case, clocks_of(events, terms, events[-1].at), terms.calendar)
    return StoredStep(step.action, step.due_at)


def _tenant(change: Change) -> str:
    return change.before.tenant_id if change.before else str(change.events[0].data["tenant_id"])
