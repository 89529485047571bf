"""The menu of saved views above a table: opens a view, or the dialog to save, change and delete one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core import runtime
from core.cache.database import DatabaseError
from core.roles import Action, Actor
from core.views.saved_views import Params, SavedView, filled, views_for
from ui.escaping import plain
from ui.frame import navigation
from ui.frame.identity import current_user
from ui.row_dialog import open_dialog
from ui.texts import text
from ui.views.view_form import OpenView, show_view_dialog

LONGEST_LABEL = 28
Option = SavedView | OpenView


def view_menu(page: str, params: Params, *, if_any: bool = False) -> None:
    """Show the menu for the page at the address `page`; `params` are its filters as they are chosen now.

    `if_any`: only if there is something in it, where the line has no room to spare.
    """
    user = current_user()
    if not user.may(Action.SAVE_VIEWS):
        return
    try:
        views = [view for view in views_for(runtime.current().engine, user) if view.page == page]
    except DatabaseError:
        return  # the line above says that the database does not answer
    options = menu_options(views, user, chosen=any(params.values()))
    if if_any and not options:
        return
    picked = st.menu_button(
        _label(views, params), list(options) or [text("view.none")], key="views", disabled=not options,
        help=None if options else text("view.empty"),
    )  # fmt: skip
    option = options.get(picked) if picked else None
    if isinstance(option, SavedView):
        file = navigation.PAGES_BY_ADDRESS[option.page].file
        st.switch_page(file, query_params=option.params)
    if option is not None:
        open_dialog(option)
    show_view_dialog(page, params)


def menu_options(views: Sequence[SavedView], user: Actor, *, chosen: bool) -> dict[str, Option]:
    """Return the lines of the menu, Markdown, each with what it opens.

    `chosen`: filters are chosen, which can be saved. A view of somebody else is shown with the name of its owner.
    """
    labels = [plain(view.name if view.owner == user.name else f"{view.name} · {view.owner_shown}") for view in views]
    count = Counter(labels)
    options: dict[str, Option] = {}
    for label, view in zip(labels, views, strict=True):  # two people may have one name, and call their views the same
        options[label if count[label] == 1 else f"{label} ({view.view_id[:4]})"] = view
    if chosen:
        options[f":material/bookmark_add: {text('view.add')}"] = OpenView("new")
    if any(view.owner == user.name or user.may(Action.MANAGE_VIEWS) for view in views):
        options[f":material/tune: {text('view.manage')}"] = OpenView("list")
    return options


def _label(views: Sequence[SavedView], params: Params) -> str:
    """Return the words on the menu: with the name of the view that is shown, if one is."""
    name = next((view.name for view in views if view.params == filled(params)), "")
    if not name:
        return text("view.menu")
    short = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
    return text("view.menu_open", name=plain(short))
