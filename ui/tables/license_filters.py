"""The filters above the licence table: search, tenant, state, kind, order. The URL holds them as codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.bounds import LONGEST_SEARCH, search_words
from core.cache.frame_index import Positions
from core.cache.license_index import MARKS, LicenseIndex
from core.licenses.skus import KINDS, product_language
from core.name_key import name_key
from ui.frame import url
from ui.snapshots import Snapshot
from ui.tables.left_out import forget_left_out, note_left_out, tell_left_out
from ui.tables.sort_codes import REVERSED, is_descending, next_sort, order_of
from ui.texts import text

PAGE = "alle-tenants"
SEARCH, TENANTS, STATES, CHOSEN_KINDS, SORT = "q", "tenants", "state", "kind", "sort"
PARAMS = (SEARCH, TENANTS, STATES, CHOSEN_KINDS, SORT)
_KEY = "filter_"
# Order -> the column that it sorts by; "product" is the column in the reader's language.
SORTS = {
    "worst": "severity", "tenant": "tenant", "product": "product", "free": "free", "utilisation": "utilisation",
    "renewal": "renews_at", "since": "short_since",
}  # fmt: skip
WORST = "worst"
# Column of the table -> the order that a click on its title asks for.
ORDER_OF_COLUMN = {
    "state": WORST, "tenant": "tenant", "product_and_sku": "product", "free": "free", "utilisation": "utilisation",
    "short_since": "since", "renews_at": "renewal",
}  # fmt: skip
DESCENDING = ("utilisation",)  # the fullest first, and reversed the emptiest
_NEXT_SORT = "_next_sort"


@dataclass(frozen=True, slots=True)
class Filters:
    """The chosen filters as in the URL: slugs of tenants, marks as `states`; empty means all."""

    search: str = ""
    tenants: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sort: str = WORST


def matching(index: LicenseIndex, filters: Filters, language: str) -> Positions:
    """Return the positions of the matching licences, in the chosen order.

    A search for a whole part number finds that product alone, not those whose part number is longer.
    """
    mask = index.named("sku_part_number", [filters.search])
    if not mask.any():
        mask = index.with_words(search_words(name_key(filters.search[:LONGEST_SEARCH])))
    mask &= index.among("slug", filters.tenants) & index.among("kind", filters.kinds)
    mask &= index.with_marks(filters.states)
    order = order_of(filters.sort)
    column = f"product_{product_language(language)}" if order == "product" else SORTS[order]
    return index.ordered(mask, column, descending=is_descending(filters.sort, DESCENDING))


def sort_by(column: str) -> None:
    """Sort by a column from the next run on, which begins at once."""
    st.session_state[_NEXT_SORT] = next_sort(chosen().sort, ORDER_OF_COLUMN[column], WORST)
    st.rerun()


def license_filters(snapshot: Snapshot) -> Filters:
    """Show the filters and return those that are chosen."""
    names = snapshot.active_names
    arrived = url.new_params(PAGE, PARAMS)
    if arrived is not None:
        _fill(arrived)
        note_left_out(PAGE, arrived.get(TENANTS, []), names)
    if _NEXT_SORT in st.session_state:
        st.session_state[_KEY + SORT] = st.session_state.pop(_NEXT_SORT)
    _drop_unknown(names)
    _widgets(names)
    filters = chosen()
    tell_left_out(PAGE, snapshot.names)
    url.keep_params(PAGE, params_of(filters))
    return filters


def chosen() -> Filters:
    state = st.session_state
    return Filters(
        search=(state.get(_KEY + SEARCH) or "")[:LONGEST_SEARCH].strip(),
        tenants=tuple(state.get(_KEY + TENANTS, ())),
        states=tuple(state.get(_KEY + STATES, ())),
        kinds=tuple(state.get(_KEY + CHOSEN_KINDS, ())),
        sort=_existing_sort(state.get(_KEY + SORT)),
    )


def params_of(filters: Filters) -> dict[str, list[str]]:
    """Return the filters as URL parameters, without those that are not chosen."""
    return {
        SEARCH: [filters.search] if filters.search else [],
        TENANTS: list(filters.tenants),
        STATES: list(filters.states),
        CHOSEN_KINDS: list(filters.kinds),
        SORT: [filters.sort] if filters.sort != WORST else [],
    }


def reset() -> None:
    _fill({})
    forget_left_out(PAGE)


def _fill(params: url.Params) -> None:
    state = st.session_state
    state[_KEY + SEARCH] = (params.get(SEARCH) or [""])[0][:LONGEST_SEARCH]
    state[_KEY + TENANTS] = params.get(TENANTS, [])
    state[_KEY + STATES] = [value for value in params.get(STATES, []) if value in MARKS]
    state[_KEY + CHOSEN_KINDS] = [value for value in params.get(CHOSEN_KINDS, []) if value in KINDS]
    state[_KEY + SORT] = _existing_sort((params.get(SORT) or [""])[0])


def _existing_sort(value: object) -> str:
    """Return the order if there is such an order, else the usual one."""
    return value if isinstance(value, str) and order_of(value) in SORTS else WORST


def _drop_unknown(names: Mapping[str, str]) -> None:
    """Remove tenants of an old link that are gone, because a widget refuses a value that is not among its options."""
    slugs = [slug for slug in st.session_state.get(_KEY + TENANTS, ()) if slug in names]
    st.session_state[_KEY + TENANTS] = slugs


def _widgets(names: Mapping[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        st.text_input(
            text("filter.search"),
            key=_KEY + SEARCH,
            max_chars=LONGEST_SEARCH,
            type="search",
            live="400ms",
            placeholder=text("filter.search_hint"),
            autocomplete="off",
            width=215,
        )
        _choice("filter.tenant", TENANTS, list(names), names)
        _choice("filter.state", STATES, list(MARKS), {mark: text(f"filter.state.{mark}") for mark in MARKS})
        _choice("filter.kind", CHOSEN_KINDS, list(KINDS), {kind: text(f"kind.{kind}") for kind in KINDS})
        sorts = list(dict.fromkeys([*SORTS, _existing_sort(st.session_state.get(_KEY + SORT))]))
        words = {sort: _sort_words(sort) for sort in sorts}
        st.selectbox(text("filter.sort"), sorts, key=_KEY + SORT, format_func=lambda sort: words[sort], width=190)


def _choice(label: str, name: str, options: list[str], words: Mapping[str, str]) -> None:
    st.multiselect(
        text(label),
        options,
        key=_KEY + name,
        format_func=lambda value: words.get(value, value),
        placeholder=text("filter.all"),
        select_all=False,
        width=160,
    )


def _sort_words(sort: str) -> str:
    words = text(f"sort.{order_of(sort)}")
    return text("sort.reversed", order=words) if sort.startswith(REVERSED) else words


def is_filtered(filters: Filters) -> bool:
    return filters != Filters(sort=filters.sort)
