"""Links to the page of a consent: how a token is made, why a link can be closed, what an answer must be like. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from core.cache.consent_rows import ConsentRecord, Link
from core.name_key import name_key
from core.tenants.contact_rules import ASKED, validity_of

TOKEN_BYTES = 32  # 256 bits
LONGEST_TYPED_NAME, LONGEST_COMMENT = 200, 2_000

Closed = Literal["unknown", "answered", "expired", "revoked", "case_closed", "contact_left"]
DECISIONS = ("given", "refused")


class Fault(NamedTuple):
    """A fault of an answer: its key in the catalogues (`approval.fault.<key>`) and the largest allowed value."""

    key: str
    most: int = 0


def new_token() -> tuple[str, str]:
    """Return (a new token, the hash that is stored of it)."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hash_of(token)


def hash_of(token: str) -> str:
    """Return what is stored of a token; it is random, so that no slow hash is needed."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def closed_because(link: Link, record: ConsentRecord, now: datetime, today: date) -> Closed | None:
    """Return why the link decides nothing (any more); None if it does. `today` is the day for the contact."""
    consent = record.consent
    if consent.state in DECISIONS:
        return "answered"
    if consent.state == "expired" or (consent.state == "asking" and now >= consent.expires_at):
        return "expired"
    if any(item.case_id in record.ended for item in record.items):
        return "case_closed"
    if consent.state != "asking" or not record.all_asking:
        return "revoked"
    contact = record.contacts.get(link.contact_id)
    if contact is None or contact.role not in ASKED or validity_of(contact, today) != "valid":
        return "contact_left"
    return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody has entered: `quantities` are texts by case id, in the order in which they were offered."""

    decision: str
    name: str
    quantities: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""


def faults_of(answer: Answer, offered: Mapping[str, int]) -> dict[str, Fault]:
    """Return what is wrong with an answer: field -> fault; the field of a quantity is the id of its case."""
    faults: dict[str, Fault] = {}
    if answer.decision not in DECISIONS:
        faults["decision"] = Fault("decision_missing")
    if not name_key(answer.name):
        faults["name"] = Fault("name_missing")
    elif len(answer.name) > LONGEST_TYPED_NAME:
        faults["name"] = Fault("name_long", LONGEST_TYPED_NAME)
    if len(answer.comment) > LONGEST_COMMENT:
        faults["comment"] = Fault("comment_long", LONGEST_COMMENT)
    if answer.decision == "given":
        faults |= {
            case_id: Fault("quantity_wrong", most)
            for case_id, most in offered.items()
            if quantity_of(answer, case_id, most) is None
        }
    return faults


def quantity_of(answer: Answer, case_id: str, most: int) -> int | None:
    """Return the quantity that was entered for a case, all that was offered if none was; None if it is not allowed."""
    text = answer.quantities.get(case_id, "").strip()
    if not text:
        return most
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else 0
    return value if 1 <= value <= most else None
