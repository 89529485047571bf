"""Which forms of a case are offered: what its table of states allows to the role. Pure functions."""

from __future__ import annotations

from core.cache.case_rows import Case
from core.cases.next_step import NextStep
from core.cases.transitions import transition
from core.roles import Action, Actor

# Form -> the event that it writes, in the order of the menu.
EVENT_OF_FORM: dict[str, str] = {
    "take": "taken", "ask": "asked", "record": "asked", "approve": "consent_given", "order": "ordered",
    "confirm": "order_confirmed", "give": "given",
    "quantity": "quantity_changed", "priority": "priority_changed", "bundle": "bundled", "unbundle": "bundled",
    "postpone": "postponed", "bring_back": "returned", "close": "closed", "reopen": "reopened",
}  # fmt: skip
# Forms that are not for every state in which their event is possible.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "approve": ("open",), "record": ("open", "asked"),  # elsewhere the customer has given it
}  # fmt: skip
# Next step -> the forms that do it, the best first.
FORMS_OF_STEP: dict[str, tuple[str, ...]] = {
    "take": ("take",), "ask": ("ask", "approve"), "order": ("order",), "await_day": ("bring_back",),
    "await_answer": ("record",), "call_customer": ("record",),
}  # fmt: skip


def possible_forms(case: Case, user: Actor) -> list[str]:
    """Return the forms that the user may open for the case as it is now, in the order of the menu."""
    if not user.may(Action.CASES):
        return []
    return [form for form, event in EVENT_OF_FORM.items() if _allowed(case, event) and _fits(form, case, user)]


def _allowed(case: Case, event: str) -> bool:
    """Return True if the table of states allows the event to the licence desk."""
    row = transition(event, case.state, case.resumes)
    return row is not None and "staff" in row.who


def _fits(form: str, case: Case, user: Actor) -> bool:
    """Return True if the form would change something."""
    if form == "take":
        return case.owner != user.name
    if form == "confirm":
        return case.under_way > 0
    if form == "unbundle":
        return bool(case.bundle_id)
    return case.state in ONLY_IN.get(form, (case.state,))


def primary_form(step: NextStep, forms: list[str]) -> str:
    """Return the form of the next step; "" if the reader cannot do it, or has to wait."""
    return next((form for form in FORMS_OF_STEP.get(step.action, ()) if form in forms), "")


def form_label(form: str, case: Case) -> str:
    """Return the key of the words for the form; to bring back means another thing in each state."""
    if form == "order" and case.under_way:
        return "case.do.order_more"
    return f"case.do.bring_back.{case.state}" if form == "bring_back" else f"case.do.{form}"
