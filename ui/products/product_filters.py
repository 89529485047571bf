"""The filters above the table of products: search, kind, order. The URL holds them as codes."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.bounds import LONGEST_SEARCH, search_words
from core.cache.frame_index import FrameIndex, Positions
from core.licenses.skus import KINDS, product_language
from core.name_key import name_key
from ui.frame import url
from ui.frame.language import Language
from ui.tables.sort_codes import is_descending, next_sort, order_of
from ui.texts import text

PAGE = "produkte"
SEARCH, CHOSEN_KINDS, SORT = "q", "kind", "sort"
_KEY = "product_filter_"
WORST = "worst"
# Column of the table -> the order that a click on its title asks for.
ORDER_OF_COLUMN = {
    "product_and_sku": "product", "shortages": WORST, "low": "low", "tenants": "tenants", "enabled": "enabled",
    "consumed": "consumed", "free_seats": "free", "utilisation": "utilisation",
}  # fmt: skip
COLUMN_OF_ORDER = {order: column for column, order in ORDER_OF_COLUMN.items()} | {WORST: "severity"}
DESCENDING = (WORST, "low", "tenants", "enabled", "consumed", "free", "utilisation")


@dataclass(frozen=True, slots=True)
class ProductFilters:
    """The chosen filters as in the URL; empty means all."""

    search: str = ""
    kinds: tuple[str, ...] = ()
    sort: str = WORST


def matching_products(index: FrameIndex, filters: ProductFilters, language: Language) -> Positions:
    """Return the positions of the matching products, in the chosen order."""
    mask = index.with_words(search_words(name_key(filters.search))) & index.among("kind", filters.kinds)
    order = order_of(filters.sort)
    column = f"product_{product_language(language)}" if order == "product" else COLUMN_OF_ORDER[order]
    return index.ordered(mask, column, descending=is_descending(filters.sort, DESCENDING))


def product_filters() -> ProductFilters:
    """Show the filters and return those that are chosen."""
    arrived = url.new_params(PAGE, (SEARCH, CHOSEN_KINDS, SORT))
    if arrived is not None:
        _fill(arrived)
    with st.container(horizontal=True, vertical_alignment="bottom", key="product_filters"):
        st.text_input(
            text("filter.search"), key=_KEY + SEARCH, max_chars=LONGEST_SEARCH, type="search", live="400ms",
            placeholder=text("products.search_hint"), autocomplete="off", width=300,
        )  # fmt: skip
        st.multiselect(
            text("filter.kind"), list(KINDS), key=_KEY + CHOSEN_KINDS, format_func=lambda kind: text(f"kind.{kind}"),
            placeholder=text("filter.all"), select_all=False, width=220,
        )  # fmt: skip
    filters = _chosen()
    url.keep_params(PAGE, _params_of(filters))
    return filters


def sort_products_by(column: str) -> None:
    """Sort by a column from the next run on, which begins at once."""
    st.session_state[_KEY + SORT] = next_sort(_chosen().sort, ORDER_OF_COLUMN[column], WORST)
    st.rerun()


def _chosen() -> ProductFilters:
    state = st.session_state
    return ProductFilters(
        search=(state.get(_KEY + SEARCH) or "")[:LONGEST_SEARCH].strip(),
        kinds=tuple(state.get(_KEY + CHOSEN_KINDS, ())),
        sort=state.get(_KEY + SORT, WORST),
    )


def _params_of(filters: ProductFilters) -> url.Params:
    return {
        SEARCH: [filters.search] if filters.search else [],
        CHOSEN_KINDS: list(filters.kinds),
        SORT: [filters.sort] if filters.sort != WORST else [],
    }


def _fill(params: url.Params) -> None:
    """Take the filters of the URL, without those that do not exist."""
    state, (sort,) = st.session_state, (params.get(SORT) or [WORST])[:1]
    state[_KEY + SEARCH] = (params.get(SEARCH) or [""])[0][:LONGEST_SEARCH]
    state[_KEY + CHOSEN_KINDS] = [kind for kind in params.get(CHOSEN_KINDS, []) if kind in KINDS]
    state[_KEY + SORT] = sort if order_of(sort) in COLUMN_OF_ORDER else WORST
