"""The pages by address (file, section of the menu, required action), the menu, and links between pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

import streamlit as st

from core.roles import PASSWORD_DUE, Action, Actor, may_open
from ui.texts import text

START, LICENSES, PRODUCTS, TENANT = "", "alle-tenants", "produkte", "tenant"
CASES, CASE, EVALUATION = "faelle", "fall", "auswertung"
MONITORING, RULES = "monitoring", "regeln"
NEW_TENANT, LEVELS, NOTIFICATIONS = "tenant-aufnehmen", "stufen", "benachrichtigungen"
DISTRIBUTORS = "haendler"
ACCOUNTS, PROGRAMS, AUDIT, OPERATIONS = "konten", "programme", "protokoll", "betrieb"
OWN_ACCOUNT = "mein-konto"


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: its file, the action that a role must allow, and where it is linked."""

    file: str
    action: Action
    section: Literal["daily", "detail", "administration", "account"] = "daily"


PAGES_BY_ADDRESS = {
    START: PageEntry("pages/start.py", Action.LOOK),
    CASES: PageEntry("pages/cases.py", Action.LOOK),
    LICENSES: PageEntry("pages/all_tenants.py", Action.LOOK),
    PRODUCTS: PageEntry("pages/products.py", Action.LOOK),
    EVALUATION: PageEntry("pages/case_figures.py", Action.LOOK),
    TENANT: PageEntry("pages/tenant.py", Action.LOOK),
    MONITORING: PageEntry("pages/monitoring.py", Action.LOOK),
    RULES: PageEntry("pages/rules.py", Action.LOOK),
    CASE: PageEntry("pages/case.py", Action.LOOK, "detail"),
    OWN_ACCOUNT: PageEntry("pages/own_account.py", Action.OWN_ACCOUNT, "account"),
    NEW_TENANT: PageEntry("pages/new_tenant.py", Action.ONBOARDING, "administration"),
    LEVELS: PageEntry("pages/levels.py", Action.LEVELS, "administration"),
    NOTIFICATIONS: PageEntry("pages/notifications.py", Action.CHANNELS, "administration"),
    DISTRIBUTORS: PageEntry("pages/distributors.py", Action.DISTRIBUTORS, "administration"),
    ACCOUNTS: PageEntry("pages/accounts.py", Action.ACCOUNTS, "administration"),
    PROGRAMS: PageEntry("pages/programs.py", Action.TOKENS, "administration"),
    AUDIT: PageEntry("pages/audit_log.py", Action.AUDIT, "administration"),
    OPERATIONS: PageEntry("pages/operations.py", Action.OPERATIONS, "administration"),
}

ACTIONS = {address: entry.action for address, entry in PAGES_BY_ADDRESS.items()}  # for the gate


def page_entries(user: Actor) -> dict[str, PageEntry]:
    """Return the pages that `user` may open, by address."""
    return {address: entry for address, entry in PAGES_BY_ADDRESS.items() if may_open(user.role, entry.action)}


def pages(user: Actor) -> list[st.Page]:
    """Return the pages that `user` may open, for `st.navigation`.

    Streamlit's own menu shows only the daily pages, because screen readers do not recognise its sections as a list.
    The pages have no icons, because Streamlit loads the icon of the open page from a foreign host.
    """
    entries = page_entries(user)
    return [
        st.Page(
            entry.file, title=title(address), url_path=address or None, default=address == START or len(entries) == 1,
            visibility="visible" if entry.section == "daily" else "hidden",
        )
        for address, entry in entries.items()
    ]  # fmt: skip


def administration(user: Actor) -> None:
    """Show the links to the pages of administration that `user` may open, below the menu."""
    addresses = [address for address, entry in page_entries(user).items() if entry.section == "administration"]
    if addresses:
        with st.container(gap="small", key="administration"):
            st.caption(text("nav.section"))
            for address in addresses:
                link(address, title(address))


def own_account(user: Actor) -> None:
    """Show the link to the page of one's own account."""
    if OWN_ACCOUNT in page_entries(user) and user.role != PASSWORD_DUE:
        link(OWN_ACCOUNT, title(OWN_ACCOUNT))


def title(address: str) -> str:
    """Return the name of the page at this address in the reader's language."""
    return text(f"nav.{address or 'start'}")


def open_tenant(slug: str) -> NoReturn:
    st.switch_page(PAGES_BY_ADDRESS[TENANT].file, query_params={"tenant": slug})


def link(page: str, label: str, **params: str | list[str]) -> None:
    """Show a link to a page with `params` in its address; `label` is Markdown."""
    st.page_link(PAGES_BY_ADDRESS[page].file, label=label, icon="", query_params=params)
