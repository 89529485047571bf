"""Tables of the consents of customers: what was asked, by which links, and what was decided.

All is written while `core.cache.case_rows.lock_cases` is held; what was offered and decided is append-only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select, Table, func, insert, select, update

from core.cache.contact_rows import Contact
from core.cache.schema import (
    case_events,
    cases,
    consent_decisions,
    consent_files,
    consent_items,
    consent_links,
    consents,
    contacts,
    tenants,
)
from core.cache.sql import transaction

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Consent:
    """A question to a customer; each field is described at its column in core.cache.schema."""

    consent_id: str
    tenant_id: str
    state: str
    channel: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    expires_at: datetime
    price: str = ""
    term: str = ""
    reason: str = ""
    ended_why: str = ""
    ended_at: datetime | None = None
    reminded: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One product of a consent, with the quantity that was offered."""

    consent_id: str
    case_id: str
    product: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the page of a consent, for one contact, with the text that it shows; the token itself is not kept."""

    token_hash: str
    consent_id: str
    contact_id: str
    contact_name: str
    contact_email: str
    language: str
    purpose: str
    subject: str
    body: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What a customer has decided; `recorded_by` is "" if it has done so itself."""

    consent_id: str
    decision: str
    quantities: Mapping[str, int]
    name: str
    at: datetime
    channel: str
    text: str
    comment: str = ""
    address: str = ""
    contact_id: str = ""
    recorded_by: str = ""
    recorded_by_name: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An attachment of a consent; `content` is base64."""

    file_id: str
    consent_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    added_by: str
    added_at: datetime
    content: str = ""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A consent with all that belongs to it, and the state of its cases and contacts now.

    `asking` are the cases that wait for just this consent; `contacts` those of the tenant, by id.
    """

    consent: Consent
    items: Sequence[Item]
    links: Sequence[Link]
    decision: Decision | None
    asking: Collection[str] = ()
    ended: Collection[str] = ()
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    customer: str = ""

    @property
    def all_asking(self) -> bool:
        """Return True if each of its cases waits for just this consent."""
        return all(item.case_id in self.asking for item in self.items)


def link_consent(connection: Connection, token_hash: str) -> tuple[Link, ConsentRecord] | None:
    """Return the link and its consent; None if there is no such link."""
    row = connection.execute(_columns(Link, consent_links).where(consent_links.c.token_hash == token_hash)).first()
    if row is None:
        return None
    link = Link(*row)
    record = consent_record(connection, link.consent_id)
    return (link, record) if record else None


def consent_record(connection: Connection, consent_id: str) -> ConsentRecord | None:
    """Return a consent with all that belongs to it; None if there is none."""
    return next(
        iter(_records(connection, _columns(Consent, consents).where(consents.c.consent_id == consent_id))), None
    )


def consents_of_case(engine: Engine, case_id: str) -> list[ConsentRecord]:
    """Return the consents that a case was ever asked for, the newest first."""
    of_case = select(consent_items.c.consent_id).where(consent_items.c.case_id == case_id)
    query = _columns(Consent, consents).where(consents.c.consent_id.in_(of_case))
    with transaction(engine) as connection:
        return _records(connection, query.order_by(consents.c.asked_at.desc(), consents.c.consent_id))


def asking_consents(connection: Connection) -> list[ConsentRecord]:
    """Return the consents that wait for an answer, the oldest first."""
    query = _columns(Consent, consents).where(consents.c.state == "asking")
    return _records(connection, query.order_by(consents.c.asked_at, consents.c.consent_id))


def cases_left_asking(connection: Connection) -> list[tuple[str, str]]:
    """Return (case, consent) of the cases that wait for a consent that has ended without an answer of theirs."""
    pairs = _newest_questions(connection, select(cases.c.case_id).where(cases.c.state == "asked"))
    ids = {consent_id for consent_id in pairs.values() if consent_id}
    query = select(consents.c.consent_id).where(consents.c.consent_id.in_(ids), consents.c.state == "asking")
    waiting = set(connection.execute(query).scalars())
    return sorted((case_id, one) for case_id, one in pairs.items() if one and one not in waiting)


def _newest_questions(connection: Connection, case_ids: Select[Any]) -> dict[str, str]:
    """Return case id -> the consent of its newest question, "" if it was asked without one."""
    query = select(case_events.c.case_id, case_events.c.data).where(
        case_events.c.case_id.in_(case_ids), case_events.c.kind == "asked"
    )
    rows = connection.execute(query.order_by(case_events.c.case_id, case_events.c.seq))
    return {row.case_id: str(row.data.get("consent_id", "")) for row in rows}


def _records(connection: Connection, query: Select[Any]) -> list[ConsentRecord]:
    found = [Consent(*row) for row in connection.execute(query)]
    ids = [consent.consent_id for consent in found]
    items = _by_consent(connection, Item, consent_items, ids, "case_id")
    links = _by_consent(connection, Link, consent_links, ids, "made_at")
    decisions = _by_consent(connection, Decision, consent_decisions, ids, "at")
    questions, ended = _cases_of(connection, [item.case_id for of_one in items.values() for item in of_one])
    names, people = _customers(connection, {consent.tenant_id for consent in found})
    return [
        ConsentRecord(
            consent,
            items[consent.consent_id],
            links[consent.consent_id],
            next(iter(decisions[consent.consent_id]), None),
            {case_id for case_id, asked in questions.items() if asked == consent.consent_id},
            ended,
            {one.contact_id: one for one in people if one.tenant_id == consent.tenant_id},
            names.get(consent.tenant_id, ""),
        )
        for consent in found
    ]


def _cases_of(connection: Connection, case_ids: Collection[str]) -> tuple[dict[str, str], set[str]]:
    """Return (case id -> the consent that it waits for, ids of those that have ended)."""
    mine = cases.c.case_id.in_(set(case_ids))
    questions = _newest_questions(connection, select(cases.c.case_id).where(mine, cases.c.state == "asked"))
    ended = connection.execute(select(cases.c.case_id).where(mine, cases.c.closed_at.is_not(None))).scalars()
    return questions, set(ended)


def _customers(connection: Connection, tenant_ids: Collection[str]) -> tuple[dict[str, str], list[Contact]]:
    """Return (tenant id -> name, the contacts of these tenants)."""
    named = select(tenants.c.tenant_id, tenants.c.name).where(tenants.c.tenant_id.in_(tenant_ids))
    people = select(contacts).where(contacts.c.tenant_id.in_(tenant_ids))
    ordered = people.order_by(contacts.c.created_at, contacts.c.contact_id)
    return (
        {row.tenant_id: row.name for row in connection.execute(named)},
        [Contact(**row) for row in connection.execute(ordered).mappings()],
    )


def customer_of(connection: Connection, tenant_id: str) -> tuple[str, list[Contact]]:
    """Return (name, contacts) of a tenant, the contacts in the order in which they were added."""
    names, people = _customers(connection, [tenant_id])
    return names.get(tenant_id, ""), people


def _columns(kind: type[Any], table: Table, without: str = "") -> Select[Any]:
    return select(*(table.c[one.name] for one in fields(kind) if one.name != without))


def _by_consent(
    connection: Connection, kind: type[Row], table: Table, consent_ids: Collection[str], order: str, without: str = ""
) -> dict[str, list[Row]]:  # fmt: skip
    found: dict[str, list[Row]] = {consent_id: [] for consent_id in consent_ids}
    query = _columns(kind, table, without).where(table.c.consent_id.in_(consent_ids)).order_by(table.c[order])
    for row in connection.execute(query):
        found[row.consent_id].append(kind(*row))
    return found


def add_consent(connection: Connection, consent: Consent, items: Sequence[Item], links: Sequence[Link]) -> None:
    """Store a new question with its products and links."""
    connection.execute(insert(consents), asdict(consent))
    connection.execute(insert(consent_items), [asdict(item) for item in items])
    for link in links:
        add_link(connection, link)


def add_link(connection: Connection, link: Link) -> None:
    connection.execute(insert(consent_links), asdict(link))


def add_decision(connection: Connection, decision: Decision) -> None:
    """Store what was decided; the consent waits for nothing any more. There can be one decision of a consent only."""
    connection.execute(insert(consent_decisions), asdict(decision))
    values = {"state": decision.decision, "ended_at": decision.at}
    connection.execute(update(consents).where(consents.c.consent_id == decision.consent_id).values(**values))


def add_file(connection: Connection, file: StoredFile) -> None:
    connection.execute(insert(consent_files), asdict(file))


def count_files(connection: Connection, consent_id: str) -> int:
    """Return how many attachments a consent has."""
    count = select(func.count()).select_from(consent_files).where(consent_files.c.consent_id == consent_id)
    return int(connection.execute(count).scalar_one())


def consent_file(engine: Engine, file_id: str) -> StoredFile | None:
    """Return an attachment with its content; None if there is none."""
    with transaction(engine) as connection:
        row = connection.execute(_columns(StoredFile, consent_files).where(consent_files.c.file_id == file_id)).first()
    return StoredFile(*row) if row else None


def files_of_consents(engine: Engine, consent_ids: Collection[str]) -> dict[str, list[StoredFile]]:
    """Return consent id -> its attachments, without their content."""
    with transaction(engine) as connection:
        return _by_consent(connection, StoredFile, consent_files, consent_ids, "added_at", "content")


def end_consent(connection: Connection, consent_id: str, state: str, why: str, at: datetime) -> None:
    """Let a consent that waits be revoked or expired."""
    waits = (consents.c.consent_id == consent_id) & (consents.c.state == "asking")
    connection.execute(update(consents).where(waits).values(state=state, ended_why=why, ended_at=at))


def revoke_questions(connection: Connection, why_by_case: Mapping[str, str], at: datetime) -> None:
    """Revoke the consents that wait for an answer about one of these cases: case id -> why."""
    query = select(consent_items.c.consent_id, consent_items.c.case_id).join(
        consents, consents.c.consent_id == consent_items.c.consent_id
    )
    found = query.where(consents.c.state == "asking", consent_items.c.case_id.in_(why_by_case))
    for consent_id, case_id in connection.execute(found).all():
        end_consent(connection, consent_id, "revoked", why_by_case[case_id], at)


def note_reminder(connection: Connection, consent_id: str, reminded: int) -> None:
    """Note how many of the steps of reminding are done."""
    connection.execute(update(consents).where(consents.c.consent_id == consent_id).values(reminded=reminded))
