"""Messages about actions: success, refusals and faults in words, and secrets that are shown once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from core.access.accounts import AccessError
from core.problems import ProblemError
from ui.escaping import plain
from ui.frame import language, visit
from ui.problems import problem_box
from ui.texts import text

_DONE, _SECRET = "_done", "_secret"


@contextlib.contextmanager
def errors_shown() -> Iterator[None]:
    """Show refusals of core and faults of the database, raised in the block, as messages on the page."""
    try:
        yield
    except ProblemError as error:
        problem_box(error.problem)
    except AccessError as error:
        st.error(plain(error.text(language.current())), icon=":material/error:")


def keep_success(words: str) -> None:
    """Show the success message `words` (Markdown) on the next run."""
    st.session_state[_DONE] = words


def show_success() -> None:
    """Show the success message of the run before, if any."""
    if _DONE in st.session_state:
        st.success(st.session_state.pop(_DONE), icon=":material/check:")


def keep_secret(words: str, secret: str) -> None:
    """Show `secret` below `words` until it is hidden or the page is left; it is kept nowhere else."""
    st.session_state[_SECRET] = (words, secret)


def forget_secret() -> None:
    """Forget the secret of an earlier visit. Called once per run, before the page."""
    if visit.entered():
        _hide_secret()


def show_secret() -> None:
    """Show the secret that `keep_secret` stored, ready to be copied."""
    if _SECRET not in st.session_state:
        return
    words, secret = st.session_state[_SECRET]
    with st.container(border=True, key="secret"):
        st.markdown(words)
        st.code(secret, language=None, wrap_lines=True)
        st.button(text("secret.close"), key="secret_close", on_click=_hide_secret)


def _hide_secret() -> None:
    st.session_state.pop(_SECRET, None)
