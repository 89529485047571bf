"""The dialog of the page of a case: the form that the reader has opened, about the case as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from core import runtime
from core.cases.detail import CaseDetail, case_detail
from core.roles import Action
from ui.cases import case_forms, consent_form, order_form
from ui.cases.case_change import OpenForm
from ui.cases.possible_forms import form_label
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import dialog_subject, show_dialog
from ui.snapshots import Snapshot
from ui.texts import text

Form = Callable[[OpenForm, CaseDetail, View, Snapshot], None]


def _plain(show: Callable[[OpenForm, CaseDetail, View], None]) -> Form:
    """Return a form that needs no figures of licences."""
    return lambda form, detail, view, _: show(form, detail, view)


# Kind of the form -> what shows it; `ui.cases.possible_forms` says when it is offered.
FORMS: Mapping[str, Form] = {
    "ask": consent_form.ask_form,
    "record": consent_form.record_form,
    "approve": _plain(case_forms.approve_form),
    "order": order_form.order_form,
    "confirm": _plain(order_form.confirm_form),
    "give": _plain(case_forms.give_form),
    "quantity": _plain(case_forms.quantity_form),
    "priority": _plain(case_forms.priority_form),
    "bundle": case_forms.bundle_form,
    "unbundle": _plain(case_forms.unbundle_form),
    "postpone": _plain(case_forms.postpone_form),
    "bring_back": _plain(case_forms.bring_back_form),
    "close": _plain(case_forms.close_form),
    "reopen": _plain(case_forms.reopen_form),
}


def case_dialog(detail: CaseDetail, view: View, snapshot: Snapshot) -> None:
    """Show the form that the reader has opened about this case, if any."""
    form = dialog_subject(OpenForm)
    if form is None or form.case_id != detail.case.case_id or form.kind not in FORMS:
        return
    if current_user().may(Action.CASES):
        title = f"{text(form_label(form.kind, detail.case))} · {text('case.name', number=detail.case.number)}"
        show_dialog(title, "case.form", partial(_content, form, view, snapshot))


def _content(form: OpenForm, view: View, snapshot: Snapshot) -> None:
    detail = case_detail(runtime.current().engine, form.case_id, datetime.now(UTC))
    FORMS[form.kind](form, detail, view, snapshot)
