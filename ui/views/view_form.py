"""The dialog about saved views: save the filters under a name, see all views, change or delete one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import streamlit as st

from core import runtime
from core.roles import Action
from core.views import saved_views
from core.views.saved_views import LONGEST_NAME, Params, SavedView, Start, filled
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.row_dialog import close_dialog, confirm_buttons, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

KINDS: dict[str, Kind] = {"view": "open", "view_for": "text", "view_owner": "text"}
TITLES = {"new": "view.add", "list": "view.manage", "change": "view.change", "delete": "view.delete"}


@dataclass(frozen=True, slots=True)
class OpenView:
    """What the dialog is about: new filters to save, the list of all views, or one view to change or delete."""

    kind: Literal["new", "list", "change", "delete"]
    view: SavedView | None = None


@dataclass(frozen=True, slots=True)
class FormValues:
    """What stands in the form; `first`: the view is what the reader sees first after the sign-in."""

    name: str
    shared: bool
    first: bool
    params: Params


def show_view_dialog(page: str, params: Params) -> None:
    """Show the dialog that the reader has opened, if any; `params` are the filters as they are chosen now."""
    form = dialog_subject(OpenView)
    if form is not None:
        show_dialog(text(TITLES[form.kind]), "view.menu", partial(_dialog, page, params))


def _dialog(page: str, params: Params) -> None:
    form = dialog_subject(OpenView)
    if form is None:
        return
    if form.kind == "list":
        _list(page)
    elif form.view is None:
        _edit(SavedView("", current_user().name, "", "", False, page, params), params)
    elif form.kind == "delete":
        _delete(form.view)
    else:
        _edit(form.view, params)


def _list(page: str) -> None:
    """Show the views that the reader may change or delete."""
    user = current_user()
    views = [view for view in saved_views.views_for(runtime.current().engine, user)
             if view.page == page and (view.owner == user.name or user.may(Action.MANAGE_VIEWS))]  # fmt: skip
    if not views:
        st.info(text("view.none"), icon=":material/info:")
        return
    rows = [Row(view.view_id, [{"text": view.name, "label": f"{view.name}, {view.owner_shown}"},
                               text(f"view.for.{'all' if view.shared else 'me'}"), view.owner_shown])
            for view in views]  # fmt: skip
    clicked = show_whole_table("views_table", text("view.manage"), titled_columns(KINDS), rows)
    view = next((view for view in views if view.view_id == clicked), None)
    if view is not None:
        open_dialog(OpenView("change" if view.owner == user.name else "delete", view))
        st.rerun()


def _edit(view: SavedView, params: Params) -> None:
    """Show the form of a new view (without id) or of one of the reader's own."""
    values = _fields(view, params)
    key = view.view_id or "new"
    with st.container(horizontal=True):
        pressed = st.button(text("view.save"), key=bound_key("view_save", key), type="primary")
        if view.view_id:
            form = OpenView("delete", view)
            st.button(text("view.delete"), key=bound_key("view_delete", key), on_click=open_dialog, args=(form,))
        st.button(text("accounts.cancel"), key="view_cancel", on_click=close_dialog)
    if pressed:
        with errors_shown():
            _save(view, values)
            finish_dialog(text("view.saved", name=plain(values.name)))


def _fields(view: SavedView, params: Params) -> FormValues:
    """Show the fields of the form; `params` are the filters as they are chosen now."""
    user, key = current_user(), view.view_id or "new"
    name = st.text_input(
        text("view.name"), view.name, key=bound_key("view_name", key), max_chars=LONGEST_NAME, autocomplete="off"
    )
    shared = view.shared
    if view.shared or user.may(Action.SHARE_VIEWS):
        shared = st.checkbox(text("view.share"), view.shared, key=bound_key("view_shared", key))
    first = st.checkbox(text("view.first"), _comes_first(view), key=bound_key("view_first", key))
    others = bool(view.view_id and filled(params)) and filled(params) != view.params
    takes = others and st.checkbox(text("view.take_filters"), key=bound_key("view_filters", key))
    return FormValues(name or "", shared, first, params if takes else view.params)


def _comes_first(view: SavedView) -> bool:
    """Return True if the reader sees the view first after the sign-in."""
    start = saved_views.start_of(runtime.current().engine, current_user().name)
    return start is not None and bool(view.view_id) and start.view_id == view.view_id


def _save(view: SavedView, values: FormValues) -> None:
    """Save the view, and whether it comes first. Raises ProblemError."""
    user, engine, now = current_user(), runtime.current().engine, datetime.now(UTC)
    was_first = _comes_first(view)
    if view.view_id:
        saved_views.change(
            engine, user, view, now, name=values.name, shared=values.shared, params=values.params
        )  # fmt: skip
    else:
        view = saved_views.save(engine, user, values.name, view.page, values.params, now, shared=values.shared)
    if values.first != was_first:
        start = Start(view.page, values.params, view.view_id) if values.first else None
        saved_views.choose_start(engine, user, start, now)


def _delete(view: SavedView) -> None:
    st.markdown(f"**{text('view.delete_title', name=plain(view.name))}**")
    st.markdown(text("view.delete_shared" if view.shared else "view.delete_own"))
    if confirm_buttons(text("view.delete"), bound_key("view_delete_now", view.view_id), "view_cancel"):
        with errors_shown():
            saved_views.delete(runtime.current().engine, current_user(), view, datetime.now(UTC))
            finish_dialog(text("view.deleted", name=plain(view.name)))
