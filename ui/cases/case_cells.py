"""What tables of licences say of the open case of a row, and the button that takes it or opens one. Pure functions."""

from __future__ import annotations

from typing import Any

from core.cache.open_cases import OpenCase
from core.cases.next_step import NextStep
from ui import format as fmt
from ui.cases.case_words import seats_words, state_of_case, step_words
from ui.frame.language import Language
from ui.frame.view import View
from ui.texts import text


def free_cell(free: int, case: OpenCase | None, language: Language) -> Any:
    """Return the free seats, and small below them "5 unterwegs, 2 warten" where there is something."""
    number = fmt.number(free, language)
    seats = seats_words(case.under_way, case.waiting, language) if case else ""
    return {"text": number, "sub": seats} if seats else number


def free_and_waiting_cell(free: int, case: OpenCase | None, language: Language) -> Any:
    """Return the same beside a column of what is under way."""
    return free_cell(free, case and case._replace(ordered=0), language)


def under_way_cell(case: OpenCase | None, language: Language) -> str:
    return fmt.number(case.under_way, language) if case and case.under_way else ""


def case_summary(case: OpenCase, view: View) -> str:
    """Return "bestellt · Anna · Lieferung bis Fr": state, owner, next step and its time."""
    step = NextStep(case.next_action, case.due_at).at(view.now)
    parts = [state_of_case(case.state, view.language), case.owner_name, step_words(step, view)]
    return " · ".join(part for part in parts if part)


def case_cell(case: OpenCase | None, product: str, tenant: str, view: View, *, may_work: bool) -> Any:
    """Return the door to the case of a shortage; for roles that may, the button that takes it or opens one."""
    if case is None:
        return {"text": ""} | _button(text("case.do.open", view.language), f"{product}, {tenant}") if may_work else ""
    step = NextStep(case.next_action, case.due_at).at(view.now)
    to_take = may_work and step.action == "take"
    words = _beside_the_button(case, step, view) if to_take else case_summary(case, view)
    number = text("case.name", view.language, number=case.number)
    door = {
        "text": words,
        "title": words,
        "label": f"{words}, {number}",
        "tone": "bad" if step.overdue(view.now) else "",
    }
    return door | (_button(text("case.do.take", view.language), number) if to_take else {})


def _beside_the_button(case: OpenCase, step: NextStep, view: View) -> str:
    """Return "offen · bis heute 16:00": the step itself stands on the button."""
    state = state_of_case(case.state, view.language)
    if step.due_at is None:
        return state
    if step.overdue(view.now):
        late = fmt.span((view.now - step.due_at).total_seconds(), view.language, short=True)
        return f"{state} · {text('case.overdue_since', view.language, span=late)}"
    due = fmt.due(step.due_at, view.now, view.language, view.zone)
    return f"{state} · {text('case.clock.running_due', view.language, due=due)}"


def _button(words: str, about: str) -> dict[str, str]:
    """Return the button, with a name that no other button of the table has."""
    return {"act": words, "actLabel": f"{words}: {about}"}
