"""The cases of a tenant: the newest first, open or ended, with a button for a new one."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.cache.case_lists import CaseFilter, count_by_state
from core.cases.transitions import OPEN, STATES
from core.roles import Action
from ui import format as fmt
from ui.cases.case_filters import CHOSEN_STATES, TENANTS
from ui.cases.cases_table import OF_TENANT, show_cases
from ui.cases.chosen_case import begin_case
from ui.control_keys import bound_key
from ui.frame import navigation
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.tenant.tenant_header import Tenant
from ui.texts import text

FIRST = 5


def cases_block(snapshot: Snapshot, tenant: Tenant, view: View) -> None:
    """Show how many are open, the newest cases, and the way to all of them."""
    wanted = CaseFilter(tenant_ids=[tenant.tenant_id])
    counts = count_by_state(runtime.current().engine, wanted)
    still_open = sum(counts.get(state, 0) for state in OPEN)
    with st.container(horizontal=True, vertical_alignment="center", key="tenant_cases"):
        st.header(text("nav.faelle"), width="content", anchor=False)
        st.markdown(text("cases.open_count", count=fmt.number(still_open, view.language)), width="content")
        if counts:
            states: list[str] = [state for state in STATES if state != "delivered"]
            params: dict[str, str | list[str]] = {TENANTS: tenant.slug, CHOSEN_STATES: states}
            navigation.link(navigation.CASES, text("cases.all_of_tenant"), **params)
        st.space("stretch")
        key = bound_key("tenant_case_new", tenant.tenant_id)
        if current_user().may(Action.CASES) and st.button(text("case.do.open"), key=key, icon=":material/add:"):
            begin_case(tenant.slug)
    if counts:
        name = text("cases.of_tenant", tenant=tenant.name)
        show_cases(
            f"cases_{tenant.slug}", name, wanted, snapshot, view, current_user().name,
            sort="opened", descending=True, columns=OF_TENANT, most=FIRST,
        )  # fmt: skip
