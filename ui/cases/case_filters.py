"""The filters above the cases: whose, search, state, tenant, owner, priority, overdue. The URL holds them as codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import streamlit as st

from core.bounds import LONGEST_SEARCH, search_words
from core.cache.case_lists import SORTS, CaseFilter, Sort
from core.cases.demand import PRIORITIES
from core.cases.transitions import STATES
from core.licenses.skus import product_language
from core.name_key import sort_key
from ui.cases.case_words import priority_word, state_of_case
from ui.frame import navigation, url
from ui.frame.language import Language
from ui.snapshots import Snapshot
from ui.tables.left_out import forget_left_out, note_left_out, tell_left_out
from ui.tables.sort_codes import is_descending, next_sort, order_of
from ui.texts import text

PAGE = navigation.CASES
Form = Literal["mine", "all", "board"]
FORMS: tuple[Form, ...] = get_args(Form)
SHOWN, SEARCH, CHOSEN_STATES, TENANTS, OWNER, CHOSEN_PRIORITIES, OVERDUE, SORT = PARAMS = (
    "show", "q", "state", "tenants", "owner", "priority", "overdue", "sort",
)  # fmt: skip
ME, NOBODY = ".me", ".nobody"  # as owner; no account begins with a full stop
_KEY = "case_filter_"
DUE = "due"
# Column of the table -> the order that a click on its title asks for.
ORDER_OF_COLUMN: dict[str, Sort] = {
    "case": "number", "priority": "priority", "next_step": "due", "open_since": "opened",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """The chosen filters as in the URL: slugs of tenants, codes of states; empty means all that are open."""

    form: Form = "all"
    search: str = ""
    states: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    owner: str = ""
    priorities: tuple[str, ...] = ()
    overdue: bool = False
    sort: str = DUE

    @property
    def order(self) -> Sort:
        return next((order for order in SORTS if order == order_of(self.sort)), "due")

    @property
    def descending(self) -> bool:
        return is_descending(self.sort)

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.states or self.tenants or self.owner or self.priorities or self.overdue)


def wanted_cases(
    filters: CaseFilters, snapshot: Snapshot, account: str, now: datetime, language: Language
) -> CaseFilter:
    """Return what the database is asked for."""
    owner = ME if filters.form == "mine" else filters.owner
    owners = {"": None, ME: account, NOBODY: ""}
    return CaseFilter(
        states=filters.states,
        tenant_ids=[snapshot.ids[slug] for slug in filters.tenants if slug in snapshot.ids],
        owner=owners.get(owner, owner),
        priorities=filters.priorities,
        is_open=None if filters.states else True,
        overdue_at=now if filters.overdue else None,
        words=filters.search,
        skus_by_word=_products_of_words(filters.search, snapshot, language),
    )


def _products_of_words(search: str, snapshot: Snapshot, language: Language) -> dict[str, list[str]]:
    """Return folded word -> ids of the products in whose name it is."""
    words = {sort_key(word) for word in search_words(search)}
    if not words:
        return {}
    column = f"product_{product_language(language)}"
    products = snapshot.licenses[["sku_id", column]].drop_duplicates("sku_id")
    names = {sku_id: sort_key(name) for sku_id, name in products.itertuples(index=False)}
    return {word: [sku_id for sku_id, name in names.items() if word in name] for word in words}


def case_filters(snapshot: Snapshot, owners: dict[str, str]) -> CaseFilters:
    """Show the filters and return those that are chosen; `owners`: account -> name of those who have open cases."""
    arrived = url.new_params(PAGE, PARAMS)
    if arrived is not None:
        _fill(arrived)
        note_left_out(PAGE, arrived.get(TENANTS, []), snapshot.names)
    _drop_unknown(snapshot.names, owners)
    with st.container(horizontal=True, vertical_alignment="bottom", key="case_filters"):
        _widgets(snapshot, owners)
    filters = chosen_filters()
    tell_left_out(PAGE, snapshot.names)
    url.keep_params(PAGE, params_of_cases(filters))
    return filters


def choose_form() -> None:
    """Show whose cases, or the board, and if those that are overdue alone."""
    st.segmented_control(
        text("cases.show"), FORMS, key=_KEY + SHOWN, format_func=lambda form: text(f"cases.show.{form}"),
        label_visibility="collapsed", required=True, width="content",
    )  # fmt: skip
    st.toggle(text("cases.overdue"), key=_KEY + OVERDUE, width="content")


def _widgets(snapshot: Snapshot, owners: dict[str, str]) -> None:
    st.text_input(
        text("filter.search"), key=_KEY + SEARCH, max_chars=LONGEST_SEARCH, type="search", live="400ms",
        placeholder=text("cases.search_hint"), autocomplete="off", width=250,
    )  # fmt: skip
    _several(TENANTS, "column.tenant", list(snapshot.names), lambda slug: snapshot.names.get(slug, slug), "filter.all")
    states = [state for state in STATES if state != "delivered"]  # which lasts for a moment only
    _several(CHOSEN_STATES, "column.state", states, state_of_case, "cases.open_ones")
    if st.session_state.get(_KEY + SHOWN) != "mine":
        names = {ME: text("cases.owner_me"), NOBODY: text("case.nobody"), **owners}
        st.selectbox(
            text("column.owner"), list(names), key=_KEY + OWNER, index=None, placeholder=text("filter.all"),
            format_func=lambda name: names.get(name, name), width=165,
        )  # fmt: skip
    _several(CHOSEN_PRIORITIES, "column.priority", list(PRIORITIES), priority_word, "filter.all")


def _several(name: str, label: str, options: Sequence[str], words: Callable[[str], str], none: str) -> None:
    st.multiselect(
        text(label), options, key=_KEY + name, format_func=words, placeholder=text(none), select_all=False, width=165,
    )  # fmt: skip


def chosen_filters() -> CaseFilters:
    state = st.session_state
    return CaseFilters(
        form=next((form for form in FORMS if form == state.get(_KEY + SHOWN)), "all"),
        search=(state.get(_KEY + SEARCH) or "")[:LONGEST_SEARCH].strip(),
        states=tuple(state.get(_KEY + CHOSEN_STATES, ())),
        tenants=tuple(state.get(_KEY + TENANTS, ())),
        owner=state.get(_KEY + OWNER) or "",
        priorities=tuple(state.get(_KEY + CHOSEN_PRIORITIES, ())),
        overdue=bool(state.get(_KEY + OVERDUE)),
        sort=state.get(_KEY + SORT, DUE),
    )


def params_of_cases(filters: CaseFilters) -> url.Params:
    """Return the filters as URL parameters, without those that are not chosen."""
    return {
        SHOWN: [filters.form] if filters.form != "all" else [],
        SEARCH: [filters.search] if filters.search else [],
        CHOSEN_STATES: list(filters.states),
        TENANTS: list(filters.tenants),
        OWNER: [filters.owner] if filters.owner else [],
        CHOSEN_PRIORITIES: list(filters.priorities),
        OVERDUE: ["1"] if filters.overdue else [],
        SORT: [filters.sort] if filters.sort != DUE else [],
    }


def sort_cases_by(column: str) -> None:
    """Sort by a column from the next run on, which begins at once."""
    st.session_state[_KEY + SORT] = next_sort(chosen_filters().sort, ORDER_OF_COLUMN[column], DUE)
    st.rerun()


def reset_case_filters() -> None:
    """Clear all filters but whose cases are shown, and their order."""
    _fill({SHOWN: [st.session_state.get(_KEY + SHOWN) or "all"], SORT: [chosen_filters().sort]})
    forget_left_out(PAGE)


def _fill(params: url.Params) -> None:
    """Take the filters of the URL, without those that do not exist."""
    state = st.session_state
    first = {name: (params.get(name) or [""])[0] for name in PARAMS}
    state[_KEY + SHOWN] = first[SHOWN] if first[SHOWN] in FORMS else "all"
    state[_KEY + SEARCH] = first[SEARCH][:LONGEST_SEARCH]
    state[_KEY + CHOSEN_STATES] = [one for one in params.get(CHOSEN_STATES, []) if one in STATES]
    state[_KEY + TENANTS] = params.get(TENANTS, [])
    state[_KEY + OWNER] = first[OWNER] or None
    state[_KEY + CHOSEN_PRIORITIES] = [one for one in params.get(CHOSEN_PRIORITIES, []) if one in PRIORITIES]
    state[_KEY + OVERDUE] = first[OVERDUE] == "1"
    state[_KEY + SORT] = first[SORT] if order_of(first[SORT]) in SORTS else DUE


def _drop_unknown(names: Collection[str], owners: dict[str, str]) -> None:
    """Drop chosen tenants and owners that are no longer among the choices, which Streamlit would refuse."""
    state = st.session_state
    state[_KEY + TENANTS] = [slug for slug in state.get(_KEY + TENANTS, []) if slug in names]
    if state.get(_KEY + OWNER) not in (None, ME, NOBODY, *owners):
        state[_KEY + OWNER] = None
