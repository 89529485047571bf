"""Remove a tenant: what happens, and its name to be typed."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.bounds import LONGEST_NAME
from core.leaving.leave import LEAVING_DAYS, start_leaving
from core.roles import Action
from ui import format as fmt
from ui.action_messages import errors_shown, keep_success
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.focus import focus_on
from ui.frame import navigation, visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.onboarding.begin_form import services_or_stop
from ui.row_dialog import close_dialog, confirm_buttons, dialog_subject, open_dialog, show_dialog
from ui.tenant.tenant_header import Tenant
from ui.texts import text

FIRST_TO_FILL = "[class*=st-key-leaving_name] input"  # in CSS


@dataclass(frozen=True, slots=True)
class Leaver:
    """The tenant that is about to be removed."""

    tenant_id: str
    name: str


def leaving_block(tenant: Tenant, view: View) -> None:
    """Show the button to roles that may remove a tenant, and the dialog that it opens."""
    if not current_user().may(Action.LEAVING):
        return
    subject = Leaver(tenant.tenant_id, tenant.name)
    key = bound_key("leaving_ask", tenant.tenant_id)
    st.button(text("leaving.ask"), key=key, icon=":material/delete:", on_click=open_dialog, args=(subject,))
    asked = dialog_subject(Leaver)
    if asked == subject:
        show_dialog(text("leaving.title", tenant=tenant.name), "leaving.ask", lambda: _dialog(view))


def _dialog(view: View) -> None:
    asked = dialog_subject(Leaver)
    if asked is None:
        return
    st.markdown(text("leaving.what", tenant=plain(asked.name), days=LEAVING_DAYS))
    focus_on(FIRST_TO_FILL)
    typed = st.text_input(
        text("leaving.type_name", tenant=plain(asked.name)), key=bound_key("leaving_name", asked.tenant_id),
        max_chars=LONGEST_NAME, autocomplete="off",
    )  # fmt: skip
    if confirm_buttons(text("leaving.now"), bound_key("leaving_now", asked.tenant_id), "leaving_cancel"):
        with errors_shown():
            leaving = start_leaving(services_or_stop(), asked.tenant_id, typed, current_user())
            due = fmt.moment(leaving.due_at, view.language, view.zone)
            keep_success(text("leaving.done", tenant=plain(leaving.name), due=due))
            close_dialog()
            visit.take_newest()
            st.switch_page(navigation.PAGES_BY_ADDRESS[navigation.NEW_TENANT].file)
