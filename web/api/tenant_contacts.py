"""GET, POST, PATCH and DELETE /tenants/{tenantId}/contacts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from core.cache import contact_rows
from core.problems import Problem
from core.roles import Action
from core.tenants import contacts
from core.tenants.contact_rules import same_address
from web.api.authentication import BASE
from web.api.call import Caller, Context, InProcess, ThisCall, failures, meta, pagination, part
from web.api.contact_models import Contact, ContactChange, NewContact, StoredContact
from web.api.envelope import Answer, PageAnswer
from web.api.models import ProblemText
from web.api.queries import Paged, WithoutParameters
from web.api.tenants import TenantId, find_tenant

router = APIRouter(tags=["contacts"])
ContactId = Annotated[str, Path(alias="contactId", pattern="^[0-9a-f]{12}$")]
ADDRESS, ONE = "/tenants/{tenantId}/contacts", "/tenants/{tenantId}/contacts/{contactId}"
LOCATION = {"Location": {"description": "Where the contact is.", "schema": {"type": "string"}, "required": True}}


class ContactPage(PageAnswer[Contact]):
    pass


class ContactAnswer(Answer[Contact]):
    pass


class StoredAnswer(Answer[StoredContact]):
    pass


@router.get(ADDRESS, responses=failures(403, 404), summary="Contacts of a tenant")
def contacts_of_tenant(
    tenant_id: TenantId, query: Annotated[Paged, Query()], context: InProcess, call: ThisCall, caller: Caller
) -> ContactPage:
    """Needs the role support. The first added comes first, also those that have ended or are to come."""
    caller.need(Action.SEE_CONTACTS)
    stored = contacts.contacts_of(context.runtime().engine, caller, _tenant(context, tenant_id))
    data = [Contact.of(one, context.today()) for one in stored[part(query)]]
    return ContactPage(data=data, pagination=pagination(query, len(stored)), meta=meta(call))


@router.get(ONE, responses=failures(403, 404), summary="One contact")
def contact(
    tenant_id: TenantId, contact_id: ContactId, _query: WithoutParameters, context: InProcess, call: ThisCall,
    caller: Caller,
) -> ContactAnswer:  # fmt: skip
    """Needs the role support."""
    caller.need(Action.SEE_CONTACTS)
    stored = contacts.find_contact(context.runtime().engine, caller, _tenant(context, tenant_id), contact_id)
    return ContactAnswer(data=Contact.of(stored, context.today()), meta=meta(call))


@router.post(
    ADDRESS, status_code=201, summary="Add a contact",
    responses={201: {"headers": LOCATION}, 200: {"headers": LOCATION, "model": StoredAnswer, "description": "There."},
               **failures(400, 403, 404, 409, 413, 415)},
)  # fmt: skip
def add_contact(
    tenant_id: TenantId, new: NewContact, _query: WithoutParameters, context: InProcess, call: ThisCall, caller: Caller,
    response: Response,
) -> StoredAnswer:  # fmt: skip
    """Needs the role admin. The same contact is not added twice: then the status is 200."""
    caller.need(Action.CONTACTS)
    engine, id_ = context.runtime().engine, _tenant(context, tenant_id)
    stored, added = contacts.add(
        engine, caller, contact_rows.Contact("", id_, **new.model_dump()), datetime.now(UTC)
    )  # fmt: skip
    response.status_code = 201 if added else 200
    response.headers["Location"] = f"{BASE}/tenants/{id_}/contacts/{stored.contact_id}"
    return _stored_answer(stored, context, call, caller)


@router.patch(ONE, responses=failures(400, 403, 404, 409, 413, 415), summary="Change a contact")
def change_contact(
    tenant_id: TenantId, contact_id: ContactId, change: ContactChange, _query: WithoutParameters, context: InProcess,
    call: ThisCall, caller: Caller,
) -> StoredAnswer:  # fmt: skip
    """Needs the role admin. To end a contact set `until`, to open its end again set it to null."""
    caller.need(Action.CONTACTS)
    given = change.model_dump(exclude_unset=True)
    stored = contacts.change(
        context.runtime().engine, caller, _tenant(context, tenant_id), contact_id,
        lambda one: replace(one, **given), datetime.now(UTC),
    )  # fmt: skip
    return _stored_answer(stored, context, call, caller)


@router.delete(ONE, responses=failures(403, 404), summary="Delete a contact")
def remove_contact(
    tenant_id: TenantId, contact_id: ContactId, _query: WithoutParameters, context: InProcess, call: ThisCall,
    caller: Caller,
) -> ContactAnswer:  # fmt: skip
    """Needs the role admin. Answers with the contact as it was; it stays in the audit alone."""
    caller.need(Action.CONTACTS)
    engine, id_ = context.runtime().engine, _tenant(context, tenant_id)
    removed = contacts.remove(engine, caller, id_, contact_id, datetime.now(UTC))
    return ContactAnswer(data=Contact.of(removed, context.today()), meta=meta(call))


def _tenant(context: Context, name: str) -> str:
    """Return the id of the tenant. Raises ApiError."""
    return str(find_tenant(context.figures(), name)["tenant_id"])


def _stored_answer(
    stored: contact_rows.Contact, context: Context, call: ThisCall, caller: Caller
) -> StoredAnswer:  # fmt: skip
    """Return the stored contact, with a warning if another one has the same address and role."""
    twin = same_address(stored, contacts.contacts_of(context.runtime().engine, caller, stored.tenant_id))
    warnings = []
    if twin is not None:
        problem = Problem("contact.same_address", {"email": twin.email, "name": twin.name})
        warnings.append(ProblemText(code=problem.code, message=problem.text(call.language)))
    return StoredAnswer(data=StoredContact.of(stored, context.today(), warnings=warnings), meta=meta(call))
