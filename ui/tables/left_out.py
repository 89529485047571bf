"""Which tenants of a link or saved view a filter leaves out, because they are not among its choices (any more)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from ui.escaping import plain
from ui.texts import text

_KEY = "_left_out_tenants_"


def note_left_out(page: str, wanted: Sequence[str], names: Collection[str]) -> None:
    """Remember the slugs that a link to the page asks for and that are not among its choices."""
    st.session_state[_KEY + page] = [slug for slug in wanted if slug not in names]


def tell_left_out(page: str, names: Mapping[str, str]) -> None:
    """Name them, until another link or view is opened or the filter is reset; `names`: slug -> name, of all known."""
    left_out = [plain(names.get(slug, slug)) for slug in st.session_state.get(_KEY + page, ())]
    if left_out:
        st.info(text("filter.left_out", tenants=", ".join(left_out)), icon=":material/info:")


def forget_left_out(page: str) -> None:
    """Say nothing more of them."""
    st.session_state.pop(_KEY + page, None)
