"""The pages by file and address, and the ways between them."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from ui import visit
from ui.texts import text

START, LICENSES, TENANT, MONITORING, RULES = "", "alle-tenants", "tenant", "monitoring", "regeln"
FILES = {
    START: "pages/start.py",
    LICENSES: "pages/all_tenants.py",
    TENANT: "pages/tenant.py",
    MONITORING: "pages/monitoring.py",
    RULES: "pages/rules.py",
}


def pages() -> list[st.Page]:
    """Without icons: Streamlit would fetch the one of the open page from a foreign host, for the browser's tab."""
    return [
        st.Page(
            file, title=text(f"nav.{address or 'start'}"),
            url_path=address or None, default=address == START,
        )
        for address, file in FILES.items()
    ]  # fmt: skip


def open_tenant(slug: str) -> NoReturn:
    st.switch_page(FILES[TENANT], query_params={"tenant": slug})


def link(page: str, label: str, **params: str | list[str]) -> None:
    """A link to a page as it should open there; `label` is Markdown."""
    st.page_link(FILES[page], label=label, icon="", query_params=params)


def begin(page: st.Page) -> None:
    visit.begin(page.url_path)
