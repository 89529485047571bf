"""The reader's language: chosen in the sidebar, kept in the URL (`?lang=en`), first guess from a cookie.

The order is: this session's choice, the URL, the cookie `lang` that the sign-in page sets, the setting.
The switch is bound to the URL, so the choice survives reload, navigation, sign-in and being sent to a colleague.
"""

from __future__ import annotations

import streamlit as st

from core import runtime, texts

Language = str  # a code, one of core.texts.languages()
KEY = "lang"


def current() -> Language:
    for source in (st.session_state, st.query_params):
        chosen = source.get(KEY)
        if chosen in texts.languages():
            return str(chosen)
    return _default()


def switch() -> None:
    """Show the choice in the sidebar. Its options are the codes, because Streamlit writes options into the URL."""
    st.segmented_control(
        " / ".join(texts.text("language.choose", language) for language in texts.languages()),
        texts.languages(),
        default=_default(),
        key=KEY,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )


def _default() -> Language:
    cookies = st.context.cookies
    chosen = cookies.get(f"__Host-{KEY}") or cookies.get(KEY)  # with the prefix over https
    return chosen if chosen in texts.languages() else runtime.current().settings.language
