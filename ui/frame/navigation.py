"""The pages by address: file, section of the menu, what one must be allowed to do; and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

import streamlit as st

from core.roles import PASSWORD_DUE, Action, Actor, may_open
from ui.texts import text

START, LICENSES, TENANT, MONITORING, RULES = "", "alle-tenants", "tenant", "monitoring", "regeln"
ACCOUNTS, PROGRAMS, AUDIT, OWN_ACCOUNT = "konten", "programme", "protokoll", "mein-konto"


@dataclass(frozen=True, slots=True)
class Place:
    """One page: its file, what one must be allowed to do, and where it is linked."""

    file: str
    action: Action
    section: Literal["daily", "administration", "account"] = "daily"


PLACES = {
    START: Place("pages/start.py", Action.LOOK),
    LICENSES: Place("pages/all_tenants.py", Action.LOOK),
    TENANT: Place("pages/tenant.py", Action.LOOK),
    MONITORING: Place("pages/monitoring.py", Action.LOOK),
    RULES: Place("pages/rules.py", Action.LOOK),
    OWN_ACCOUNT: Place("pages/own_account.py", Action.OWN_ACCOUNT, "account"),
    ACCOUNTS: Place("pages/accounts.py", Action.ACCOUNTS, "administration"),
    PROGRAMS: Place("pages/programs.py", Action.TOKENS, "administration"),
    AUDIT: Place("pages/audit_log.py", Action.AUDIT, "administration"),
}

ACTIONS = {address: place.action for address, place in PLACES.items()}  # for the gate


def places(user: Actor) -> dict[str, Place]:
    """What `user` may open, by address."""
    return {address: place for address, place in PLACES.items() if may_open(user.role, place.action)}


def pages(user: Actor) -> list[st.Page]:
    """The pages that `user` may open.

    Only those of every day are in Streamlit's own menu: its sections are no list for a screen reader. And without
    icons: Streamlit would fetch the one of the open page from a foreign host, for the browser's tab.
    """
    found = places(user)
    return [
        st.Page(
            place.file, title=_title(address), url_path=address or None, default=address == START or len(found) == 1,
            visibility="visible" if place.section == "daily" else "hidden",
        )
        for address, place in found.items()
    ]  # fmt: skip


def administration(user: Actor) -> None:
    """The links below the menu, for whoever may open any of them."""
    found = [address for address, place in places(user).items() if place.section == "administration"]
    if found:
        with st.container(gap="small", key="administration"):
            st.caption(text("nav.section"))
            for address in found:
                link(address, _title(address))


def own_account(user: Actor) -> None:
    """The link to one's own account."""
    if OWN_ACCOUNT in places(user) and user.role != PASSWORD_DUE:
        link(OWN_ACCOUNT, _title(OWN_ACCOUNT))


def _title(address: str) -> str:
    return text(f"nav.{address or 'start'}")


def open_tenant(slug: str) -> NoReturn:
    st.switch_page(PLACES[TENANT].file, query_params={"tenant": slug})


def link(page: str, label: str, **params: str | list[str]) -> None:
    """A link to a page as it should open there; `label` is Markdown."""
    st.page_link(PLACES[page].file, label=label, icon="", query_params=params)
