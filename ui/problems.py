"""Problems as a page shows them: the sentence with the next step, and the technical line folded below."""

from __future__ import annotations

import re

import streamlit as st

from core.problems import Problem
from core.roles import Action
from core.texts import has_text
from ui.escaping import plain
from ui.frame import language
from ui.frame.identity import current_user
from ui.texts import text

COMMAND = "python -m core"
SENTENCE_ENDS = re.compile(r"(?<=\.)\s+(?=[A-ZÄÖÜ`*«“]|python)")


def sentence(problem: Problem, lang: language.Language | None = None) -> str:
    """Return the text of the problem in the reader's language, or its code if there is no text."""
    if has_text(problem.code):
        return for_reader(problem.text(lang or language.current()), lang)
    return text("problem.unknown", lang, code=problem.code)


def for_reader(words: str, lang: language.Language | None = None) -> str:
    """Return the text for the reader: without the sentences that name a command, which only an admin may run."""
    if COMMAND not in words or current_user().may(Action.ACCOUNTS):
        return words
    return f"{without_commands(words)} {text('problem.ask_operator', lang)}"


def without_commands(words: str) -> str:
    """Return the text without the sentences that name a command."""
    return " ".join(sentence for sentence in SENTENCE_ENDS.split(words) if COMMAND not in sentence)


def reason(problem: Problem, tenant: str, lang: language.Language | None = None) -> str:
    """Return the text of the problem without the name of the tenant at its beginning."""
    text_alone = sentence(problem, lang).removeprefix(f"{tenant}: ")
    return text_alone[:1].upper() + text_alone[1:]


def problem_box(problem: Problem) -> None:
    """Show the problem as an error, with its technical line folded below."""
    st.error(plain(sentence(problem)), icon=":material/error:")
    technical_lines(problem)


def technical_lines(*problems: Problem) -> None:
    """Show the technical lines of the problems, folded, if they have any."""
    lines = [f"{problem.code}: {problem.detail}" for problem in problems if problem.detail]
    if lines:
        with st.expander(text("problem.technical"), type="compact"):
            st.code("\n".join(lines), language=None, wrap_lines=True)
