"""The text of a question to a customer: what its template may use, and how it reads in the contact's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from core.cache.consent_rows import Consent, Item
from core.cache.contact_rows import Contact
from core.cache.sql import Transaction
from core.cases.consent_templates import letter_in, rendered
from core.customer_texts import customer_day


class OfferedText(NamedTuple):
    """A text as the customer gets it."""

    subject: str
    body: str


def offered_text(
    connection: Transaction, consent: Consent, items: Sequence[Item], contact: Contact, customer: str, zone: tzinfo
) -> OfferedText:
    """Return the text for this contact by the template in force. Raises LetterFaults."""
    letter = letter_in(connection, contact.language)
    return OfferedText(*rendered(letter, values_of(consent, items, contact, customer, zone)))


def values_of(
    consent: Consent, items: Sequence[Item], contact: Contact, customer: str, zone: tzinfo
) -> dict[str, Any]:  # fmt: skip
    """Return the variables of the template."""
    return {
        "customer": customer,
        "contact": contact.name,
        "items": [{"quantity": item.quantity, "product": item.product} for item in items],
        "product": items[0].product,
        "quantity": items[0].quantity,
        "summary": summary_of(items),
        "price": consent.price,
        "term": consent.term,
        "reason": consent.reason,
        "valid_until": customer_day(consent.expires_at, contact.language, zone),
        "sender": consent.asked_by_name,
    }


def summary_of(items: Sequence[Item]) -> str:
    """Return what is offered in one line."""
    return ", ".join(f"{item.quantity} × {item.product}" for item in items)


def sample_values(language: str, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Return values with which a template is checked and previewed."""
    consent = Consent("", "", "asking", "mail", "anna", "A. Muster", now, now, "CHF 5.10", "12", "3")
    items = [Item("", "1", "Microsoft 365 A3", 5), Item("", "2", "Power BI Pro", 2)]
    return values_of(consent, items, Contact("", "", "P. Beispiel", "", language=language), "Primarschule", zone)
