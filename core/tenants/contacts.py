"""See, add, change, end and delete the contacts of tenants.

ContactRefused   a contact cannot be stored or found; `faults` has the problem of each field, "" for the whole
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import Engine

from core.cache import contact_rows
from core.cache.audit_rows import Entry
from core.cache.contact_rows import Contact, ContactChanged, ContactGone, TooManyContacts
from core.problems import Problem, ProblemError
from core.roles import Action, Actor
from core.tenants.contact_rules import cleaned, faults_of

log = logging.getLogger(__name__)

MOST_CONTACTS = 100  # of one tenant

Change = Callable[[Contact], Contact]


class ContactRefused(ProblemError):
    """A contact cannot be stored or found; `problem` is the first of `faults`."""

    def __init__(self, faults: Mapping[str, Problem]) -> None:
        super().__init__(next(iter(faults.values())))
        self.faults = faults


class NoSuchContact(ContactRefused):
    """The tenant has no such contact, or there is no such tenant."""


class OtherContact(ContactRefused):
    """Somebody else has changed the contact since the caller read it; it was not changed."""


def contacts_of(engine: Engine, actor: Actor, tenant_id: str) -> list[Contact]:
    """Return the contacts of a tenant in the order in which they were added. Raises NotAllowed, DatabaseError."""
    actor.need(Action.SEE_CONTACTS)
    return contact_rows.contact_rows(engine, [tenant_id])


def all_contacts(engine: Engine, actor: Actor, tenant_ids: Collection[str] | None = None) -> list[Contact]:
    """Return the contacts of these tenants (None: of all). Raises NotAllowed, DatabaseError."""
    actor.need(Action.SEE_CONTACTS)
    return contact_rows.contact_rows(engine, tenant_ids)


def find_contact(engine: Engine, actor: Actor, tenant_id: str, contact_id: str) -> Contact:
    """Return one contact of a tenant. Raises NotAllowed, NoSuchContact, DatabaseError."""
    actor.need(Action.SEE_CONTACTS)
    with _refusals():
        return contact_rows.contact_row(engine, tenant_id, contact_id)


def add(engine: Engine, actor: Actor, contact: Contact, now: datetime) -> tuple[Contact, bool]:
    """Store a new contact; return (it, True), or (the stored one, False) if the tenant has the same already.

    `contact_id` is given here. Raises NotAllowed, ContactRefused, DatabaseError.
    """
    actor.need(Action.CONTACTS)
    new = _checked(replace(contact, contact_id=uuid4().hex[:12]))
    entry = Entry(actor, "contact.added")
    with _refusals():
        stored, added = contact_rows.add_contact(engine, new, entry, now, most=MOST_CONTACTS)
    if added:
        log.info("%s added a contact of tenant %s (%s)", actor.shown, new.tenant_id, new.role)
    return stored, added


def change(
    engine: Engine,
    actor: Actor,
    tenant_id: str,
    contact_id: str,
    changed: Change,
    now: datetime,
    *,
    version: datetime | None = None,
) -> Contact:
    """Store what `changed` makes of the stored contact, and return it.

    `version`: the `changed_at` of the contact that the actor has seen; another one is not overwritten. Raises
    NotAllowed, ContactRefused, DatabaseError.
    """
    actor.need(Action.CONTACTS)

    def checked(stored: Contact) -> Contact:
        return _checked(replace(changed(stored), tenant_id=tenant_id, contact_id=contact_id))

    entry = Entry(actor, "contact.changed")
    with _refusals():
        stored = contact_rows.change_contact(engine, tenant_id, contact_id, checked, entry, now, version)
    log.info("%s changed a contact of tenant %s (%s)", actor.shown, tenant_id, stored.role)
    return stored


def end(engine: Engine, actor: Actor, tenant_id: str, contact_id: str, last_day: date, now: datetime) -> Contact:
    """Let a contact be valid up to and including `last_day`. Raises NotAllowed, ContactRefused, DatabaseError."""
    return change(engine, actor, tenant_id, contact_id, lambda contact: replace(contact, valid_until=last_day), now)


def remove(engine: Engine, actor: Actor, tenant_id: str, contact_id: str, now: datetime) -> Contact:
    """Delete a contact and return it. Raises NotAllowed, NoSuchContact, DatabaseError."""
    actor.need(Action.CONTACTS)
    with _refusals():
        removed = contact_rows.delete_contact(engine, tenant_id, contact_id, Entry(actor, "contact.removed"), now)
    log.info("%s removed a contact of tenant %s (%s)", actor.shown, tenant_id, removed.role)
    return removed


def _checked(contact: Contact) -> Contact:
    """Return the contact as it is stored. Raises ContactRefused with all its faults."""
    contact = cleaned(contact)
    if faults := faults_of(contact):
        raise ContactRefused(faults)
    return contact


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the errors of the table into those of this room."""
    try:
        yield
    except ContactGone as error:
        raise NoSuchContact({"": Problem("contact.gone")}) from error
    except ContactChanged as error:
        raise OtherContact({"": Problem("contact.changed_meanwhile")}) from error
    except TooManyContacts as error:
        raise ContactRefused({"": Problem("contact.too_many", {"most": str(MOST_CONTACTS)})}) from error
