"""The contacts of a tenant: who is asked for a consent today, the table, and the downloads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import streamlit as st

from core import runtime
from core.cache.contact_rows import CONTACT_ROLES, Contact
from core.roles import Action
from core.tenants.contact_rules import approvers, validity_of
from core.tenants.contacts import contacts_of
from ui import format as fmt
from ui.action_messages import errors_shown, show_success
from ui.escaping import plain
from ui.frame import url
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import open_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.tables.license_table import section
from ui.tenant.contact_form import OpenContact, show_contact_dialog
from ui.tenant.tenant_header import Tenant
from ui.texts import text

KINDS: dict[str, Kind] = {
    "contact": "open", "contact_role": "text", "email": "text", "phone": "text", "contact_language": "text",
    "contact_validity": "text",
}  # fmt: skip
ORDER = ("valid", "coming", "ended")


def contacts_block(tenant: Tenant, view: View) -> None:
    """Show the contacts to roles that may see them, with a button for a new one to those that may change them."""
    user, wanted = current_user(), st.query_params.pop(url.CONTACT, "")
    if not user.may(Action.SEE_CONTACTS):
        return
    with errors_shown():
        contacts = in_order(contacts_of(runtime.current().engine, user, tenant.tenant_id), view.today)
        section(
            text("contact.title"), len(contacts), lambda: contact_export(contacts, view), f"kontakte-{tenant.slug}",
            lambda: _add_button(tenant, may_change=user.may(Action.CONTACTS)),
        )  # fmt: skip
        show_success()
        st.markdown(_who_is_asked(contacts, view))
        if contacts:
            _table(contacts, tenant, view)
        if any(one.contact_id == wanted for one in contacts):  # of a link
            open_dialog(OpenContact("show", tenant.tenant_id, wanted))
        show_contact_dialog(tenant, view)


def in_order(contacts: Sequence[Contact], day: date) -> list[Contact]:
    """Return the contacts as the table has them: valid ones first, each by role, then as they were added."""
    return sorted(contacts, key=lambda one: (ORDER.index(validity_of(one, day)), CONTACT_ROLES.index(one.role)))


def _add_button(tenant: Tenant, *, may_change: bool) -> None:
    if may_change:
        new = OpenContact("new", tenant.tenant_id)
        st.button(text("contact.add"), key="contact_add", icon=":material/add:", on_click=open_dialog, args=(new,))


def _who_is_asked(contacts: Sequence[Contact], view: View) -> str:
    """Return the sentence about whom a consent would be asked of today."""
    first = next(iter(approvers(contacts, view.today)), None)
    if first is None:
        return text("contact.nobody_asked")
    return text("contact.asked_substitute" if first.role == "substitute" else "contact.asked", name=plain(first.name))


def _table(contacts: Sequence[Contact], tenant: Tenant, view: View) -> None:
    rows = [Row(one.contact_id, _cells(one, view)) for one in contacts]
    name = text("contact.of", tenant=tenant.name)
    clicked = show_whole_table(f"contacts_{tenant.slug}", name, titled_columns(KINDS), rows)
    if clicked is not None:
        open_dialog(OpenContact("show", tenant.tenant_id, clicked))


def _cells(contact: Contact, view: View) -> list[object]:
    role = text(f"contact.role.{contact.role}")
    return [
        {"text": contact.name, "label": f"{contact.name}, {role}, {contact.email}"}, role, contact.email,
        contact.phone, text(f"contact.language.{contact.language}"), validity_words(contact, view),
    ]  # fmt: skip


def validity_words(contact: Contact, view: View) -> str:
    """Return when the contact counts: "gültig", "gültig bis 31.12.2027", "ab 1.2.2027", "beendet am 1.1.2027"."""
    start, last = (fmt.day(day, view.language) if day else "" for day in (contact.valid_from, contact.valid_until))
    match validity_of(contact, view.today), bool(last):
        case "ended", _:
            return text("contact.ended_on", day=last)
        case "coming", True:
            return text("contact.from_until", start=start, last=last)
        case "coming", False:
            return text("contact.from_day", day=start)
        case _, True:
            return text("contact.valid_until_day", day=last)
    return text("contact.state.valid")


def contact_export(contacts: Sequence[Contact], view: View) -> pa.Table:
    """Return the contacts as a file has them, with words in the reader's language."""
    day = view.today
    texts: dict[str, list[str]] = {
        "contact": [one.name for one in contacts],
        "contact_role": [text(f"contact.role.{one.role}") for one in contacts],
        "email": [one.email for one in contacts],
        "phone": [one.phone for one in contacts],
        "contact_language": [text(f"contact.language.{one.language}") for one in contacts],
        "contact_validity": [text(f"contact.state.{validity_of(one, day)}") for one in contacts],
    }
    days = {
        "contact_from": [one.valid_from for one in contacts],
        "contact_until": [one.valid_until for one in contacts],
    }
    columns = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    return pa.table(columns | {name: pa.array(values, pa.date32()) for name, values in days.items()})
