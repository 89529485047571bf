"""The answer of a customer to a question: shown and redeemed by its link, or recorded by staff.

LinkClosed   the link decides nothing (any more); `why` says the reason
AnswerFaults the answer has faults, each with its field
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from sqlalchemy import Engine

from core.bounds import bounded_text, visible
from core.cache.case_rows import lock_cases
from core.cache.consent_rows import ConsentRecord, Decision, Link, add_decision, link_consent
from core.cache.sql import Transaction, transaction
from core.cases.changes import bounded, units_of_case
from core.cases.consent_mail import tell_answered
from core.cases.consent_rules import (
    LONGEST_COMMENT,
    LONGEST_TYPED_NAME,
    Answer,
    Closed,
    Fault,
    closed_because,
    faults_of,
    hash_of,
    quantity_of,
)
from core.cases.transitions import Who
from core.cases.writing import need_case, write
from core.roles import Actor


class LinkClosed(Exception):
    """The link decides nothing (any more); `link` and `record` are None for an unknown one."""

    def __init__(self, why: Closed, link: Link | None = None, record: ConsentRecord | None = None) -> None:
        super().__init__(why)
        self.why, self.link, self.record = why, link, record


class AnswerFaults(Exception):
    """The answer has faults: field -> fault."""

    def __init__(self, link: Link, record: ConsentRecord, faults: Mapping[str, Fault]) -> None:
        super().__init__(*faults)
        self.link, self.record, self.faults = link, record, faults


def look(engine: Engine, token: str, now: datetime, zone: tzinfo) -> tuple[Link, ConsentRecord]:
    """Return what the link of a token asks; it changes nothing. Raises LinkClosed, DatabaseError."""
    with transaction(engine) as connection:
        return _open_link(connection, token, now, zone)


def need_known(engine: Engine, token: str) -> None:
    """Raise LinkClosed if there is no such link."""
    with transaction(engine) as connection:
        if link_consent(connection, hash_of(token)) is None:
            raise LinkClosed("unknown")


def redeem(
    engine: Engine, token: str, answer: Answer, now: datetime, zone: tzinfo, address: str
) -> tuple[Link, ConsentRecord, Decision]:  # fmt: skip
    """Store the decision of whoever has the link, in one transaction: once, whatever comes at the same time.

    Raises LinkClosed, AnswerFaults, DatabaseError.
    """
    need_known(engine, token)  # a guess keeps nobody waiting
    with transaction(engine) as connection:
        lock_cases(connection)
        link, record = _open_link(connection, token, now, zone)
        offered = {item.case_id: item.quantity for item in record.items}
        if faults := faults_of(answer, offered):
            raise AnswerFaults(link, record, faults)
        name = visible(" ".join(answer.name.split()))[:LONGEST_TYPED_NAME]
        decision = Decision(
            record.consent.consent_id, answer.decision, quantities_of(answer, offered), name, now, "page",
            f"{link.subject}\n\n{link.body}", bounded(answer.comment, LONGEST_COMMENT * 2), bounded_text(address, 64),
            link.contact_id,
        )  # fmt: skip
        store_decision(
            connection, record, decision, Actor("customer", "", "consent", name, decision.address), now, "customer"
        )
        tell_answered(connection, record, decision, now)
    return link, record, decision


def quantities_of(answer: Answer, offered: Mapping[str, int]) -> dict[str, int]:
    """Return what was decided for each case; all of it 0 for a refusal."""
    if answer.decision != "given":
        return dict.fromkeys(offered, 0)
    return {case_id: quantity_of(answer, case_id, most) or most for case_id, most in offered.items()}


def store_decision(
    connection: Transaction, record: ConsentRecord, decision: Decision, actor: Actor, now: datetime, who: Who
) -> None:  # fmt: skip
    """Store a decision and what follows for each case. `lock_cases` comes before. Raises CaseRefused."""
    add_decision(connection, decision)
    said = {"consent_id": decision.consent_id, "name": decision.name, "channel": decision.channel}
    for item in record.items:
        case = need_case(connection, item.case_id)
        if decision.decision == "given":
            data = {**said, "quantity": decision.quantities[item.case_id], "comment": decision.comment}
            write(connection, case, "consent_given", data, actor, now, who=who)
        else:
            data = {**units_of_case(connection, case), **said, "reason": decision.comment}
            write(connection, case, "consent_refused", data, actor, now, who=who)


def _open_link(connection: Transaction, token: str, now: datetime, zone: tzinfo) -> tuple[Link, ConsentRecord]:
    found = link_consent(connection, hash_of(token))
    if found is None:
        raise LinkClosed("unknown")
    link, record = found
    if why := closed_because(link, record, now, now.astimezone(zone).date()):
        raise LinkClosed(why, link, record)
    return link, record
