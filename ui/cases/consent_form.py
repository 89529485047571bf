"""The forms about the consent of a customer: ask it, and record what it has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from core import runtime
from core.cache.case_rows import Case
from core.cache.contact_rows import Contact
from core.cases.changes import LARGEST_QUANTITY
from core.cases.consent_rules import DECISIONS, LONGEST_COMMENT, LONGEST_TYPED_NAME, Answer
from core.cases.consent_templates import LetterFaults
from core.cases.consents import ASKABLE, LONGEST_OFFER, LONGEST_REASON, Question, ask, can_mail, preview
from core.cases.detail import CaseDetail
from core.cases.recording import CHANNELS, Recorded, record_answer
from core.problems import ProblemError
from core.tenants.contact_rules import approvers
from core.tenants.contacts import contacts_of
from ui.action_messages import keep_secret
from ui.cases.case_change import OpenForm, case_now, submit
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.problems import problem_box
from ui.snapshots import Snapshot
from ui.texts import text

WAYS = ("mail", "link")


def ask_form(form: OpenForm, detail: CaseDetail, view: View, snapshot: Snapshot) -> None:
    """Show whom the customer's consent is asked of, for what, and the text as it will be read."""
    people = approvers(contacts_of(runtime.current().engine, current_user(), detail.case.tenant_id), view.today)
    if not people:
        st.warning(text("approval.nobody", view.language), icon=":material/warning:")
        return
    if detail.case.state in ("asked", "approved"):
        st.warning(text("approval.asks_anew", view.language), icon=":material/warning:")
    question, send = _question(form, detail, people, view, snapshot), _way(form, view)
    _preview(form, question, view)
    submit(form, lambda: _ask(form, question, view, send=send))


def _question(
    form: OpenForm, detail: CaseDetail, people: Sequence[Contact], view: View, snapshot: Snapshot
) -> Question:  # fmt: skip
    names = {one.contact_id: _contact_words(one, view) for one in people}
    contact = st.selectbox(
        text("approval.contact", view.language), list(names), key=form.key("contact"), format_func=names.__getitem__
    )
    quantities = _quantities(form, detail, view, snapshot)
    left, right = st.columns(2)
    with left:
        price = st.text_input(text("approval.price"), key=form.key("price"), max_chars=LONGEST_OFFER)
    with right:
        term = st.text_input(text("approval.term"), key=form.key("term"), max_chars=LONGEST_OFFER)
    reason = st.text_input(text("approval.reason"), key=form.key("reason"), max_chars=LONGEST_REASON)
    return Question(contact or people[0].contact_id, quantities, price or "", term or "", reason or "")


def _contact_words(contact: Contact, view: View) -> str:
    return f"{contact.name} · {text(f'contact.role.{contact.role}', view.language)} · {contact.email}"


def _quantities(form: OpenForm, detail: CaseDetail, view: View, snapshot: Snapshot) -> Mapping[str, int]:
    """Show a field for each case that is asked for together, and return case id -> quantity."""
    return {
        case.case_id: int(
            st.number_input(
                text("approval.quantity_of", view.language, product=plain(snapshot.product_name(case, view.language))),
                1, LARGEST_QUANTITY, case.quantity, key=form.key(f"quantity_{case.case_id}"), width=220,
            )
        )
        for case in [detail.case, *detail.joined]
        if case.state in ASKABLE
    }  # fmt: skip


def _way(form: OpenForm, view: View) -> bool:
    """Show how the link goes to the customer; return True for by mail."""
    if not can_mail(runtime.current().engine):
        st.caption(text("approval.link_only", view.language))
        return False
    way = st.radio(
        text("approval.way"), WAYS, key=form.key("way"), horizontal=True,
        format_func=lambda one: text(f"approval.way.{one}", view.language),
    )  # fmt: skip
    return way == "mail"


def _preview(form: OpenForm, question: Question, view: View) -> None:
    """Show the text in the language of the contact."""
    with st.expander(text("approval.preview", view.language)):
        try:
            shown = preview(runtime.current().engine, current_user(), form.case_id, question, _now(), view.zone)
        except ProblemError as error:
            problem_box(error.problem)
        except LetterFaults as error:
            problem_box(error.problems[0])
        else:
            st.markdown(f"**{plain(shown.subject)}**")
            st.text(shown.body)


def _ask(form: OpenForm, question: Question, view: View, *, send: bool) -> Case:
    running = runtime.current()
    try:
        asked = ask(
            running.engine, current_user(), form.case_id, question, _now(), view.zone,
            address=running.settings.public_address, send=send, expected=form.version,
        )  # fmt: skip
    except LetterFaults as error:
        raise ProblemError(error.problems[0]) from error
    if not send:
        keep_secret(text("approval.link_shown", view.language, name=plain(asked.contact.name)), asked.url)
    return case_now(form.case_id)


def record_form(form: OpenForm, detail: CaseDetail, view: View, snapshot: Snapshot) -> None:
    """Show what a customer has said, who and how; it answers a question that waits."""
    st.markdown(text("approval.record_what", view.language))
    channel = st.radio(
        text("approval.channel"), CHANNELS, key=form.key("channel"), horizontal=True, index=None,
        format_func=lambda one: text(f"approval.channel.{one}", view.language),
    )  # fmt: skip
    decision = st.radio(
        text("approval.decision"), DECISIONS, key=form.key("decision"), horizontal=True, index=None,
        format_func=lambda one: text(f"approval.decision.{one}", view.language),
    )  # fmt: skip
    name = st.text_input(text("approval.name"), key=form.key("name"), max_chars=LONGEST_TYPED_NAME)
    quantities = _quantities(form, detail, view, snapshot) if decision == "given" else {}
    comment = st.text_area(text("approval.comment"), key=form.key("comment"), max_chars=LONGEST_COMMENT, height=80)
    answer = Answer(decision or "", name or "", {key: str(count) for key, count in quantities.items()}, comment or "")
    recorded = Recorded(answer, channel or "")
    submit(
        form,
        lambda: record_answer(
            runtime.current().engine, current_user(), form.case_id, recorded, _now(), view.zone, expected=form.version
        ),
    )  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)
