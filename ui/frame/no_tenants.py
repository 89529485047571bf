"""The message in place of a page as long as there is no tenant."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.roles import Action
from ui.escaping import plain
from ui.frame import navigation
from ui.frame.freshness import freshness
from ui.frame.identity import current_user
from ui.problems import sentence, technical_lines
from ui.snapshots import Snapshot
from ui.texts import text


def stop_without_tenants(snapshot: Snapshot, title: str) -> None:
    """Stop the page if there is no tenant, and show how to connect the first one."""
    if len(snapshot.tenants):
        return
    st.title(title, anchor=False)
    folder = plain(runtime.current().settings.profiles_dir)
    key = "empty.tenants" if current_user().may(Action.ACCOUNTS) else "empty.tenants_ask"
    st.info(text(key, folder=folder), icon=":material/info:")
    may = current_user().may(Action.ONBOARDING)
    if may and st.button(text("nav.tenant-aufnehmen"), key="first_tenant", type="primary"):
        st.switch_page(navigation.PAGES_BY_ADDRESS[navigation.NEW_TENANT].file)
    for problems in snapshot.faults.values():
        for problem in problems:
            st.error(plain(sentence(problem)))
        technical_lines(*problems)
    freshness(snapshot)  # the refresh that finds the first profile
    st.stop()
