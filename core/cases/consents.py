"""Ask a customer for consent, and record one that was given by phone or mail.

A question is bound to its cases (those of a bundle are one question), to a contact and to a text. It waits until it is
answered, has expired, or one of its cases is asked anew or goes on without it (`core.cases.storing` revokes it then).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Engine

from core.cache.case_rows import Case, bundled_cases, cases_of_bundle
from core.cache.catalogue import load_catalogue
from core.cache.consent_rows import Consent, Item, Link, add_consent, customer_of
from core.cache.contact_rows import Contact
from core.cache.sql import Transaction, transaction
from core.cases.changes import bounded, need_quantity
from core.cases.consent_mail import mail_link
from core.cases.consent_rules import new_token
from core.cases.consent_text import OfferedText, offered_text
from core.cases.writing import CaseRefused, need_case, need_readable, write
from core.licenses.skus import Catalogue
from core.messages.outbox import mail_channel
from core.problems import Problem
from core.roles import Action, Actor
from core.tenants.contact_rules import ASKED, validity_of

VALID_FOR = timedelta(days=14)
ASKABLE = ("open", "asked", "approved")
LONGEST_OFFER, LONGEST_REASON = 200, 500
PATH = "/freigabe/"


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer is asked: `quantities` by case id; a case without one is asked for what it wants."""

    contact_id: str
    quantities: Mapping[str, int] = field(default_factory=dict)
    price: str = ""
    term: str = ""
    reason: str = ""


class Asked(NamedTuple):
    """A question that was asked; `url` is shown this once, the database has only its hash."""

    consent: Consent
    items: Sequence[Item]
    text: OfferedText
    contact: Contact
    url: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question before it is written."""

    consent: Consent
    items: Sequence[Item]
    cases: Sequence[Case]
    contact: Contact
    text: OfferedText


def preview(
    engine: Engine, actor: Actor, case_id: str, question: Question, now: datetime, zone: tzinfo
) -> OfferedText:  # fmt: skip
    """Return the text of a question without asking it. Raises as `ask`."""
    actor.need(Action.CASES)
    catalogue = load_catalogue(engine)[0]
    with transaction(engine) as connection:
        case = need_readable(connection, case_id)
        cases = asked_together(case, bundled_cases(connection, case.bundle_id))
        return _draft(connection, actor, cases, question, now, zone, catalogue).text


def can_mail(engine: Engine) -> bool:
    """Return True if a mail server for customers is set up. Raises DatabaseError."""
    with transaction(engine) as connection:
        return mail_channel(connection) is not None


def ask(
    engine: Engine, actor: Actor, case_id: str, question: Question, now: datetime, zone: tzinfo, *,
    address: str, send: bool = False, expected: int | None = None,
) -> Asked:  # fmt: skip
    """Ask the customer about a case and those that are joined with it; an earlier question of theirs is revoked.

    `address`: the public one of this server. `send`: mail the link, else it is shown to be handed over. Raises
    NotAllowed, LetterFaults, SecretError, DatabaseError, and the errors of `core.cases.writing`.
    """
    actor.need(Action.CASES)
    catalogue = load_catalogue(engine)[0]
    token, token_hash = new_token()
    with transaction(engine) as connection:
        case = need_case(connection, case_id, expected)
        cases = asked_together(case, cases_of_bundle(connection, case.bundle_id))
        draft = _draft(connection, actor, cases, question, now, zone, catalogue)
        draft = replace(draft, consent=replace(draft.consent, channel="mail" if send else "link"))
        link, url = _link(draft, token_hash, now), link_url(address, token)
        _write_asked(connection, draft, actor, now)
        add_consent(connection, draft.consent, draft.items, [link])
        if send and not mail_link(connection, draft.consent, link, url, 0, now, zone):
            raise CaseRefused(Problem("approval.no_mail_server"))
    return Asked(draft.consent, draft.items, draft.text, draft.contact, url)


def link_url(address: str, token: str) -> str:
    """Return the address of the page for this token."""
    return f"{address}{PATH}{token}"


def _draft(
    connection: Transaction, actor: Actor, cases: Sequence[Case], question: Question, now: datetime, zone: tzinfo,
    catalogue: Catalogue,
) -> _Draft:  # fmt: skip
    case = cases[0]
    customer, contacts = customer_of(connection, case.tenant_id)
    contact = next((one for one in contacts if one.contact_id == question.contact_id), None)
    if contact is None or contact.role not in ASKED or validity_of(contact, now.astimezone(zone).date()) != "valid":
        raise CaseRefused(Problem("approval.no_contact", {"number": case.number}))
    consent = Consent(
        uuid4().hex, case.tenant_id, "asking", "link", actor.name, actor.shown, now, now + VALID_FOR,
        bounded(question.price, LONGEST_OFFER), bounded(question.term, LONGEST_OFFER),
        bounded(question.reason, LONGEST_REASON),
    )  # fmt: skip
    items = items_of(consent, cases, question.quantities, catalogue, contact.language)
    return _Draft(consent, items, cases, contact, offered_text(connection, consent, items, contact, customer, zone))


def asked_together(case: Case, joined: Sequence[Case]) -> list[Case]:
    """Return the case and those `joined` in its bundle that can be asked for, by number. Raises CaseRefused."""
    if case.state not in ASKABLE:
        raise CaseRefused(Problem(f"case.not_possible.{case.state}", {"number": case.number, "kind": "asked"}))
    return [one for one in joined if one.state in ASKABLE] or [case]


def items_of(
    consent: Consent, cases: Sequence[Case], quantities: Mapping[str, int], catalogue: Catalogue, language: str
) -> list[Item]:  # fmt: skip
    """Return what is asked for, a line for each case. Raises CaseRefused."""
    return [
        Item(
            consent.consent_id,
            case.case_id,
            catalogue.product(case.sku_id, case.sku_part_number).name(language),
            need_quantity(quantities.get(case.case_id, case.quantity)),
        )
        for case in cases
    ]


def _write_asked(connection: Transaction, draft: _Draft, actor: Actor, now: datetime) -> None:
    consent = draft.consent
    for case, item in zip(draft.cases, draft.items, strict=True):
        data = {
            "quantity": item.quantity, "consent_id": consent.consent_id, "contact": draft.contact.name,
            "channel": consent.channel, "price": consent.price, "term": consent.term, "reason": consent.reason,
            "expires_at": consent.expires_at.isoformat(),
        }  # fmt: skip
        write(connection, case, "asked", data, actor, now)


def _link(draft: _Draft, token_hash: str, now: datetime) -> Link:
    contact = draft.contact
    return Link(
        token_hash, draft.consent.consent_id, contact.contact_id, contact.name, contact.email, contact.language,
        "ask", *draft.text, now,
    )  # fmt: skip
