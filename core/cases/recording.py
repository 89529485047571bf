"""Record the consent of a customer that came by phone, by mail or in person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from uuid import uuid4

from sqlalchemy import Engine

from core.cache.case_rows import Case, cases_of_bundle
from core.cache.catalogue import load_catalogue
from core.cache.consent_rows import (
    Consent,
    ConsentRecord,
    Decision,
    add_consent,
    add_file,
    asking_consents,
    consent_record,
)
from core.cache.sql import Transaction, transaction
from core.cases.changes import bounded
from core.cases.consent_files import Upload, checked_file
from core.cases.consent_rules import LONGEST_COMMENT, Answer, faults_of
from core.cases.consent_text import summary_of
from core.cases.consents import VALID_FOR, asked_together, items_of
from core.cases.deciding import quantities_of, store_decision
from core.cases.writing import CaseRefused, need_case, write
from core.licenses.skus import Catalogue
from core.name_key import plain
from core.problems import Problem
from core.roles import Action, Actor

CHANNELS = ("phone", "mail", "meeting")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a customer has said, how, and the proof of it."""

    answer: Answer
    channel: str
    file: Upload | None = None
    contact_id: str = ""


def record_answer(
    engine: Engine, actor: Actor, case_id: str, recorded: Recorded, now: datetime, zone: tzinfo, *,
    expected: int | None = None,
) -> Case:  # fmt: skip
    """Store a decision that the actor has been told; a question that waits is answered by it.

    Raises NotAllowed, DatabaseError, and the errors of `core.cases.writing`.
    """
    actor.need(Action.CASES)
    if recorded.channel not in CHANNELS:
        raise CaseRefused(Problem("approval.fault.channel_missing"))
    catalogue = load_catalogue(engine)[0]
    with transaction(engine) as connection:
        case = need_case(connection, case_id, expected)
        record = _waiting(connection, case) or _asked_now(connection, case, recorded, catalogue, actor, now)
        offered = {item.case_id: item.quantity for item in record.items}
        for fault in faults_of(recorded.answer, offered).values():
            raise CaseRefused(Problem(f"approval.fault.{fault.key}", {"most": str(fault.most)}))
        if recorded.file is not None:
            add_file(connection, checked_file(recorded.file, record.consent.consent_id, actor, now))
        store_decision(connection, record, _decision(record, recorded, offered, actor, now), actor, now, "staff")
        return need_case(connection, case_id)


def _waiting(connection: Transaction, case: Case) -> ConsentRecord | None:
    """Return the question that the case waits for."""
    return next((one for one in asking_consents(connection) if case.case_id in one.asking and one.all_asking), None)


def _asked_now(
    connection: Transaction, case: Case, recorded: Recorded, catalogue: Catalogue, actor: Actor, now: datetime
) -> ConsentRecord:  # fmt: skip
    """Write down that the customer was asked in the same breath."""
    consent = Consent(
        uuid4().hex, case.tenant_id, "asking", recorded.channel, actor.name, actor.shown, now, now + VALID_FOR
    )
    cases = asked_together(case, cases_of_bundle(connection, case.bundle_id))
    items = items_of(consent, cases, {}, catalogue, "de")
    for one, item in zip(cases, items, strict=True):
        data = {"quantity": item.quantity, "consent_id": consent.consent_id, "channel": recorded.channel}
        write(connection, one, "asked", data, actor, now)
    add_consent(connection, consent, items, [])
    record = consent_record(connection, consent.consent_id)
    assert record is not None  # noqa: S101 - it was stored two lines above
    return record


def _decision(
    record: ConsentRecord, recorded: Recorded, offered: dict[str, int], actor: Actor, now: datetime
) -> Decision:  # fmt: skip
    answer = recorded.answer
    link = record.links[0] if record.links else None
    text = f"{link.subject}\n\n{link.body}" if link else summary_of(record.items)
    comment = bounded(answer.comment, LONGEST_COMMENT)
    decision = Decision(
        record.consent.consent_id, answer.decision, quantities_of(answer, offered), plain(answer.name), now,
        recorded.channel, text, comment,
    )  # fmt: skip
    return replace(
        decision, contact_id=recorded.contact_id or (link.contact_id if link else ""), recorded_by=actor.name,
        recorded_by_name=actor.shown,
    )  # fmt: skip
