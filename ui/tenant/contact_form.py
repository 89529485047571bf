"""The dialog about a contact: see it, add, change, end or delete it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Literal

import streamlit as st
from sqlalchemy import Engine

from core import runtime
from core.bounds import FIRST_YEAR, LAST_YEAR
from core.cache.contact_rows import CONTACT_ROLES, LANGUAGES, Contact
from core.problems import Problem
from core.roles import Action
from core.tenants import contacts
from core.tenants.contact_rules import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PHONE, cleaned, same_address
from core.tenants.contacts import ContactRefused
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.focus import focus_on
from ui.format import DATE_FORMAT
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.problems import reason
from ui.row_dialog import confirm_buttons, dialog_subject, figures, finish_dialog, open_dialog, show_dialog
from ui.tenant.tenant_header import Tenant
from ui.texts import text

FIRST_TO_FILL = "[class*=st-key-contact_name] input"  # in CSS
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
FORMS: tuple[Literal["change", "end", "remove"], ...] = ("change", "end", "remove")


@dataclass(frozen=True, slots=True)
class OpenContact:
    """What the dialog is about: a new contact of a tenant, or one that is shown, changed, ended or deleted.

    `version` is the `changed_at` of the contact whose form was opened.
    """

    kind: Literal["new", "show", "change", "end", "remove"]
    tenant_id: str
    contact_id: str = ""
    version: datetime | None = None


def show_contact_dialog(tenant: Tenant, view: View) -> None:
    """Show the dialog that the reader has opened about a contact of this tenant, if any."""
    form = dialog_subject(OpenContact)
    if form is not None and form.tenant_id == tenant.tenant_id:
        title = text(f"contact.dialog.{form.kind}", tenant=tenant.name)
        show_dialog(title, "contact.title", partial(_dialog, view))


def _dialog(view: View) -> None:
    form = dialog_subject(OpenContact)
    if form is None:
        return
    if form.kind == "new":
        _edit(form, Contact("", form.tenant_id, "", ""), view)
        return
    user = current_user()
    contact = contacts.find_contact(runtime.current().engine, user, form.tenant_id, form.contact_id)
    if form.kind == "show" or not user.may(Action.CONTACTS):
        _show(contact, view)
    elif form.kind == "change":
        _edit(form, contact, view)
    elif form.kind == "end":
        _end(contact, view)
    else:
        _remove(contact)


def _show(contact: Contact, view: View) -> None:
    """Show what is known about the contact, with its buttons for roles that may change it."""
    days = {
        f"contact_{name}": fmt.day(day, view.language) if day else ""
        for name, day in (("from", contact.valid_from), ("until", contact.valid_until))
    }
    figures(
        {
            "contact": contact.name, "contact_role": text(f"contact.role.{contact.role}"), "email": contact.email,
            "phone": contact.phone, "contact_language": text(f"contact.language.{contact.language}"), **days,
        }
    )  # fmt: skip
    if not current_user().may(Action.CONTACTS):
        return
    with st.container(horizontal=True, key="contact_forms"):
        for kind in FORMS:
            form = OpenContact(kind, contact.tenant_id, contact.contact_id, contact.changed_at)
            key = bound_key(f"contact_{kind}", contact.contact_id)
            st.button(text(f"contact.{kind}"), key=key, on_click=open_dialog, args=(form,))


def _edit(form: OpenContact, contact: Contact, view: View) -> None:
    """Show the form of a new contact (without id) or of one that is changed."""
    wanted = _fields(contact, form)
    if form.kind == "new":
        focus_on(FIRST_TO_FILL)
    twin = same_address(cleaned(wanted), contacts.contacts_of(_engine(), current_user(), form.tenant_id))
    if twin is not None:
        st.warning(text("contact.same_address", email=plain(twin.email), name=plain(twin.name)))
    if confirm_buttons(
        text("contact.save"), bound_key("contact_save", form.contact_id, form.version), "contact_cancel"
    ):
        with errors_shown():
            _save(form, wanted)


def _fields(contact: Contact, form: OpenContact) -> Contact:
    """Show the fields; return the contact with their values."""
    name = st.text_input(
        text("column.contact"), contact.name, key=_key("contact_name", form), max_chars=LONGEST_NAME, autocomplete="off"
    )
    with st.container(horizontal=True):
        email = st.text_input(
            text("column.email"), contact.email, key=_key("contact_email", form), max_chars=LONGEST_EMAIL,
            autocomplete="off", width=300,
        )  # fmt: skip
        phone = st.text_input(
            text("column.phone"), contact.phone, key=_key("contact_phone", form), max_chars=LONGEST_PHONE,
            autocomplete="off", width=220,
        )  # fmt: skip
    role = st.radio(
        text("column.contact_role"), CONTACT_ROLES, CONTACT_ROLES.index(contact.role), key=_key("contact_role", form),
        format_func=lambda one: text(f"contact.role.{one}"), horizontal=True, help=text("contact.role_help"),
    )  # fmt: skip
    with st.container(horizontal=True):
        language = st.selectbox(
            text("column.contact_language"), LANGUAGES, LANGUAGES.index(contact.language),
            key=_key("contact_language", form), format_func=lambda one: text(f"contact.language.{one}"), width=180,
        )  # fmt: skip
        first = _day("contact_from", contact.valid_from, form)
        last = _day("contact_until", contact.valid_until, form)
    return replace(
        contact, name=name, email=email, phone=phone, role=role, language=language, valid_from=first, valid_until=last
    )


def _key(name: str, form: OpenContact) -> str:
    return bound_key(name, form.contact_id, form.version)


def _day(name: str, day: date | None, form: OpenContact) -> date | None:
    return st.date_input(
        text(f"column.{name}"), day, key=_key(name, form), format=DATE_FORMAT,
        min_value=FIRST_DAY, max_value=LAST_DAY, width=170, help=text(f"contact.help.{name}"),
    )  # fmt: skip


def _save(form: OpenContact, wanted: Contact) -> None:
    """Store the contact, or show all its faults. Raises ProblemError."""
    user, now = current_user(), datetime.now(UTC)
    try:
        if form.kind == "new":
            stored, added = contacts.add(_engine(), user, wanted, now)
        else:
            contact_id, version = form.contact_id, form.version
            stored = contacts.change(
                _engine(), user, form.tenant_id, contact_id, lambda _: wanted, now, version=version
            )  # fmt: skip
            added = True
    except ContactRefused as error:
        _show_faults(error.faults)
    else:
        finish_dialog(text("contact.saved" if added else "contact.there_already", name=plain(stored.name)))


def _show_faults(faults: Mapping[str, Problem]) -> None:
    for problem in faults.values():
        st.error(plain(reason(problem, "")))


def _end(contact: Contact, view: View) -> None:
    st.markdown(text("contact.end_what", name=plain(contact.name)))
    today = view.today
    key = bound_key("contact_last", contact.contact_id)
    last = st.date_input(text("contact.last_day"), today, key=key, format=DATE_FORMAT, min_value=FIRST_DAY,
                         max_value=LAST_DAY, width=220)  # fmt: skip
    if confirm_buttons(text("contact.end"), bound_key("contact_end_now", contact.contact_id), "contact_cancel"):
        with errors_shown():
            contacts.end(
                _engine(), current_user(), contact.tenant_id, contact.contact_id, last or today, datetime.now(UTC)
            )
            finish_dialog(text("contact.ended", name=plain(contact.name), day=fmt.day(last or today, view.language)))


def _remove(contact: Contact) -> None:
    st.markdown(f"**{text('contact.remove_title', name=plain(contact.name))}**")
    st.markdown(text("contact.remove_what"))
    if confirm_buttons(text("contact.remove"), bound_key("contact_remove_now", contact.contact_id), "contact_cancel"):
        with errors_shown():
            contacts.remove(_engine(), current_user(), contact.tenant_id, contact.contact_id, datetime.now(UTC))
            finish_dialog(text("contact.removed", name=plain(contact.name)))


def _engine() -> Engine:
    return runtime.current().engine
