"""The forms of a case: give it, change quantity or priority, approve, postpone, bring back, close, reopen, bundle."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import streamlit as st
from sqlalchemy import Engine

from core import runtime
from core.cache.case_lists import CaseFilter, case_page
from core.cases import changes
from core.cases.changes import LARGEST_QUANTITY, LONGEST_PAUSE, LONGEST_REASON, LONGEST_TEXT, MOST_IN_BUNDLE
from core.cases.demand import PRIORITIES
from core.cases.detail import CaseDetail, possible_owners
from core.roles import Actor
from ui.cases.case_change import OpenForm, submit
from ui.cases.case_words import priority_word
from ui.escaping import plain
from ui.format import DATE_FORMAT
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import text


def give_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    """Show to whom the case can be given: the accounts of support and admins, or back to all."""
    names = {one.name: one.shown for one in possible_owners(_engine(), current_user()) if one.name != detail.case.owner}
    nobody = text("case.give_to_all", view.language)
    choices = [*names, *([""] if detail.case.owner else [])]
    owner = st.selectbox(
        text("column.owner"), choices, key=form.key("owner"), format_func=lambda name: names.get(name, nobody),
        index=None, placeholder=text("case.choose.owner"),
    )  # fmt: skip
    note = _long("note", form)
    if owner is None:
        st.caption(text("case.choose.owner"))
        return
    submit(form, lambda: changes.give(*_who(form), owner, _now(), note=note, expected=form.version))


def quantity_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    """Show quantity and waiting people; what was asked or approved is asked anew, which the form says."""
    case = detail.case
    if case.state in ("asked", "approved"):
        st.warning(text("case.quantity_asks_anew", view.language), icon=":material/warning:")
    quantity = _count("quantity", case.quantity, form, least=1)
    waiting = _count("waiting", case.waiting, form, least=0)
    reason = _reason(form)
    submit(
        form,
        lambda: changes.set_quantity(
            *_who(form), quantity, _now(), waiting=waiting, reason=reason, expected=form.version
        ),
    )  # fmt: skip


def priority_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    priority = st.radio(
        text("column.priority"), PRIORITIES, PRIORITIES.index(detail.case.priority), key=form.key("priority"),
        format_func=lambda one: priority_word(one, view.language), horizontal=True,
    )  # fmt: skip
    reason = _reason(form)
    submit(form, lambda: changes.set_priority(*_who(form), priority, _now(), reason=reason, expected=form.version))


def approve_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    st.markdown(text("case.approve_what", view.language))
    quantity = _count("quantity", detail.case.quantity, form, least=1)
    reason = _reason(form)
    submit(form, lambda: changes.approve(*_who(form), quantity, reason, _now(), expected=form.version))


def postpone_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    st.markdown(text("case.postpone_what", view.language))
    today = view.today
    until = st.date_input(
        text("column.case_until"), None, key=form.key("until"), format=DATE_FORMAT, width=220,
        min_value=today + timedelta(days=1), max_value=today + LONGEST_PAUSE,
    )  # fmt: skip
    reason = _reason(form)
    chosen = until if isinstance(until, date) else today  # which core refuses with the days that are possible
    submit(
        form, lambda: changes.postpone(*_who(form), chosen, reason, _now(), view.zone, expected=form.version)
    )  # fmt: skip


def bring_back_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    st.markdown(text(f"case.bring_back_what.{detail.case.state}", view.language))
    reason = _reason(form)
    label = text(f"case.do.bring_back.{detail.case.state}", view.language)
    submit(form, lambda: changes.bring_back(*_who(form), reason, _now(), expected=form.version), label=label)


def close_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    st.markdown(text("case.close_what", view.language))
    reason = _reason(form)
    submit(form, lambda: changes.close(*_who(form), reason, _now(), expected=form.version))


def reopen_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    reason = _reason(form)
    submit(form, lambda: changes.reopen(*_who(form), reason, _now(), expected=form.version))


def bundle_form(form: OpenForm, detail: CaseDetail, view: View, snapshot: Snapshot) -> None:
    """Show the other open cases of the customer, to be joined with this one for one consent and one order."""
    case = detail.case
    wanted = CaseFilter(tenant_ids=[case.tenant_id], is_open=True)
    others = [one.case for one in case_page(_engine(), wanted, limit=MOST_IN_BUNDLE)[0] if one.case.key != case.key]
    if not others:
        st.info(text("case.bundle_alone", view.language), icon=":material/info:")
        return
    st.markdown(text("case.bundle_what", view.language))
    names = {one.case_id: f"{one.number} · {snapshot.product_name(one, view.language)}" for one in others}
    joined = {one.case_id for one in detail.joined}
    chosen = [
        one.case_id
        for one in others
        if st.checkbox(plain(names[one.case_id]), one.case_id in joined, key=form.key(f"with_{one.case_id}"))
    ]
    submit(form, lambda: changes.bundle(_engine(), current_user(), [case.case_id, *chosen], _now())[0])


def unbundle_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    numbers = ", ".join(one.number for one in detail.joined)
    st.markdown(text("case.unbundle_what", view.language, numbers=plain(numbers)))
    submit(form, lambda: changes.unbundle(*_who(form), _now(), expected=form.version))


def _who(form: OpenForm) -> tuple[Engine, Actor, str]:
    return _engine(), current_user(), form.case_id


def _engine() -> Engine:
    return runtime.current().engine


def _now() -> datetime:
    return datetime.now(UTC)


def _count(name: str, value: int, form: OpenForm, *, least: int) -> int:
    return int(
        st.number_input(
            text(f"column.{name}"), least, LARGEST_QUANTITY, max(value, least), key=form.key(name), width=220,
            help=text(f"case.help.{name}"),
        )
    )  # fmt: skip


def _reason(form: OpenForm) -> str:
    return str(st.text_input(text("column.reason"), key=form.key("reason"), max_chars=LONGEST_REASON) or "")


def _long(name: str, form: OpenForm) -> str:
    return str(st.text_area(text(f"column.{name}"), key=form.key(name), max_chars=LONGEST_TEXT, height=80) or "")
