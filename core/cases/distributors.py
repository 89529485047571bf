"""The distributors at which licences are ordered: see, add, change and remove them, and the customers' numbers there.

DistributorRefused   it cannot be stored or found; `faults` has the problem of each field, "" for the whole
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Engine

from core.cache import distributor_rows
from core.cache.audit_rows import Entry
from core.cache.channel_rows import all_channels
from core.cache.distributor_rows import (
    Article,
    CustomerNumber,
    Distributor,
    DistributorChanged,
    NameTaken,
    all_distributors,
    document_of,
    numbers_of,
)
from core.cache.tenant_rows import tenant_rows
from core.cases.distributor_rules import cleaned, faults_of, need_number
from core.name_key import name_key, plain
from core.problems import Problem, ProblemError
from core.roles import Action, Actor

__all__ = ["Article", "CustomerNumber", "Distributor", "DistributorRefused", "distributors", "document_of", "find",
           "keep", "numbers_of", "remove", "set_numbers"]  # fmt: skip

log = logging.getLogger(__name__)

distributors = all_distributors


class DistributorRefused(ProblemError):
    """The distributor cannot be stored or found; `problem` is the first of `faults`."""

    def __init__(self, faults: Mapping[str, Problem]) -> None:
        super().__init__(next(iter(faults.values())))
        self.faults = dict(faults)


def find(engine: Engine, wanted: str) -> Distributor | None:
    """Return the distributor with this name or id, None if there is none."""
    known = all_distributors(engine)
    key = name_key(wanted)
    return next((one for one in known if key in (name_key(one.name), one.distributor_id)), None)


def keep(engine: Engine, actor: Actor, distributor: Distributor) -> Distributor:
    """Add a distributor (version 0), or change the one with its id and version; return it as stored.

    Raises NotAllowed, DistributorRefused, DatabaseError.
    """
    actor.need(Action.DISTRIBUTORS)
    webhooks = {channel.channel_id for channel in all_channels(engine) if channel.kind == "webhook"}
    distributor = cleaned(distributor)
    if faults := faults_of(distributor, webhooks):
        raise DistributorRefused(faults)
    added = not distributor.version
    if added:
        distributor = replace(distributor, distributor_id=uuid4().hex[:12])
    entry = Entry(actor, "distributor.added" if added else "distributor.changed", distributor.name)
    try:
        distributor_rows.store_distributor(engine, distributor, entry, datetime.now(UTC))
    except NameTaken as error:
        raise DistributorRefused({"name": Problem("chosen_name.taken", {"name": distributor.name})}) from error
    except DistributorChanged as error:
        raise _changed(distributor) from error
    log.info("%s saved the distributor %s", actor.shown, distributor.name)
    return replace(distributor, version=distributor.version + 1)


def remove(engine: Engine, actor: Actor, distributor: Distributor) -> None:
    """Remove a distributor; what was ordered there stays. Raises NotAllowed, DistributorRefused, DatabaseError."""
    actor.need(Action.DISTRIBUTORS)
    entry = Entry(actor, "distributor.removed", distributor.name)
    try:
        distributor_rows.delete_distributor(engine, distributor, entry, datetime.now(UTC))
    except DistributorChanged as error:
        raise _changed(distributor) from error
    log.info("%s removed the distributor %s", actor.shown, distributor.name)


def set_numbers(
    engine: Engine, actor: Actor, distributor: Distributor, numbers: Mapping[str, CustomerNumber]
) -> None:  # fmt: skip
    """Store the numbers of these tenants (by tenant id) at the distributor; an empty one is forgotten.

    Raises NotAllowed, DistributorRefused (the field is the tenant id), DatabaseError.
    """
    actor.need(Action.DISTRIBUTORS)
    known = tenant_rows(engine, list(numbers))
    clean = {
        tenant_id: CustomerNumber(plain(one.customer_number), plain(one.cost_centre))
        for tenant_id, one in numbers.items()
    }
    faults = {
        tenant_id: problem
        for tenant_id, one in clean.items()
        if (problem := need_number(one, known=tenant_id in known)) is not None
    }
    if faults:
        raise DistributorRefused(faults)
    entry = Entry(actor, "distributor.numbers", distributor.name)
    try:
        distributor_rows.store_numbers(engine, distributor.distributor_id, clean, entry, datetime.now(UTC))
    except DistributorChanged as error:
        raise _changed(distributor) from error
    log.info("%s changed %d customer numbers at %s", actor.shown, len(numbers), distributor.name)


def _changed(distributor: Distributor) -> DistributorRefused:
    return DistributorRefused({"": Problem("distributor.changed_meanwhile", {"name": distributor.name})})
