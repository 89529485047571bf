"""Tell a customer that its order is there, once, and take the rating that it may give by the link in that mail.

RatingClosed   nobody can rate by the link (any more); `why` says the reason
RatingFaults   the rating has faults, each with its field
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy import Engine

from core.bounds import bounded_text
from core.cache.case_rows import lock_cases
from core.cache.consent_rows import ConsentRecord, consent_record
from core.cache.contact_rows import Contact
from core.cache.rating_rows import (
    RatingLink,
    add_rating_link,
    delivered_cases,
    delivered_unasked,
    note_rated,
    rating_link,
)
from core.cache.sql import Transaction, transaction
from core.cases.changes import bounded
from core.cases.consent_mail import mail_delivered
from core.cases.consent_rules import LONGEST_COMMENT, Fault, hash_of, new_token
from core.cases.rating_rules import VALID_FOR, Closed, Rating, closed_because, faults_of, stars_of
from core.cases.writing import need_case, write
from core.messages.outbox import mail_channel
from core.roles import Actor
from core.tenants.contact_rules import validity_of

log = logging.getLogger(__name__)

PATH = "/bewertung/"
RECENT = timedelta(days=3)  # what was delivered before gets no mail any more, such as all that an upgrade finds


class Rated(NamedTuple):
    """A link to rate, with the consent that it is about."""

    link: RatingLink
    record: ConsentRecord


class RatingClosed(Exception):
    """Nobody can rate by the link (any more); `rated` is None for an unknown one."""

    def __init__(self, why: Closed, rated: Rated | None = None) -> None:
        super().__init__(why)
        self.why, self.rated = why, rated


class RatingFaults(Exception):
    """The rating has faults: field -> fault."""

    def __init__(self, rated: Rated, faults: Mapping[str, Fault]) -> None:
        super().__init__(*faults)
        self.rated, self.faults = rated, faults


def tell_delivered(engine: Engine, zone: tzinfo, address: str, now: datetime) -> int:
    """Mail whoever has approved that all is there, once for each consent; return how many mails were written.

    Only who was asked by mail is told by mail. Raises DatabaseError, SecretError.
    """
    with transaction(engine) as connection:
        if mail_channel(connection) is None or not _to_tell(connection, zone, now):
            return 0
    with transaction(engine) as connection:
        lock_cases(connection)
        told = sum(_tell(connection, *one, address, now) for one in _to_tell(connection, zone, now))
    if told:
        log.info("%d customers are told that their licences are there", told)
    return told


def _to_tell(connection: Transaction, zone: tzinfo, now: datetime) -> list[tuple[ConsentRecord, Contact]]:
    """Return the consents that nobody was told about yet, each with who has approved and has not left."""
    records = delivered_unasked(connection, now - RECENT)
    known = [(record, _who_approved(record, now, zone)) for record in records]
    return [(record, contact) for record, contact in known if contact is not None]


def _tell(connection: Transaction, record: ConsentRecord, contact: Contact, address: str, now: datetime) -> bool:
    token, token_hash = new_token()
    link = RatingLink(
        record.consent.consent_id, token_hash, contact.contact_id, contact.name, contact.language, now, now + VALID_FOR
    )
    delivered = set(delivered_cases(connection, link.consent_id))
    items = [item for item in record.items if item.case_id in delivered]
    if not mail_delivered(connection, record, contact, items, f"{address}{PATH}{token}", now):
        return False
    add_rating_link(connection, link)
    return True


def _who_approved(record: ConsentRecord, now: datetime, zone: tzinfo) -> Contact | None:
    """Return the contact that has decided, or was asked if staff has recorded its answer; None if it has left."""
    decided = record.decision.contact_id if record.decision else ""
    contact = record.contacts.get(decided or record.links[0].contact_id)
    return contact if contact is not None and validity_of(contact, now.astimezone(zone).date()) == "valid" else None


def look(engine: Engine, token: str, now: datetime, zone: tzinfo) -> Rated:
    """Return what can be rated by the link of a token; it changes nothing. Raises RatingClosed, DatabaseError."""
    with transaction(engine) as connection:
        return _open_link(connection, token, now, zone)


def rate(engine: Engine, token: str, rating: Rating, now: datetime, zone: tzinfo, address: str) -> Rated:
    """Store the rating of whoever has the link in each delivered case, in one transaction: once, whatever comes beside.

    Raises RatingClosed, RatingFaults, DatabaseError.
    """
    look(engine, token, now, zone)  # a guess keeps nobody waiting
    with transaction(engine) as connection:
        lock_cases(connection)
        rated = _open_link(connection, token, now, zone)
        if faults := faults_of(rating):
            raise RatingFaults(rated, faults)
        link = rated.link
        actor = Actor("customer", "", "rating", link.contact_name, bounded_text(address, 64))
        data = {"stars": stars_of(rating), "comment": bounded(rating.comment, LONGEST_COMMENT * 2)}
        for case_id in delivered_cases(connection, link.consent_id):
            write(connection, need_case(connection, case_id), "rated", data, actor, now, who="customer")
        note_rated(connection, link.consent_id, now)
    return rated


def _open_link(connection: Transaction, token: str, now: datetime, zone: tzinfo) -> Rated:
    link = rating_link(connection, hash_of(token))
    record = consent_record(connection, link.consent_id) if link else None
    if link is None or record is None:
        raise RatingClosed("unknown")
    rated, today = Rated(link, record), now.astimezone(zone).date()
    if why := closed_because(link, record, bool(delivered_cases(connection, link.consent_id)), now, today):
        raise RatingClosed(why, rated)
    return rated
