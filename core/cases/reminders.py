"""Remind a customer who has not answered, ask the substitute, and give the question back to its owner in the end.

Each step is done once, by the duty of any process; it is an event of the case and ends no pause.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from core.cache.case_rows import lock_cases
from core.cache.consent_rows import (
    ConsentRecord,
    Link,
    add_link,
    asking_consents,
    cases_left_asking,
    end_consent,
    note_reminder,
)
from core.cache.contact_rows import Contact
from core.cache.sql import Transaction, transaction
from core.cases.consent_mail import mail_link, tell_unanswered
from core.cases.consent_rules import new_token
from core.cases.consent_text import offered_text
from core.cases.consents import link_url
from core.cases.product_events import PRODUCT
from core.cases.terms import terms_in
from core.cases.writing import need_case, write
from core.tenants.contact_rules import approvers
from core.tenants.working_time import Calendar, hours_of_day

log = logging.getLogger(__name__)

# On which working day after the question what is done.
STEPS: tuple[tuple[Literal["reminder", "substitute"], int], ...] = (
    ("reminder", 3), ("reminder", 7), ("substitute", 8),
)  # fmt: skip
LONGEST_SEARCH = 366  # days

Why = Literal["expired", "contact_left"]


class Due(NamedTuple):
    """What is to be done about a question: remind or ask `contact`, or give it back because of `why`."""

    reminded: int
    contact: Contact | None = None
    purpose: str = ""
    why: Why | None = None


def working_morning(calendar: Calendar, asked_at: datetime, days: int) -> datetime | None:
    """Return the beginning of the working day with this number after the day of the question; None if there is none."""
    zone = ZoneInfo(calendar.zone)
    first = asked_at.astimezone(zone).date()
    for number in range(1, LONGEST_SEARCH):
        day = first + timedelta(days=number)
        if hours := hours_of_day(calendar, day):
            days -= 1
            if days == 0:
                return _moment(day, hours[0][0], zone)
    return None


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)


def due_step(record: ConsentRecord, calendar: Calendar, now: datetime, today: date) -> Due | None:
    """Return what is due about a question, the newest step if several are; None if nothing is."""
    consent, asked = record.consent, {link.contact_id for link in record.links}
    if now >= consent.expires_at:
        return Due(consent.reminded, why="expired")
    valid = [one for one in approvers(record.contacts.values(), today) if one.contact_id in asked]
    substitute = next((one for one in approvers(record.contacts.values(), today) if one.contact_id not in asked), None)
    if not valid:  # nobody who was asked may answer any more
        if substitute and consent.channel == "mail" and consent.reminded < len(STEPS):
            return Due(len(STEPS), substitute, "substitute")
        return Due(consent.reminded, why="contact_left")
    mornings = [working_morning(calendar, consent.asked_at, days) for _, days in STEPS]
    count = sum(1 for morning in mornings if morning is not None and morning <= now)
    if count <= consent.reminded:
        return None
    purpose = STEPS[count - 1][0]
    if purpose == "substitute" and substitute is None:  # nobody else: what is left is to wait
        return Due(count) if consent.reminded >= count - 1 else Due(count, valid[0], "reminder")
    return Due(count, substitute if purpose == "substitute" else valid[0], purpose)


def tend_consents(engine: Engine, zone: tzinfo, address: str, now: datetime) -> int:
    """Do what is due; return how many questions were cared for. Raises DatabaseError."""
    today = now.astimezone(zone).date()
    with transaction(engine) as connection:
        if not _due_now(connection, now, today) and not cases_left_asking(connection):
            return 0
    with transaction(engine) as connection:
        lock_cases(connection)
        due = _due_now(connection, now, today)
        for record, step in due:
            _take_step(connection, record, step, zone, address, now)
        left = cases_left_asking(connection)
        for case_id, consent_id in left:
            data = {"reason": "question_over", "why": "question_over", "consent_id": consent_id}
            write(connection, need_case(connection, case_id), "returned", data, PRODUCT, now, who="product")
    log.info("%d questions to customers were cared for", len(due) + len(left))
    return len(due) + len(left)


def _due_now(connection: Transaction, now: datetime, today: date) -> list[tuple[ConsentRecord, Due]]:
    records = [record for record in asking_consents(connection) if record.asking]
    book = terms_in(connection, {record.consent.tenant_id for record in records})
    steps = [(record, due_step(record, book.of(record.consent.tenant_id).calendar, now, today)) for record in records]
    return [(record, step) for record, step in steps if step is not None]


def _take_step(
    connection: Transaction, record: ConsentRecord, due: Due, zone: tzinfo, address: str, now: datetime
) -> None:  # fmt: skip
    consent = record.consent
    if due.why is not None:
        _give_back(connection, record, due.why, now)
        return
    note_reminder(connection, consent.consent_id, due.reminded)
    if due.contact is None:
        return
    mailed = consent.channel == "mail" and _send(connection, record, due.contact, due, zone, address, now)
    data = {
        "consent_id": consent.consent_id, "purpose": due.purpose, "contact": due.contact.name, "mailed": mailed
    }  # fmt: skip
    _write_all(connection, record, "reminded", data, now)


def _give_back(connection: Transaction, record: ConsentRecord, why: Why, now: datetime) -> None:
    state = "expired" if why == "expired" else "revoked"
    end_consent(connection, record.consent.consent_id, state, why, now)
    tell_unanswered(connection, record, now)
    data = {"reason": why, "why": why, "consent_id": record.consent.consent_id}
    _write_all(connection, record, "returned", data, now)


def _write_all(
    connection: Transaction, record: ConsentRecord, kind: str, data: Mapping[str, object], now: datetime
) -> None:  # fmt: skip
    for case_id in sorted(record.asking):
        write(connection, need_case(connection, case_id), kind, data, PRODUCT, now, who="product")


def _send(
    connection: Transaction, record: ConsentRecord, contact: Contact, due: Due, zone: tzinfo, address: str,
    now: datetime,
) -> bool:  # fmt: skip
    """Mail a link of its own to the contact; return False if no mail server is set up."""
    consent = record.consent
    token, token_hash = new_token()
    link = _link(connection, record, contact, due.purpose, token_hash, zone, now)
    url, before = link_url(address, token), record.links[0].contact_name
    if not mail_link(connection, consent, link, url, due.reminded, now, zone, asked_before=before):
        return False
    add_link(connection, link)
    return True


def _link(
    connection: Transaction, record: ConsentRecord, contact: Contact, purpose: str, token_hash: str, zone: tzinfo,
    now: datetime,
) -> Link:  # fmt: skip
    """Return a further link: with the same text for who was asked already, in another one's language for another."""
    before = next((link for link in record.links if link.contact_id == contact.contact_id), None)
    texts: Sequence[str] = (before.subject, before.body) if before else offered_text(
        connection, record.consent, record.items, contact, record.customer, zone
    )  # fmt: skip
    return Link(
        token_hash, record.consent.consent_id, contact.contact_id, contact.name, contact.email, contact.language,
        purpose, texts[0], texts[1], now,
    )  # fmt: skip
