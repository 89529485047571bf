"""The reader's language: of the page's address (`?lang=en`), else of the cookie `lang`, else of the setting.

The whole page is of one language, also what Streamlit's frontend says, so that another one means loading it again.
"""

from __future__ import annotations

import threading

import streamlit as st

from core import runtime, texts

Language = str  # a code, one of core.texts.languages()
KEY = "lang"
DEFAULT = "default_lang"

_this_run = threading.local()  # a thread of Streamlit serves one session


def current() -> Language:
    """Return the language of this session."""
    return getattr(_this_run, "language", None) or _chosen()


def keep() -> None:
    """Find the language once for this run of the page: every text of it asks, hundreds of times."""
    st.session_state[DEFAULT] = _default()
    _this_run.language = _chosen()


def _chosen() -> Language:
    for source in (st.session_state, st.query_params):
        chosen = source.get(KEY)
        if chosen in texts.languages():
            st.session_state[KEY] = chosen
            return str(chosen)
    return str(st.session_state.get(DEFAULT) or _default())


def switch() -> None:
    """Show the languages, each other one as a link, which leads back to this page with all its filters."""
    links = "".join(
        f'<span lang="{code}" aria-current="true">{texts.language_name(code)}</span>'
        if code == current()
        else f'<a href="/language?to={code}" lang="{code}">{texts.language_name(code)}</a>'
        for code in texts.languages()
    )
    st.html(f'<nav class="languages" aria-label="{texts.text("language.choose", current())}">{links}</nav>')


def _default() -> Language:
    cookies = st.context.cookies
    chosen = cookies.get(f"__Host-{KEY}") or cookies.get(KEY)  # with the prefix over https
    return chosen if chosen in texts.languages() else runtime.current().settings.language
