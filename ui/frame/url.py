"""What a page shows lives in the URL, so that it can be sent to a colleague and survives reload and sign-in.

Streamlit's own `bind="query-params"` is not used here: it writes the displayed words (in one language) into
the URL and forgets them on the way back from another page. The codes are written by hand instead, and kept
in the session, because Streamlit drops the parameters of a page that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from ui.frame import visit
from ui.frame.language import KEY as LANGUAGE

Params = dict[str, list[str]]
_KEPT = "_url"


def incoming(page: str, names: Iterable[str]) -> Params | None:
    """What the URL asks for, if it is news: a link, a reload, Back. None while the widgets lead.

    A visit without parameters comes back to what the page showed last in this session.
    """
    found = {name: values for name in names if (values := _each_once(st.query_params.get_all(name)))}
    kept = kept_params(page)
    if visit.entered():
        return found or kept
    return None if found == kept else found


def _each_once(values: Iterable[str]) -> list[str]:
    """Of a value that is there twice the first; a widget refuses doubles."""
    return list(dict.fromkeys(values))


def keep(page: str, params: Mapping[str, Sequence[str]]) -> None:
    """Write what the page shows into the URL, without empty ones, and remember it."""
    wanted = {name: list(values) for name, values in params.items() if values}
    st.session_state.setdefault(_KEPT, {})[page] = wanted
    tidy(wanted)


def kept_params(page: str) -> Params:
    """What `page` showed last, for links that lead back to it."""
    kept: dict[str, Params] = st.session_state.get(_KEPT, {})
    return kept.get(page, {})


def tidy(wanted: Mapping[str, Sequence[str]]) -> None:
    """Make the URL hold `wanted` and nothing else; the language belongs to its own switch."""
    kept = {name: st.query_params.get_all(name) for name in (*wanted, LANGUAGE) if name in st.query_params}
    if len(kept) < len(st.query_params):  # all at once: each single change goes to the browser with all the others
        st.query_params.from_dict(kept)
    for name, values in wanted.items():
        if st.query_params.get_all(name) != list(values):
            st.query_params[name] = list(values)
