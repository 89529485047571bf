"""The case that the address of the page names: `fall?nummer=2026-0042`."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

import streamlit as st

from core import runtime
from core.cases.detail import CaseDetail, case_detail
from core.problems import ProblemError
from ui.frame import navigation, url
from ui.problems import problem_box
from ui.texts import text

NUMBER = "nummer"
NEW = "neu"  # slug of a tenant, "/" and SKU id: a link to the page of all cases opens the form for a new one


def open_case(number: str) -> NoReturn:
    """Change to the page of the case."""
    st.switch_page(navigation.PAGES_BY_ADDRESS[navigation.CASE].file, query_params={NUMBER: number})


def begin_case(slug: str, sku_id: str = "") -> NoReturn:
    """Change to the page of all cases, with the form for a new one of this tenant and product."""
    params = url.kept_params(navigation.CASES) | {NEW: [f"{slug}/{sku_id}"]}
    st.switch_page(navigation.PAGES_BY_ADDRESS[navigation.CASES].file, query_params=params)


def chosen_case(now: datetime) -> CaseDetail:
    """Show the way back to the list; return the case of the address, or stop the page with a sentence."""
    params = url.new_params(navigation.CASE, (NUMBER,))
    if params is None:
        params = url.kept_params(navigation.CASE)
    number = (params.get(NUMBER) or [""])[0]
    url.keep_params(navigation.CASE, {NUMBER: [number]})
    navigation.link(navigation.CASES, text("case.back"), **url.kept_params(navigation.CASES))
    if not number:
        st.title(text("nav.fall"), anchor=False)
        st.info(text("case.none_chosen"), icon=":material/info:")
        st.stop()
    try:
        return case_detail(runtime.current().engine, number, now)
    except ProblemError as error:
        st.title(text("nav.fall"), anchor=False)
        problem_box(error.problem)
        return st.stop()
