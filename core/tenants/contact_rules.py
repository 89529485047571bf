"""What a contact must be like, and which contact is asked for a consent. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from core.bounds import FIRST_YEAR, LAST_YEAR
from core.cache.contact_rows import CONTACT_ROLES, LANGUAGES, Contact
from core.name_key import name_key, plain
from core.problems import Problem
from core.text_files import shown

LONGEST_NAME, LONGEST_EMAIL = 200, 254  # RFC 5321 allows 254 for an address
FEWEST_DIGITS, MOST_DIGITS = 5, 15  # E.164 allows 15
LONGEST_PHONE = 40
ASKED = ("approver", "substitute")  # roles that are asked for a consent, in this order

_PHONE = re.compile(r"\+?[0-9 ()/.-]+")

Validity = Literal["coming", "valid", "ended"]


def faults_of(contact: Contact) -> dict[str, Problem]:
    """Return the faults of a contact in its stored form (`cleaned`): field -> problem; {} if it can be stored."""
    faults = {
        "name": _name_fault(contact.name),
        "email": _email_fault(contact.email),
        "phone": _phone_fault(contact.phone),
        "language": _choice_fault("language", contact.language, LANGUAGES),
        "role": _choice_fault("role", contact.role, CONTACT_ROLES),
        "valid_from": _day_fault(contact.valid_from),
        "valid_until": _day_fault(contact.valid_until) or _end_fault(contact),
    }
    return {field: problem for field, problem in faults.items() if problem is not None}


def cleaned(contact: Contact) -> Contact:
    """Return the contact in the form in which it is stored: without blanks and signs that nobody sees.

    What cannot be cleaned stays as it is; `faults_of` then says why.
    """
    phone = " ".join(unicodedata.normalize("NFKC", contact.phone[: LONGEST_PHONE * 2]).split())
    return replace(contact, name=plain(contact.name), email=_address(contact.email), phone=phone)


def _address(text: str) -> str:
    """Return an e-mail address in its normal form, the text itself if it is none."""
    text = text.strip(" \t\u00a0")
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return text


def _name_fault(name: str) -> Problem | None:
    if not name_key(name):
        return Problem("contact.name_missing")
    if not name.isprintable():
        return Problem("contact.name_signs")
    return Problem("contact.name_long", {"most": str(LONGEST_NAME)}) if len(name) > LONGEST_NAME else None


def _email_fault(email: str) -> Problem | None:
    if not email:
        return Problem("contact.email_missing")
    try:
        address = validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        return Problem("contact.email_wrong", {"value": shown(email)}, str(error))
    return Problem("contact.email_wrong", {"value": shown(email)}) if len(address) > LONGEST_EMAIL else None


def _phone_fault(phone: str) -> Problem | None:
    if not phone:
        return None
    digits = sum(map(str.isdecimal, phone))
    fits = len(phone) <= LONGEST_PHONE and FEWEST_DIGITS <= digits <= MOST_DIGITS
    return None if fits and _PHONE.fullmatch(phone) else Problem("contact.phone_wrong", {"value": shown(phone)})


def _choice_fault(field: str, value: str, choices: Iterable[str]) -> Problem | None:
    if value in choices:
        return None
    return Problem(f"contact.{field}_wrong", {"value": shown(value) or "–", "choices": ", ".join(choices)})


def _day_fault(day: date | None) -> Problem | None:
    if day is None or FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    return Problem("contact.day_wrong", {"first": str(FIRST_YEAR), "last": str(LAST_YEAR)})


def _end_fault(contact: Contact) -> Problem | None:
    if contact.valid_from is None or contact.valid_until is None or contact.valid_from <= contact.valid_until:
        return None
    return Problem("contact.ends_first", {"first": f"{contact.valid_from}", "last": f"{contact.valid_until}"})


def validity_of(contact: Contact, day: date) -> Validity:
    """Return whether the contact is still to come, valid or ended on that day."""
    if contact.valid_from is not None and day < contact.valid_from:
        return "coming"
    return "ended" if contact.valid_until is not None and contact.valid_until < day else "valid"


def same_address(contact: Contact, others: Iterable[Contact]) -> Contact | None:
    """Return another contact of the tenant with the same e-mail and role that is valid at the same time, if any."""
    for other in others:
        if (
            other.contact_id != contact.contact_id
            and (other.tenant_id, other.role) == (contact.tenant_id, contact.role)
            and name_key(other.email) == name_key(contact.email)
            and _starts_by(other, contact.valid_until)
            and _starts_by(contact, other.valid_until)
        ):
            return other
    return None


def _starts_by(contact: Contact, day: date | None) -> bool:
    return contact.valid_from is None or day is None or contact.valid_from <= day


def approvers(contacts: Iterable[Contact], at: date) -> list[Contact]:
    """Return whom a consent is asked of on the day `at`, the first first: approvers, then substitutes.

    Among equals the order of `contacts` holds, which is that in which they were added.
    """
    valid = [contact for contact in contacts if contact.role in ASKED and validity_of(contact, at) == "valid"]
    return sorted(valid, key=lambda contact: ASKED.index(contact.role))


def approver_of(contacts: Iterable[Contact], at: date) -> Contact | None:
    """Return the contact of one tenant that a consent is asked of on the day `at`; None if there is none."""
    return next(iter(approvers(contacts, at)), None)


def name_and_address(text: str) -> tuple[str, str]:
    """Return name and e-mail of `Petra Muster <petra@example.ch>`; of any other text, the text for both."""
    head, bracket, tail = text.strip().partition("<")
    if not bracket or not tail.endswith(">"):
        return text.strip(), text.strip()
    email = tail.removesuffix(">").strip()
    return head.strip().strip('"').strip() or email, email


def contact_in_line(tenant_id: str, line: str) -> Contact:
    """Return the contact that a line names, as it is stored: an approver who reads German. It may have faults."""
    name, email = name_and_address(line)
    return cleaned(Contact("", tenant_id, name, email))


def contact_fields(contact: Contact) -> Mapping[str, object]:
    """Return what is said about a contact in files and to programs, with the names that they have there."""
    return {
        "contact_id": contact.contact_id, "tenant_id": contact.tenant_id, "name": contact.name,
        "email": contact.email, "phone": contact.phone, "language": contact.language, "role": contact.role,
        "from": contact.valid_from.isoformat() if contact.valid_from else None,
        "until": contact.valid_until.isoformat() if contact.valid_until else None,
    }  # fmt: skip
