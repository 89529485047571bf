"""The templates of questions to customers: one for each language, with a preview and with words at what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core import runtime
from core.cases import consent_templates
from core.cases.consent_templates import LONGEST_SUBJECT, Letter, LetterFaults, rendered
from core.cases.consent_text import sample_values
from core.cases.templates import LONGEST_TEMPLATE
from core.customer_texts import customer_languages
from core.problems import Problem
from core.texts import language_name
from ui.action_messages import errors_shown, keep_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.frame.language import current
from ui.texts import text


def edit_letters() -> None:
    """Show the template of the chosen language, what it looks like, and the buttons to save it or take it back."""
    running = runtime.current()
    st.markdown(text("letter.what", names=", ".join(f"`{name}`" for name in _sample("de"))))
    language = st.segmented_control(
        text("column.contact_language"), customer_languages(), default="de", key="letter_language",
        format_func=language_name, required=True,
    )  # fmt: skip
    letter = consent_templates.letters(running.engine)[language or "de"]
    wanted = _fields(letter)
    with st.container(horizontal=True, key="letter_buttons"):
        key = bound_key("letter_save", letter.language, letter.version)
        if st.button(text("rule.save"), key=key, type="primary", disabled=wanted == letter):
            with errors_shown():
                _save(wanted)
        if letter.version and st.button(text("letter.reset"), key=bound_key("letter_reset", letter.language)):
            with errors_shown():
                consent_templates.reset_letter(running.engine, current_user(), letter.language, datetime.now(UTC))
                _done("letter.done_reset", letter.language)


def _fields(letter: Letter) -> Letter:
    """Show the fields and the preview, with each fault below its field; return what was entered."""
    place = (letter.language, letter.version)
    subject = st.text_input(
        text("letter.subject"), letter.subject, max_chars=LONGEST_SUBJECT, key=bound_key("letter_subject", *place)
    )
    subject_fault = st.empty()
    body = st.text_area(
        text("letter.body"), letter.body, max_chars=LONGEST_TEMPLATE, height=360, key=bound_key("letter_body", *place)
    )
    wanted = Letter(letter.language, subject or "", body or "", letter.version)
    try:
        shown = rendered(wanted, _sample(letter.language))
    except LetterFaults as faults:
        if "subject" in faults.by_field:
            subject_fault.error(_words(faults.by_field["subject"]))
        if "body" in faults.by_field:
            st.error(_words(faults.by_field["body"]))
        return wanted
    with st.expander(text("approval.preview")):
        st.markdown(f"**{plain(shown[0])}**")
        st.text(shown[1])
    return wanted


def _words(problem: Problem) -> str:
    return plain(problem.text(current()))


def _sample(language: str) -> Mapping[str, Any]:
    return sample_values(language, datetime.now(UTC), runtime.current().settings.zone)


def _save(wanted: Letter) -> None:
    try:
        consent_templates.keep_letter(
            runtime.current().engine, current_user(), wanted, _sample(wanted.language), datetime.now(UTC)
        )
    except LetterFaults as faults:  # which stand below their fields, but for another's change
        if (problem := faults.by_field.get("body")) and problem.code == "template.changed_meanwhile":
            st.error(_words(problem))
        return
    _done("letter.done", wanted.language)


def _done(key: str, language: str) -> None:
    keep_success(text(key, language_name=language_name(language)))
    st.rerun()
