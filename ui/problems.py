"""Problems on a page: the sentence with the next step, and the technical line folded below."""

from __future__ import annotations

import streamlit as st

from core.problems import Problem
from core.texts import has_text
from ui.escaping import plain
from ui.frame import language
from ui.texts import text


def sentence(problem: Problem, words: language.Language | None = None) -> str:
    """Return the text of the problem in the reader's language, or its code if there is no text."""
    if has_text(problem.code):
        return problem.text(words or language.current())
    return text("problem.unknown", words, code=problem.code)


def reason(problem: Problem, tenant: str, words: language.Language | None = None) -> str:
    """Return the text of the problem without the name of the tenant at its beginning."""
    told = sentence(problem, words).removeprefix(f"{tenant}: ")
    return told[:1].upper() + told[1:]


def problem_box(problem: Problem) -> None:
    st.error(plain(sentence(problem)), icon=":material/error:")
    technical(problem)


def technical(*problems: Problem) -> None:
    """Show the technical lines, folded, if there are any."""
    lines = [f"{problem.code}: {problem.detail}" for problem in problems if problem.detail]
    if lines:
        with st.expander(text("problem.technical"), type="compact"):
            st.code("\n".join(lines), language=None, wrap_lines=True)
