"""The reader's language: chosen in the sidebar, kept in the URL (`?lang=en`), first guess from a cookie.

The order is: this session's choice, the URL, the cookie `lang` that the sign-in page sets, the setting.
The switch is bound to the URL, so the choice survives reload, navigation, sign-in and being sent to a colleague.
"""

from __future__ import annotations

from typing import Literal, cast

import streamlit as st

from core import runtime

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
KEY = "lang"


def current() -> Language:
    for source in (st.session_state, st.query_params):
        chosen = source.get(KEY)
        if chosen in LANGUAGES:
            return cast(Language, chosen)
    return _default()


def switch() -> None:
    """The choice in the sidebar. The options are the codes themselves, for the URL holds what is shown."""
    st.segmented_control(
        "Sprache / Language",
        LANGUAGES,
        default=_default(),
        key=KEY,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )


def _default() -> Language:
    cookies = st.context.cookies
    chosen = cookies.get(f"__Host-{KEY}") or cookies.get(KEY)  # with the prefix over https
    return cast(Language, chosen if chosen in LANGUAGES else runtime.current().settings.language)
