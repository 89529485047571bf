"""The page of all cases below its title: filters, count, downloads, and the table or the board."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core import runtime
from core.cache.case_lists import CaseFilter, count_by_state
from core.cache.open_cases import OpenCases, open_cases
from core.name_key import sort_key
from core.roles import Actor
from ui import format as fmt
from ui.cases.ahead_form import new_case_button, new_case_dialog, open_new_case_of_link
from ui.cases.case_board import case_board
from ui.cases.case_filters import (
    ORDER_OF_COLUMN,
    PAGE,
    CaseFilters,
    case_filters,
    choose_form,
    params_of_cases,
    reset_case_filters,
    sort_cases_by,
    wanted_cases,
)
from ui.cases.cases_table import cases_export, first_page, show_page
from ui.frame.skip_link import table_begins
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tables.license_table import table_downloads
from ui.tables.sort_codes import sort_directions
from ui.texts import plural, text
from ui.views.view_menu import view_menu

KEY = "cases"  # of the table


def case_list(snapshot: Snapshot, user: Actor, view: View) -> None:
    """Show everything below the title and the line about the age of the figures."""
    engine = runtime.current().engine
    open_new_case_of_link()
    filters = case_filters(snapshot, owners_of(open_cases(engine)))
    wanted = wanted_cases(filters, snapshot, user.name, view.now, view.language)
    new_case_dialog(snapshot, view)
    if filters.form == "board":
        counts = count_by_state(engine, wanted)
        _tools(filters, wanted, sum(counts.values()), snapshot, view)
        table_begins()
        case_board(wanted, counts, snapshot, view, user.name)
        return
    page = first_page(KEY, wanted, sort=filters.order, descending=filters.descending)
    _tools(filters, wanted, page.total, snapshot, view)
    table_begins()
    sorts = sort_directions(filters.sort, ORDER_OF_COLUMN)
    event = show_page(KEY, text("nav.faelle"), page, snapshot, view, user.name, sorts=sorts)
    if event is not None and event.what == "sort":
        sort_cases_by(event.column)


def owners_of(cases: OpenCases) -> dict[str, str]:
    """Return account -> name for people of all who have an open case, by name."""
    owners = {case.owner: case.owner_name for case in cases.values() if case.owner}
    return dict(sorted(owners.items(), key=lambda one: sort_key(one[1])))


def _tools(filters: CaseFilters, wanted: CaseFilter, total: int, snapshot: Snapshot, view: View) -> None:
    """Show the choice of the form, how many cases match, saved views, and the downloads."""
    engine = runtime.current().engine
    with st.container(horizontal=True, vertical_alignment="center", key="case_tools"):
        choose_form()
        count = fmt.number(total, view.language)
        st.markdown(plural("cases.count", total, count=count), width="content")
        if filters.is_filtered:
            st.button(
                text("filter.reset"), key="case_filter_reset", on_click=reset_case_filters,
                icon=":material/filter_alt_off:",
            )  # fmt: skip
        view_menu(PAGE, params_of_cases(filters))
        st.space("stretch")
        new_case_button()
        if total:
            export = partial(cases_export, engine, wanted, snapshot, view.now, filters.order)
            table_downloads("csv.table", export, "faelle")
