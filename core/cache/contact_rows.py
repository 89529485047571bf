"""Table of the contacts: people at a customer who are asked for a consent or told something."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import contacts, tenants
from core.cache.sql import of_tenants, transaction

Language = Literal["de", "fr", "it", "en"]
Role = Literal["approver", "substitute", "information"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
CONTACT_ROLES: tuple[Role, ...] = get_args(Role)  # in the order in which they are asked and shown


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a customer. The days `valid_from` and `valid_until` belong to the time in which it counts.

    None as `valid_from` is always, as `valid_until` without end. `changed_at` is the version of the row.
    """

    contact_id: str
    tenant_id: str
    name: str
    email: str
    phone: str = ""
    language: str = "de"
    role: str = "approver"
    valid_from: date | None = None
    valid_until: date | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None


class ContactGone(Exception):
    """The tenant has no such contact (any more), or there is no such tenant."""


class ContactChanged(Exception):
    """Somebody else has changed the contact since it was read; nothing was changed."""


class TooManyContacts(Exception):
    """The tenant has the largest allowed number of contacts."""


def contact_rows(engine: Engine, tenant_ids: Collection[str] | None = None) -> list[Contact]:
    """Return the contacts of these tenants (None: of all), those of a tenant in the order in which they were added."""
    query = of_tenants(select(contacts), contacts, tenant_ids)
    ordered = query.order_by(contacts.c.tenant_id, contacts.c.created_at, contacts.c.contact_id)
    with transaction(engine) as connection:
        return [Contact(**row) for row in connection.execute(ordered).mappings()]


def contact_row(engine: Engine, tenant_id: str, contact_id: str) -> Contact:
    """Return one contact of a tenant. Raises ContactGone."""
    with transaction(engine) as connection:
        return _stored(connection, tenant_id, contact_id)


def add_contact(
    engine: Engine, new: Contact, entry: Entry, at: datetime, *, most: int
) -> tuple[Contact, bool]:  # fmt: skip
    """Store a contact; return (it, True), or (the stored one, False) if the tenant has one with the same values.

    `entry.target` gets the name of the tenant. Raises ContactGone if there is no such tenant, TooManyContacts.
    """
    with transaction(engine) as connection:
        tenant = _locked_tenant(connection, new.tenant_id)
        same = select(contacts).where(*(contacts.c[name] == value for name, value in _values(new).items()))
        if row := connection.execute(same).mappings().first():
            return Contact(**row), False
        count = select(func.count()).where(contacts.c.tenant_id == new.tenant_id)
        if connection.execute(count).scalar_one() >= most:
            raise TooManyContacts
        values = asdict(new) | {"created_at": at, "changed_at": at}
        connection.execute(insert(contacts).values(values))
        append(connection, _about(entry, tenant, new).changed(None, document_of(new)), at)
    return Contact(**values), True


def change_contact(
    engine: Engine,
    tenant_id: str,
    contact_id: str,
    changed: Callable[[Contact], Contact],
    entry: Entry,
    at: datetime,
    version: datetime | None = None,
) -> Contact:
    """Store what `changed` makes of the stored contact, and return it; a contact that stays the same is not written.

    `version`: the `changed_at` that the caller has seen, None for any. `changed` may raise. Raises ContactGone,
    ContactChanged.
    """
    with transaction(engine) as connection:
        tenant = _locked_tenant(connection, tenant_id)
        before = _stored(connection, tenant_id, contact_id)
        if version not in (None, before.changed_at):
            raise ContactChanged
        after = changed(before)
        if _values(after) == _values(before):
            return before
        where = contacts.c.contact_id == contact_id
        connection.execute(update(contacts).where(where).values(**_values(after), changed_at=at))
        append(connection, _about(entry, tenant, before).changed(document_of(before), document_of(after)), at)
        return _stored(connection, tenant_id, contact_id)


def delete_contact(engine: Engine, tenant_id: str, contact_id: str, entry: Entry, at: datetime) -> Contact:
    """Delete a contact and return it. Raises ContactGone."""
    with transaction(engine) as connection:
        tenant = _locked_tenant(connection, tenant_id)
        before = _stored(connection, tenant_id, contact_id)
        connection.execute(delete(contacts).where(contacts.c.contact_id == contact_id))
        append(connection, _about(entry, tenant, before).changed(document_of(before), None), at)
    return before


def document_of(contact: Contact) -> dict[str, Any]:
    """Return the fields of a contact for the audit, without empty ones, under the names that it has for them."""
    values = {
        "name": contact.name, "email": contact.email, "phone": contact.phone, "language": contact.language,
        "contact_role": contact.role, "from": contact.valid_from, "until": contact.valid_until,
    }  # fmt: skip
    return {name: str(value) for name, value in values.items() if value}


def _values(contact: Contact) -> dict[str, Any]:
    """Return what a person has entered."""
    return {
        name: value for name, value in asdict(contact).items() if name not in ("contact_id", "created_at", "changed_at")
    }


def _about(entry: Entry, tenant: str, contact: Contact) -> Entry:
    return replace(entry, target=f"{tenant}: {contact.name}")


def _locked_tenant(connection: Connection, tenant_id: str) -> str:
    """Return the name of a tenant and lock it until the transaction ends, so that its contacts change one by one.

    Raises ContactGone.
    """
    touched = update(tenants).where(tenants.c.tenant_id == tenant_id).values(tenant_id=tenants.c.tenant_id)
    name = connection.execute(touched.returning(tenants.c.name)).scalar()
    if name is None:
        raise ContactGone
    return str(name)


def _stored(connection: Connection, tenant_id: str, contact_id: str) -> Contact:
    where = (contacts.c.contact_id == contact_id, contacts.c.tenant_id == tenant_id)
    row = connection.execute(select(contacts).where(*where)).mappings().first()
    if row is None:
        raise ContactGone
    return Contact(**row)
