"""Mails to customers, reminders and their end, and consents that are recorded by staff with their proof."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from core.cache.consent_rows import consents_of_case, files_of_consents
from core.cache.database import open_database
from core.cache.message_rows import Message, list_messages
from core.cache.schema import consent_decisions, consent_files, contacts
from core.cases import changes
from core.cases.consent_files import (
    LARGEST,
    MAIL,
    MOST_FILES,
    PDF,
    Upload,
    attach,
    case_of_consent,
    media_type_of,
    read_file,
)
from core.cases.consent_rules import Answer
from core.cases.deciding import AnswerFaults, LinkClosed, redeem
from core.cases.recording import Recorded, record_answer
from core.cases.reminders import tend_consents, working_morning
from core.cases.writing import CaseRefused
from core.messages.delivery import whole_body
from core.problems import ProblemError
from core.roles import NotAllowed
from core.secrets import secret_rotation
from core.settings import Settings
from core.tenants.working_time import Calendar, OwnDay
from tests.actors import VIEWER
from tests.case_world import ANNA, ZURICH
from tests.consent_world import ADDRESS, Office, open_office, path_of, token_of
from tests.test_messages import keep, smtp

PDF_FILE = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
MAIL_FILE = b"From: petra@example.ch\r\nDate: Fri, 15 Jan 2027 12:00:00 +0100\r\n\r\nBitte bestellen.\r\n"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield open_office(engine)
    engine.dispose()


@pytest.fixture
def mailing(office: Office, tmp_path: Path) -> Office:
    """An office with a mail server for customers."""
    secret_rotation.prepare(office.engine, Settings(data_dir=tmp_path))
    keep(office.engine, smtp(25))
    return office


def mails(office: Office) -> list[Message]:
    """Messages to customers, the oldest first."""
    found = [one for one in list_messages(office.engine, limit=50) if one.kind == "consent"]
    return sorted(found, key=lambda one: one.created_at)


def go_to(office: Office, day: int, hour: int = 12) -> None:
    """Let it be that day of January 2027 (the question is of Friday 15th) and tend twice: once is enough."""
    office.desk.now = datetime(2027, 1, day, hour, tzinfo=UTC)
    tend_consents(office.engine, ZURICH, ADDRESS, office.desk.now)
    assert tend_consents(office.engine, ZURICH, ADDRESS, office.desk.now) == 0


def reminders(office: Office) -> list[tuple[str, str, bool]]:
    events = office.desk.events(office.desk.case)
    return [(one.data["purpose"], one.data["contact"], one.data["mailed"]) for one in events if one.kind == "reminded"]


# Mails


def test_the_link_goes_by_mail_and_stands_in_the_database_encrypted_only(mailing: Office) -> None:
    asked = mailing.ask(send=True, price="CHF 5.10")
    (mail,) = mails(mailing)

    assert (mail.recipient, mail.language, mail.subject) == ("petra@example.ch", "fr", asked.text.subject)
    assert token_of(asked) not in mail.body + mail.secret
    body = whole_body(mailing.engine, mail)
    assert body.startswith(asked.text.body)
    assert asked.url in body
    assert asked.consent.channel == "mail"


def test_without_a_mail_server_nobody_is_asked_by_mail(office: Office) -> None:
    with pytest.raises(CaseRefused) as refused:
        office.ask(send=True)

    assert refused.value.problem.code == "approval.no_mail_server"
    assert office.desk.case.state == "open"
    assert consents_of_case(office.engine, office.desk.case.case_id) == []


def test_the_desk_is_told_what_a_customer_has_decided(mailing: Office) -> None:
    mailing.page(path_of(mailing.ask()), {"decision": "given", "name": "Petra Beispiel"})

    (news,) = list_messages(mailing.engine, limit=9)
    assert (news.kind, "Petra Beispiel" in news.body, "5 × " in news.body) == ("consent_given", True, True)


# Reminders: asked on Friday 15th, so working days are Monday 18th (1), 19th (2), 20th (3), ... 26th (7), 27th (8)


def test_reminded_on_the_third_and_seventh_working_day_then_the_substitute_then_back(mailing: Office) -> None:
    asked = mailing.ask(send=True)
    go_to(mailing, 19)
    assert reminders(mailing) == []
    go_to(mailing, 20)
    go_to(mailing, 25)
    assert reminders(mailing) == [("reminder", "Petra Beispiel", True)]
    go_to(mailing, 26)
    go_to(mailing, 27)
    assert reminders(mailing)[1:] == [("reminder", "Petra Beispiel", True), ("substitute", "Urs Beispiel", True)]
    assert mailing.desk.case.state == "asked"
    go_to(mailing, 29)

    assert (mailing.desk.case.state, mailing.record(asked).consent.state) == ("open", "expired")
    event = mailing.desk.events(mailing.desk.case)[-1]
    assert (event.kind, event.data["why"]) == ("returned", "expired")
    assert [mail.recipient for mail in mails(mailing)] == ["petra@example.ch"] * 3 + ["urs@example.ch"]


def test_every_mailed_link_answers_the_one_question_in_the_language_of_its_reader(mailing: Office) -> None:
    asked = mailing.ask(send=True)
    for day in (20, 26, 27):
        go_to(mailing, day)
    urls = [whole_body(mailing.engine, mail).rstrip().rpartition("\n")[2] for mail in mails(mailing)]
    assert len(set(urls)) == 4
    assert [f'lang="{language}"' in mailing.page(url.removeprefix(ADDRESS))[2]
            for url, language in zip(urls, ("fr", "fr", "fr", "de"), strict=True)] == [True] * 4  # fmt: skip
    links = mailing.record(asked).links
    assert (links[1].body, links[3].body == links[0].body) == (links[0].body, False)

    status, _, _ = mailing.page(urls[3].removeprefix(ADDRESS), {"decision": "given", "name": "Urs"})
    assert status == 200
    assert [mailing.page(url.removeprefix(ADDRESS))[0] for url in urls] == [410] * 4
    decision = mailing.record(asked).decision
    assert decision is not None
    assert (decision.contact_id, decision.text) == ("urs", f"{links[3].subject}\n\n{links[3].body}")


def test_after_days_without_the_product_one_reminder_is_sent_and_not_all(mailing: Office) -> None:
    mailing.ask(send=True)
    go_to(mailing, 26)

    assert reminders(mailing) == [("reminder", "Petra Beispiel", True)]


def test_a_link_that_was_handed_over_reminds_without_a_mail(mailing: Office) -> None:
    mailing.ask()
    for day in (20, 27):
        go_to(mailing, day)

    assert reminders(mailing) == [("reminder", "Petra Beispiel", False), ("substitute", "Urs Beispiel", False)]
    assert mails(mailing) == []


@pytest.mark.parametrize(("send", "left"), [(True, ("substitute", "Urs Beispiel", True)), (False, None)])
def test_when_the_contact_has_left_the_substitute_is_asked_or_the_owner_gets_it_back(
    mailing: Office, send: bool, left: tuple[str, str, bool] | None
) -> None:
    mailing.ask(send=send)
    with mailing.engine.begin() as connection:
        connection.execute(delete(contacts).where(contacts.c.contact_id == "petra"))
    go_to(mailing, 18)

    assert reminders(mailing) == ([left] if left else [])
    assert mailing.desk.case.state == ("asked" if left else "open")
    with mailing.engine.begin() as connection:
        connection.execute(update(contacts).values(role="information"))
    go_to(mailing, 19)
    assert mailing.desk.case.state == "open"


@pytest.mark.parametrize(("days", "own", "expected"), [
    (1, (), "2027-01-18 07:00"), (3, (), "2027-01-20 07:00"), (7, (), "2027-01-26 07:00"),
    (1, (OwnDay(datetime(2027, 1, 18, tzinfo=UTC).date(), "free"),), "2027-01-19 07:00"),
])  # fmt: skip
def test_working_days_follow_the_calendar(days: int, own: tuple[OwnDay, ...], expected: str) -> None:
    asked = datetime(2027, 1, 15, 23, 30, tzinfo=ZURICH)

    assert f"{working_morning(Calendar(own_days=own), asked, days):%Y-%m-%d %H:%M}" == expected
    assert working_morning(Calendar(week=((),) * 7), asked, 1) is None


# Recorded by staff


def test_staff_records_what_was_said_on_the_phone_with_its_proof(office: Office) -> None:
    case_id = office.desk.case.case_id
    answer = Answer("given", "Petra Beispiel", {case_id: "4"}, "ruft zurück")

    said = Recorded(answer, "phone", Upload("../Beleg\u202e.PDF", PDF_FILE))
    case = record_answer(office.engine, ANNA, case_id, said, office.desk.now, ZURICH)

    assert (case.state, case.quantity) == ("approved", 4)
    (record,) = consents_of_case(office.engine, case_id)
    assert record.decision is not None
    assert (record.decision.channel, record.decision.recorded_by_name) == ("phone", "Anna")
    (file,) = files_of_consents(office.engine, [record.consent.consent_id])[record.consent.consent_id]
    assert (file.name, file.media_type, file.content) == ("Beleg.pdf", PDF, "")
    assert read_file(office.engine, ANNA, file.file_id).content == PDF_FILE
    with pytest.raises(NotAllowed):
        read_file(office.engine, VIEWER, file.file_id)
    assert office.desk.kinds(case)[-2:] == ["asked", "consent_given"]


def test_what_staff_records_answers_the_question_that_waits(office: Office) -> None:
    asked, case_id = office.ask(), office.desk.case.case_id
    record_answer(office.engine, ANNA, case_id, Recorded(Answer("refused", "Petra"), "mail"), office.desk.now, ZURICH)

    assert (office.desk.case.state, office.record(asked).consent.state) == ("refused", "refused")
    assert office.page(path_of(asked))[0] == 410
    assert len(consents_of_case(office.engine, case_id)) == 1


@pytest.mark.parametrize(("recorded", "code"), [
    (Recorded(Answer("given", ""), "phone"), "approval.fault.name_missing"),
    (Recorded(Answer("", "Petra"), "phone"), "approval.fault.decision_missing"),
    (Recorded(Answer("given", "Petra"), "pigeon"), "approval.fault.channel_missing"),
    (Recorded(Answer("given", "Petra"), "mail", Upload("a.pdf", b"MZ\x90\0")), "approval.file_kind"),
    (Recorded(Answer("given", "Petra"), "mail", Upload("a.pdf", b"%PDF-" + b"0" * LARGEST)), "approval.file_large"),
])  # fmt: skip
def test_what_cannot_be_recorded_is_told_and_changes_nothing(office: Office, recorded: Recorded, code: str) -> None:
    with pytest.raises(ProblemError) as refused:
        record_answer(office.engine, ANNA, office.desk.case.case_id, recorded, office.desk.now, ZURICH)

    assert (refused.value.problem.code, office.desk.case.state) == (code, "open")
    assert consents_of_case(office.engine, office.desk.case.case_id) == []


@pytest.mark.parametrize(("content", "kind"), [
    (PDF_FILE, PDF), (MAIL_FILE, MAIL), (b"", None), (b"%PDF-1.7 without an end", None), (b"<html>", None),
    (b"PK\x03\x04%%EOF", None), (b"From: a\r\n\r\nno date", None), (b"Subject: x\0\r\nFrom: a\r\nDate: b\r\n", None),
    (b"hello\r\nFrom: a\r\nDate: b\r\n", None),
])  # fmt: skip
def test_a_file_is_told_by_its_content(content: bytes, kind: str | None) -> None:
    assert media_type_of(content) == kind


def test_files_are_added_to_a_consent_later_and_are_bounded(office: Office) -> None:
    case_id = office.desk.case.case_id
    record_answer(office.engine, ANNA, case_id, Recorded(Answer("given", "P"), "phone"), office.desk.now, ZURICH)
    (record,) = consents_of_case(office.engine, case_id)
    for number in range(MOST_FILES):
        attach(office.engine, ANNA, record.consent.consent_id, Upload(f"{number}.eml", MAIL_FILE), office.desk.now)

    for consent_id, code in ((record.consent.consent_id, "approval.files_many"), ("x", "approval.file_nowhere")):
        with pytest.raises(CaseRefused) as refused:
            attach(office.engine, ANNA, consent_id, Upload("a.pdf", PDF_FILE), office.desk.now)
        assert refused.value.problem.code == code
    assert case_of_consent(office.engine, record.consent.consent_id) == office.desk.case.number


def test_a_damaged_attachment_is_not_given_out(office: Office) -> None:
    file = Recorded(Answer("given", "Petra"), "mail", Upload("x", MAIL_FILE))
    record_answer(office.engine, ANNA, office.desk.case.case_id, file, office.desk.now, ZURICH)
    with office.engine.begin() as connection:
        file_id = connection.execute(select(consent_files.c.file_id)).scalar_one()
        connection.exec_driver_sql("DROP TRIGGER consent_files_no_update")
        connection.execute(update(consent_files).values(content="AAAA"))

    with pytest.raises(CaseRefused) as refused:
        read_file(office.engine, ANNA, file_id)
    assert refused.value.problem.code == "approval.file_damaged"


# Whatever is tried, in whatever order

STEPS = st.sampled_from([
    "ask", "ask by mail", "ask other", "answer", "refuse", "answer old", "days", "weeks", "leave", "come", "close",
    "reopen", "quantity", "return", "record", "seats", "shortage",
])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEPS, max_size=20))
def test_one_decision_at_most_and_the_case_agrees_with_its_question(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        office = open_office(open_database(f"sqlite:///{folder}/x.db"))
        tokens: list[str] = []
        for step in steps:
            office.desk.now += timedelta(minutes=1)
            with contextlib.suppress(ProblemError, LinkClosed, AnswerFaults):
                do(office, step, tokens)
            tend_consents(office.engine, ZURICH, ADDRESS, office.desk.now)
            check(office)
        office.engine.dispose()


def do(office: Office, step: str, tokens: list[str]) -> None:
    engine, now, case = office.engine, office.desk.now, office.desk.cases[-1]

    def answer(token: str, decision: str = "given") -> object:
        return redeem(engine, token, Answer(decision, "Petra"), now, ZURICH, "")

    def pass_time(days: int) -> None:
        office.desk.now += timedelta(days=days)

    def contact(role: str) -> None:
        with engine.begin() as connection:
            connection.execute(update(contacts).where(contacts.c.contact_id == "petra").values(role=role))

    steps: dict[str, Callable[[], object]] = {
        "ask": lambda: tokens.append(token_of(office.ask())),
        "ask by mail": lambda: office.ask(send=True),
        "ask other": lambda: tokens.append(token_of(office.ask("urs"))),
        "answer": lambda: answer(tokens[-1]) if tokens else None,
        "refuse": lambda: answer(tokens[-1], "refused") if tokens else None,
        "answer old": lambda: answer(tokens[0]) if tokens else None,
        "days": lambda: pass_time(4),
        "weeks": lambda: pass_time(15),
        "leave": lambda: contact("information"),
        "come": lambda: contact("approver"),
        "close": lambda: changes.close(engine, ANNA, case.case_id, "x", now),
        "reopen": lambda: changes.reopen(engine, ANNA, case.case_id, "x", now),
        "quantity": lambda: changes.set_quantity(engine, ANNA, case.case_id, 7, now),
        "return": lambda: changes.bring_back(engine, ANNA, case.case_id, "x", now),
        "record": lambda: record_answer(
            engine, ANNA, case.case_id, Recorded(Answer("given", "Petra"), "phone"), now, ZURICH
        ),
        "seats": lambda: office.desk.read(30, 14),
        "shortage": lambda: office.desk.read(10, 14),
    }
    steps[step]()


def check(office: Office) -> None:
    """Every consent has one end, and a case waits if and only if just one consent waits for it."""
    with office.engine.begin() as connection:
        counts = connection.execute(
            select(consent_decisions.c.consent_id, func.count()).group_by(consent_decisions.c.consent_id)
        ).all()
    assert all(count == 1 for _, count in counts)
    for case in office.desk.cases:
        records = consents_of_case(office.engine, case.case_id)
        waiting = [record for record in records if record.consent.state == "asking"]
        assert len(waiting) == (case.state == "asked")
        assert all(record.all_asking for record in waiting)
        assert all(
            (record.decision is not None) == (record.consent.state in ("given", "refused")) for record in records
        )
        if case.state == "approved":
            assert any(record.consent.state == "given" for record in records)
