"""The pages by address: file, section of the menu, what one must be allowed to do; and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

import streamlit as st

from core.roles import Action, Actor
from ui.texts import text

START, LICENSES, TENANT, MONITORING, RULES = "", "alle-tenants", "tenant", "monitoring", "regeln"
ACCOUNTS, PROGRAMS, AUDIT, OWN_ACCOUNT = "konten", "programme", "protokoll", "mein-konto"


@dataclass(frozen=True, slots=True)
class Place:
    """One page of the menu; `hidden` ones are reached by a link alone."""

    file: str
    action: Action
    section: Literal["daily", "administration", "hidden"] = "daily"


PLACES = {
    START: Place("pages/start.py", Action.LOOK),
    LICENSES: Place("pages/all_tenants.py", Action.LOOK),
    TENANT: Place("pages/tenant.py", Action.LOOK),
    MONITORING: Place("pages/monitoring.py", Action.LOOK),
    RULES: Place("pages/rules.py", Action.LOOK),
    OWN_ACCOUNT: Place("pages/own_account.py", Action.OWN_ACCOUNT, "hidden"),
    ACCOUNTS: Place("pages/accounts.py", Action.ACCOUNTS, "administration"),
    PROGRAMS: Place("pages/programs.py", Action.TOKENS, "administration"),
    AUDIT: Place("pages/audit.py", Action.AUDIT, "administration"),
}


def places(user: Actor) -> dict[str, Place]:
    """What `user` may open, by address. Who may nothing keeps the pages of every day, which say so."""
    return {
        address: place for address, place in PLACES.items() if place.action == Action.LOOK or user.may(place.action)
    }


def pages(user: Actor) -> dict[str, list[st.Page]]:
    """The pages that `user` may open, by the title of their section.

    Without icons: Streamlit would fetch the one of the open page from a foreign host, for the browser's tab.
    """
    sections: dict[str, list[st.Page]] = {"": []}
    for address, place in places(user).items():
        title = text("nav.section") if place.section == "administration" else ""
        page = st.Page(
            place.file, title=text(f"nav.{address or 'start'}"), url_path=address or None, default=address == START,
            visibility="hidden" if place.section == "hidden" else "visible",
        )  # fmt: skip
        sections.setdefault(title, []).append(page)
    return sections


def open_tenant(slug: str) -> NoReturn:
    st.switch_page(PLACES[TENANT].file, query_params={"tenant": slug})


def link(page: str, label: str, **params: str | list[str]) -> None:
    """A link to a page as it should open there; `label` is Markdown."""
    st.page_link(PLACES[page].file, label=label, icon="", query_params=params)
