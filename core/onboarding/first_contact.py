"""Store the contact that was given with a new tenant, once the cache knows the tenant."""

from __future__ import annotations

from core.name_key import name_key
from core.onboarding.job import Job
from core.onboarding.request import contact_faults
from core.problems import Problem
from core.tenants.contact_rules import contact_in_line
from core.tenants.contacts import ContactRefused, add, contacts_of
from core.text_files import shown


def store_contact(job: Job) -> None:
    """Store the contact of the onboarding, unless the tenant has one with this address; the log says how it ended.

    It never keeps an onboarding from going on: one of an earlier version may have any text here. Raises DatabaseError.
    """
    new, engine = job.onboarding, job.services.engine
    if not new.contact:
        return
    contact = contact_in_line(new.tenant_id, new.contact)
    if name_key(contact.email) in {name_key(one.email) for one in contacts_of(engine, job.actor, new.tenant_id)}:
        return
    try:
        add(engine, job.actor, contact, job.services.now())
    except ContactRefused as error:
        job.log("list", next(contact_faults(new.name, new.contact), error.problem))
    else:
        job.log("list", Problem("onboarding.contact_added", job.names | {"contact": shown(contact.name)}))
