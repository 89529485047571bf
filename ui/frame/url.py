"""The reader's choices on a page as parameters of its URL, which works for a colleague and after reload and sign-in.

Streamlit's own `bind="query-params"` is not used: it writes the displayed words (in one language) into the URL and
forgets them when another page is opened. This module writes codes, and keeps them in the session, because Streamlit
drops the parameters when another page is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from ui.frame import visit

Params = dict[str, list[str]]
_KEPT = "_url"
RULE_TENANT, RULE_PRODUCT = "tenant", "sku"  # slug and SKU id of the licence whose exception a link opens
CONTACT = "kontakt"  # id of the contact that a link to the page of its tenant opens
CERTIFICATE = "zertifikat"  # a link to the page of a tenant opens the dialog about its certificate
OPEN_LICENSE = "lizenz"  # which licence is open, on every page that has licences; ui.license_panel sets and removes it


def new_params(page: str, names: Iterable[str]) -> Params | None:
    """Return the parameters of the URL if they are new (a link, a reload, Back); None if the widgets are newer.

    A visit without parameters gets those that the page had last in this session.
    """
    arrived = {name: values for name in names if (values := _each_once(st.query_params.get_all(name)))}
    kept = kept_params(page)
    if visit.entered():
        return arrived or kept
    return None if arrived == kept else arrived


def _each_once(values: Iterable[str]) -> list[str]:
    """Return the values without repetitions, which a widget refuses."""
    return list(dict.fromkeys(values))


def keep_params(page: str, params: Mapping[str, Sequence[str]]) -> None:
    """Write the parameters of the page into the URL, without empty ones, and remember them."""
    wanted = {name: list(values) for name, values in params.items() if values}
    st.session_state.setdefault(_KEPT, {})[page] = wanted
    set_params(wanted)


def kept_params(page: str) -> Params:
    """Return the last parameters of `page`, for links back to it."""
    kept: dict[str, Params] = st.session_state.get(_KEPT, {})
    return kept.get(page, {})


def set_params(wanted: Mapping[str, Sequence[str]]) -> None:
    """Make `wanted` the only parameters of the URL, beside the open licence and what a link opens."""
    names = (*wanted, OPEN_LICENSE, CONTACT, CERTIFICATE)
    kept = {name: st.query_params.get_all(name) for name in names if name in st.query_params}
    if len(kept) < len(st.query_params):  # all at once: each single change goes to the browser with all the others
        st.query_params.from_dict(kept)
    for name, values in wanted.items():
        if st.query_params.get_all(name) != list(values):
            st.query_params[name] = list(values)
