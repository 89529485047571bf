"""What leaves the house about a consent: the mail to the customer, and the news for the licence desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from core.cache.consent_rows import Consent, ConsentRecord, Decision, Item, Link
from core.cache.contact_rows import Contact
from core.cache.sql import Transaction
from core.cases.consent_text import summary_of
from core.customer_texts import customer_day, customer_text
from core.messages.outbox import Draft, mail_channel, queue, queue_to_desk
from core.messages.routes import NEWS
from core.messages.wording import one_line, subject_and_body

MARK = "[[link]]"  # where the link stands; the outbox keeps it encrypted until the mail is sent


def mail_link(
    connection: Transaction, consent: Consent, link: Link, url: str, step: int, now: datetime, zone: tzinfo, *,
    asked_before: str = "",
) -> bool:  # fmt: skip
    """Queue the mail with a link; return False if no mail server is set up. Raises SecretError.

    `step` counts the mails of a consent. `asked_before`: the name of whom a substitute stands in for.
    """
    channel = mail_channel(connection)
    if channel is None:
        return False
    subject, reason = _subject_and_reason(link, asked_before)
    until = customer_day(consent.expires_at, link.language, zone)
    body = "\n\n".join([
        *reason, link.body.replace(MARK, ""), customer_text("approval.mail.link", link.language, until=until), MARK, ""
    ])  # fmt: skip
    queue(connection, Draft(
        kind="consent", key=f"consent:{consent.consent_id}:{step}", channel_id=channel.channel_id,
        recipient=link.contact_email, language=link.language, subject=subject, body=body,
        tenant_id=consent.tenant_id, secrets={MARK: url},
    ), now)  # fmt: skip
    return True


def mail_delivered(
    connection: Transaction, record: ConsentRecord, contact: Contact, items: Sequence[Item], url: str, now: datetime
) -> bool:  # fmt: skip
    """Queue the mail that these products are there, with a link to rate; return False if no mail server is set up."""
    channel = mail_channel(connection)
    if channel is None:
        return False

    def words(key: str, **values: object) -> str:
        return customer_text(f"rating.mail.{key}", contact.language, **values)

    lines = "\n".join(f"- {item.product}" for item in items)
    body = "\n\n".join([
        words("hello", name=one_line(contact.name)), words("there"), lines, words("ask"), MARK, words("thanks"), ""
    ])  # fmt: skip
    queue(connection, Draft(
        kind="delivered", key=f"delivered:{record.consent.consent_id}", channel_id=channel.channel_id,
        recipient=contact.email, language=contact.language, subject=words("subject"), body=body,
        tenant_id=record.consent.tenant_id, secrets={MARK: url},
    ), now)  # fmt: skip
    return True


def _subject_and_reason(link: Link, asked_before: str) -> tuple[str, Sequence[str]]:
    if link.purpose == "reminder":
        head = customer_text("approval.mail.reminder", link.language)
        return f"{head}: {link.subject}", [customer_text("approval.mail.reminder_why", link.language)]
    if link.purpose == "substitute":
        return link.subject, [customer_text("approval.mail.substitute_why", link.language, name=asked_before)]
    return link.subject, []


def tell_answered(connection: Transaction, record: ConsentRecord, decision: Decision, now: datetime) -> None:
    """Queue the news that a customer has decided."""
    given = [f"{decision.quantities[item.case_id]} × {item.product}" for item in record.items]
    what = ", ".join(given) if decision.decision == "given" else summary_of(record.items)
    values = {"customer": one_line(record.customer), "name": one_line(decision.name), "what": what}
    _tell(connection, record.consent, f"consent_{decision.decision}", values, now)


def tell_unanswered(connection: Transaction, record: ConsentRecord, now: datetime) -> None:
    """Queue the news that a question is back, because nobody has answered it."""
    values = {"customer": one_line(record.customer), "what": summary_of(record.items)}
    _tell(connection, record.consent, "consent_back", values, now)


def _tell(connection: Transaction, consent: Consent, kind: str, values: dict[str, str], now: datetime) -> None:
    def texts(language: str) -> tuple[str, str]:
        return subject_and_body(kind, language, values)

    key = f"{kind}:{consent.consent_id}"
    queue_to_desk(connection, NEWS, kind, key, texts, now, tenant_id=consent.tenant_id)
