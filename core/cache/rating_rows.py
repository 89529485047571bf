"""Table of the links by which customers may rate how an order went; all is written while `lock_cases` is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, exists, insert, select, update

from core.cache.consent_rows import ConsentRecord, consent_record
from core.cache.schema import cases, consent_items, consents, rating_links
from core.cache.tenant_rows import HIDDEN


@dataclass(frozen=True, slots=True)
class RatingLink:
    """Who was asked to rate what a consent has led to; the token itself is not kept."""

    consent_id: str
    token_hash: str
    contact_id: str
    contact_name: str
    language: str
    made_at: datetime
    expires_at: datetime
    rated_at: datetime | None = None


def delivered_unasked(connection: Connection, since: datetime) -> list[ConsentRecord]:
    """Return the consents that a customer has given by a mailed link and nobody was asked to rate, once all is done.

    Done: each of their cases has ended, one that was delivered not before `since`. Not those of hidden tenants.
    """
    mine = select(cases.c.case_id).join(consent_items, consent_items.c.case_id == cases.c.case_id)
    open_case = mine.where(consent_items.c.consent_id == consents.c.consent_id, cases.c.closed_at.is_(None))
    query = (
        select(consents.c.consent_id)
        .join(consent_items, consent_items.c.consent_id == consents.c.consent_id)
        .join(cases, cases.c.case_id == consent_items.c.case_id)
        .outerjoin(rating_links, rating_links.c.consent_id == consents.c.consent_id)
        .where(cases.c.closed_at >= since, cases.c.outcome == "delivered", consents.c.state == "given")
        .where(consents.c.channel == "mail", rating_links.c.consent_id.is_(None), ~exists(open_case))
        .where(consents.c.tenant_id.not_in(HIDDEN))
        .distinct()
        .order_by(consents.c.consent_id)
    )
    records = (consent_record(connection, consent_id) for consent_id in connection.execute(query).scalars().all())
    return [record for record in records if record is not None]


def delivered_cases(connection: Connection, consent_id: str) -> Sequence[str]:
    """Return the ids of the cases of a consent that were delivered."""
    of_consent = select(consent_items.c.case_id).where(consent_items.c.consent_id == consent_id)
    query = select(cases.c.case_id).where(cases.c.case_id.in_(of_consent), cases.c.outcome == "delivered")
    return connection.execute(query.order_by(cases.c.case_id)).scalars().all()


def add_rating_link(connection: Connection, link: RatingLink) -> None:
    connection.execute(insert(rating_links), asdict(link))


def rating_link(connection: Connection, token_hash: str) -> RatingLink | None:
    """Return the link with this hash; None if there is none, or if its tenant leaves."""
    columns = [rating_links.c[one.name] for one in fields(RatingLink)]
    query = select(*columns).join(consents).where(rating_links.c.token_hash == token_hash)
    row = connection.execute(query.where(consents.c.tenant_id.not_in(HIDDEN))).first()
    return None if row is None else RatingLink(*row)


def note_rated(connection: Connection, consent_id: str, at: datetime) -> None:
    connection.execute(update(rating_links).where(rating_links.c.consent_id == consent_id).values(rated_at=at))
