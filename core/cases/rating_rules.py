"""What a rating must be like, and why a link to rate can be closed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from core.cache.consent_rows import ConsentRecord
from core.cache.rating_rows import RatingLink
from core.cases.consent_rules import LONGEST_COMMENT, Fault
from core.tenants.contact_rules import validity_of

STARS = (1, 2, 3, 4, 5)
VALID_FOR = timedelta(days=30)

Closed = Literal["unknown", "rated", "expired", "open_again", "contact_left"]


@dataclass(frozen=True, slots=True)
class Rating:
    """What somebody has entered; `stars` is a text."""

    stars: str = ""
    comment: str = ""


def stars_of(rating: Rating) -> int | None:
    """Return the number of stars, None if it is none of STARS."""
    return next((stars for stars in STARS if rating.stars == str(stars)), None)


def faults_of(rating: Rating) -> dict[str, Fault]:
    """Return what is wrong with a rating: field -> fault."""
    faults: dict[str, Fault] = {}
    if stars_of(rating) is None:
        faults["stars"] = Fault("stars_missing")
    if len(rating.comment) > LONGEST_COMMENT:
        faults["comment"] = Fault("comment_long", LONGEST_COMMENT)
    return faults


def closed_because(
    link: RatingLink, record: ConsentRecord, is_delivered: bool, now: datetime, today: date
) -> Closed | None:
    """Return why nobody can rate by the link (any more); None if one can. `today` is the day for the contact."""
    if link.rated_at is not None:
        return "rated"
    if now >= link.expires_at:
        return "expired"
    if not is_delivered:
        return "open_again"
    contact = record.contacts.get(link.contact_id)
    return None if contact is not None and validity_of(contact, today) == "valid" else "contact_left"
