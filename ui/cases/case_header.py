"""The top of the page of a case: what it is, its facts in one line, and what can be done, the next step first."""

from __future__ import annotations

import streamlit as st

from core.cases.detail import CaseDetail
from core.roles import Actor
from ui.cases import case_words
from ui.cases.case_change import OpenForm, take_now
from ui.cases.possible_forms import form_label, possible_forms, primary_form
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import navigation
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.license_panel import open_license
from ui.row_dialog import open_dialog
from ui.snapshots import Snapshot
from ui.texts import text


def case_header(detail: CaseDetail, snapshot: Snapshot, view: View) -> None:
    """Show number and state, tenant and product, what can be done, and the line of facts."""
    case = detail.case
    state = case_words.state_of_case(case.state, view.language)
    st.title(f"{plain(case_words.case_name(case, view.language))} · {plain(state)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", key="case_header"):
        _doors(detail, snapshot, view)
        st.space("stretch")
        _actions(detail, current_user())
    st.markdown(facts_line(detail, view))


def _doors(detail: CaseDetail, snapshot: Snapshot, view: View) -> None:
    """Show tenant and product, which open the page of the tenant and the panel of the licence."""
    case = detail.case
    slug, name = snapshot.slugs.get(case.tenant_id), snapshot.product_name(case, view.language)
    if slug:
        navigation.link(navigation.TENANT, plain(snapshot.names[slug]), tenant=slug)
    license_id = f"{case.tenant_id}/{case.sku_id}"
    if snapshot.index.position_of(license_id) is None:
        st.markdown(plain(name), width="content")
        return
    key = bound_key("case_product", case.case_id)
    st.button(plain(name), key=key, type="tertiary", on_click=open_license, args=(license_id,))


def facts_line(detail: CaseDetail, view: View) -> str:
    """Return "5 Lizenzen · hoch · Anna · offen seit 3 Tagen · Bestellen bis heute 16:00 (noch 1 h 40 min ...)"."""
    case, lang = detail.case, view.language
    parts = [
        plain(case_words.quantity_words(case.quantity, lang)),
        plain(case_words.priority_word(case.priority, lang)),
        plain(case_words.owner_words(case, lang)),
        plain(case_words.age_words(case, view)),
        _step(detail, view),
    ]
    return " · ".join(part for part in parts if part)


def _step(detail: CaseDetail, view: View) -> str:
    words = plain(case_words.step_words(detail.step, view))
    if detail.step.overdue(view.now):
        return f":red[**{words}**]"
    remaining = detail.remaining_seconds(view.now)
    if remaining is not None and detail.step.action != "await_day":
        span = case_words.working_span(remaining, view.language)
        words = f"**{words}** {plain(text('case.remaining', view.language, span=span))}"
    return words


def _actions(detail: CaseDetail, user: Actor) -> None:
    """Show the button of the next step and the menu of all other forms; nothing to those who only look."""
    forms = possible_forms(detail.case, user)
    primary = primary_form(detail.step, forms)
    if primary:
        _primary_button(primary, detail)
    others = [form for form in forms if form != primary]
    if not others:
        return
    labels = {text(form_label(form, detail.case)): form for form in others}
    picked = st.menu_button(text("case.more"), list(labels), key=bound_key("case_menu", detail.case.case_id))
    if picked in labels:
        _open(labels[picked], detail.case.case_id, detail.case.version)
        st.rerun()


def _primary_button(form: str, detail: CaseDetail) -> None:
    case = detail.case
    label, key = text(form_label(form, case)), bound_key(f"case_{form}", case.case_id, case.version)
    st.button(label, key=key, type="primary", on_click=_open, args=(form, case.case_id, case.version))


def _open(form: str, case_id: str, version: int) -> None:
    """Open the form, or take the case, which asks nothing."""
    if form == "take":
        take_now(case_id, version)
    else:
        open_dialog(OpenForm(form, case_id, version))
