"""The tenants that leave: how long it can be undone, their exports, and what a removal waits for."""

from __future__ import annotations

import math

import streamlit as st

from core import runtime
from core.cache.leaving_rows import Leaving, all_leavings
from core.leaving.leave import read_export, undo
from core.leaving.tenant_files import export_folder
from core.roles import Action
from ui import format as fmt
from ui.action_messages import errors_shown, keep_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.onboarding.begin_form import services_or_stop
from ui.problems import reason
from ui.texts import plural, text

DAY = 86_400


def show_leaving(view: View) -> None:
    """Show the tenants that leave, each with its button to undo it while there is time."""
    leaving = all_leavings(runtime.current().engine)
    if not leaving or not current_user().may(Action.LEAVING):
        return
    st.header(text("leaving.list_title"), anchor=False)
    for one in leaving:
        with st.container(border=True, key=bound_key("leaver", one.tenant_id)):
            _tenant(one, view)


def _tenant(one: Leaving, view: View) -> None:
    since = fmt.moment(one.started_at, view.language, view.zone)
    due = fmt.moment(one.due_at, view.language, view.zone)
    st.markdown(f"**{plain(one.name)}** · {plain(text('leaving.since', since=since, by=one.started_by))}")
    if not one.can_be_undone(view.now):
        st.markdown(text("leaving.going", due=due))
        if one.problem is not None:
            st.warning(plain(reason(one.problem, one.name)), icon=":material/warning:")
        return
    left = math.ceil((one.due_at - view.now).total_seconds() / DAY)
    st.markdown(plural("leaving.left", left, due=due))
    with st.container(horizontal=True):
        _undo_button(one)
        _download(one)


def _undo_button(one: Leaving) -> None:
    if st.button(text("leaving.undo"), key=bound_key("leaving_undo", one.tenant_id, one.started_at)):
        with errors_shown():
            undo(services_or_stop(), one.tenant_id, current_user())
            keep_success(text("leaving.undone", tenant=plain(one.name)))
            visit.take_newest()
            st.rerun()


def _download(one: Leaving) -> None:
    """Offer the export; it is read when somebody asks for it."""
    file = export_folder(runtime.current().settings) / one.export_file
    services, user = runtime.current().services, current_user()
    if services is not None and file.is_file():
        st.download_button(
            text("leaving.export"), lambda: read_export(services, one, user), file.name, "application/zip",
            key=bound_key("leaving_export", one.tenant_id), icon=":material/download:", on_click="ignore",
        )  # fmt: skip
