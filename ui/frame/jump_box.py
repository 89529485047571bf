"""The jump box: a button on every page, and a dialog that finds any view, page, case, tenant, product or contact.

The dialog is `ui/component/jump_box.js`. It asks /jump for the names (web/jump_targets.py) when it is opened, so that
they cost nothing before, and filters them itself. It answers with kind and id of the one that was chosen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from core import runtime
from core.bounds import LONGEST_SEARCH
from core.roles import Action, Actor
from core.views.saved_views import Params, views_for
from ui.frame import navigation, url
from ui.own_components import show_component
from ui.tables import license_filters
from ui.texts import plural, text

WORDS = ("open", "title", "field", "targets", "close", "slash", "loading", "unavailable", "none")
KINDS = ("view", "page", "case", "tenant", "product", "contact")


def jump_box(user: Actor) -> None:
    """Show the button, and go where somebody has just chosen to go."""
    if not user.may(Action.LOOK):
        return
    words: dict[str, Any] = {word: text(f"jump.{word}") for word in WORDS}
    words |= {"one": plural("jump.hits", 1), "many": plural("jump.hits", 2, count="{count}")}
    words |= {"kinds": {kind: text(f"jump.kind.{kind}") for kind in KINDS}, "longest": LONGEST_SEARCH}
    answer = show_component(
        "jump_box", '<div class="jb-root"></div>', key="jump_box", description=words, events=["go"], css=True
    )
    place = _view_place(user, answer.go) or place_of(answer.go, navigation.page_entries(user))
    if place is not None:
        address, params = place
        st.switch_page(navigation.PAGES_BY_ADDRESS[address].file, query_params=params)


def _view_place(user: Actor, target: object) -> tuple[str, Params] | None:
    """Return page and parameters of the view that was chosen; None for no view, or one that is not there (any more)."""
    match target:
        case {"kind": "view", "id": str(view_id)}:
            views = views_for(runtime.current().engine, user)
            return next(((view.page, view.params) for view in views if view.view_id == view_id), None)
    return None


def place_of(target: object, addresses: Collection[str]) -> tuple[str, Params] | None:
    """Return page and parameters of a target that the box has sent; None for what it cannot have sent.

    `addresses` are those of the pages that the reader may open.
    """
    place: tuple[str, Params]
    match target:
        case {"kind": "page", "id": str(address)}:
            place = address, {}
        case {"kind": "tenant", "id": str(slug)}:
            place = navigation.TENANT, {"tenant": [slug]}
        case {"kind": "case", "id": str(number)}:
            place = navigation.CASE, {"nummer": [number]}
        case {"kind": "product", "id": str(part)}:
            place = navigation.LICENSES, {license_filters.SEARCH: [part]}
        case {"kind": "contact", "id": str(both)}:
            slug, _, contact_id = both.rpartition("/")
            place = navigation.TENANT, {"tenant": [slug], url.CONTACT: [contact_id]}
        case _:
            return None
    return place if place[0] in addresses else None
