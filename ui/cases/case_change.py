"""What somebody does with a case on a page: done at once or in a dialog, and told on the next run.

The second of two who click at once gets the sentence of `CaseChanged`, on the page that shows the case as it is now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.cache.case_read_rows import save_read
from core.cache.case_rows import Case, stored_case
from core.cases import changes
from core.cases.writing import CaseChanged, CaseUnknown
from core.problems import Problem, ProblemError
from ui.action_messages import errors_shown, keep_success, show_success
from ui.control_keys import bound_key
from ui.frame import visit
from ui.frame.identity import current_user
from ui.problems import problem_box
from ui.row_dialog import confirm_buttons, finish_dialog
from ui.texts import text

_PROBLEM = "_case_problem"
Change = Callable[[], Case]


@dataclass(frozen=True, slots=True)
class OpenForm:
    """The subject of the dialog: a form of the case; `version` is that which was shown when it was opened."""

    kind: str
    case_id: str
    version: int = 0

    def key(self, name: str) -> str:
        """Return the key of a control of this form."""
        return bound_key(f"case_{name}", self.kind, self.case_id, self.version)


def take_now(case_id: str, version: int | None = None, *, tell: bool = True) -> None:
    """Take the case; without the version that was shown, one that somebody has is refused.

    `tell`: with a message, which a table does not need: its row shows the new owner, and its rows stay where they are.
    """
    engine, user = runtime.current().engine, current_user()
    do_now("take", lambda: changes.take(engine, user, case_id, datetime.now(UTC), expected=version), tell=tell)


def do_now(kind: str, change: Change, *, tell: bool = True) -> None:
    """Make a change outside of a dialog; the page tells what became of it on its next run."""
    try:
        case = change()
        note_read(case)
    except ProblemError as error:
        _keep_problem(error.problem)
    else:
        if tell:
            keep_success(done_words(kind, case))


def note_read(case: Case) -> None:
    """Remember that the reader has seen the case as it is now. Raises DatabaseError."""
    save_read(runtime.current().engine, current_user().name, case)


def case_now(case_id: str) -> Case:
    """Return the case as it is stored now. Raises CaseUnknown."""
    case = stored_case(runtime.current().engine, case_id)
    if case is None:
        raise CaseUnknown(case_id)
    return case


def submit(form: OpenForm, change: Change, *, label: str = "") -> None:
    """Show the buttons below the fields of a form; the first makes the change and closes the dialog.

    A wrong value is told in the dialog, which stays as it is. What somebody else has changed closes it.
    """
    if confirm_buttons(label or text(f"case.do.{form.kind}"), form.key("now"), "case_cancel"):
        with errors_shown():
            _carry_out(form.kind, change)


def _carry_out(kind: str, change: Change) -> None:
    """Make the change, or keep why not if the dialog shows another case than there is now. Raises ProblemError."""
    try:
        case = change()
    except (CaseChanged, CaseUnknown) as error:
        _keep_problem(error.problem)
        finish_dialog()
    note_read(case)
    finish_dialog(done_words(kind, case))


def done_words(kind: str, case: Case) -> str:
    """Return what was done: "Fall 2026-0042 übernommen."."""
    return text(f"case.done.{kind}", number=case.number)


def show_outcome() -> None:
    """Show what became of the last change, until the next run."""
    show_success()
    show_problem()


def show_problem() -> None:
    """Show why the last change was not made, until the next run."""
    problem: Problem | None = st.session_state.pop(_PROBLEM, None)
    if problem is not None and not visit.entered():
        problem_box(problem)


def _keep_problem(problem: Problem) -> None:
    st.session_state[_PROBLEM] = problem
