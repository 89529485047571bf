"""A customer is asked for consent and answers on a page of its own: by token, once, and never by merely looking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from core.cache.database import open_database
from core.cache.schema import (
    consent_decisions,
    consent_items,
    consent_links,
    consents,
    contacts,
    tenants,
)
from core.cases import changes
from core.cases.consent_rules import Answer, hash_of, new_token
from core.cases.deciding import LinkClosed, redeem
from core.cases.writing import CaseRefused
from core.customer_texts import customer_catalogue, customer_languages
from core.licenses.units import License
from tests.case_world import ANNA, E3, SCHOOL, SPB, ZURICH
from tests.catalogues import values_of
from tests.consent_world import Office, answer_of, completed, dump, open_office, path_of, token_of
from tests.keys_in_code import ROOT
from web.headers import PLAIN_POLICY
from web.limits.address_pace import AddressPace

YES = {"decision": "given", "name": "Petra Beispiel"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield open_office(engine)
    engine.dispose()


@pytest.fixture
def both(database: Engine) -> Office:
    """An office, on each kind of database."""
    return open_office(database)


# Asked and answered


def test_a_customer_is_asked_in_its_language_and_approves_fewer_on_its_page(both: Office) -> None:
    asked = both.ask(price="CHF 5.10", term="12 mois", reason="2 nouvelles personnes")
    assert both.desk.case.state == "asked"

    status, headers, shown = both.page(path_of(asked))
    assert (status, 'lang="fr"' in shown, "5 × " in shown, "CHF 5.10" in shown) == (200, True, True, True)
    assert "set-cookie" not in headers
    assert "<script" not in shown
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == PLAIN_POLICY

    case_id = both.desk.case.case_id
    status, _, shown = both.page(path_of(asked), YES | {f"quantity-{case_id}": "3", "comment": "Merci"})

    assert (status, "3 × " in shown) == (200, True)
    assert (both.desk.case.state, both.desk.case.quantity) == ("approved", 3)
    decision = both.record(asked).decision
    assert decision is not None
    assert (decision.decision, decision.quantities, decision.name) == ("given", {case_id: 3}, "Petra Beispiel")
    assert (decision.address, decision.channel, decision.at) == ("192.0.2.7", "page", both.desk.now)
    assert decision.text == f"{asked.text.subject}\n\n{asked.text.body}"
    event = both.desk.events(both.desk.case)[-1]
    assert (event.actor, event.actor_name, event.data["comment"]) == ("customer", "Petra Beispiel", "Merci")


def test_a_refusal_ends_the_case(office: Office) -> None:
    asked = office.ask()
    office.page(path_of(asked), YES | {"decision": "refused", "comment": "zu teuer"})

    assert (office.desk.case.state, office.record(asked).consent.state) == ("refused", "refused")
    assert office.desk.events(office.desk.case)[-1].data["reason"] == "zu teuer"


def test_one_consent_is_for_all_products_of_a_bundle(both: Office) -> None:
    both.desk.read_all([License(SPB, "SPB", 10, 14), License(E3, "ENTERPRISEPACK", 5, 7)])
    first, second = both.desk.cases
    changes.bundle(both.engine, ANNA, [first.case_id, second.case_id], both.desk.now)
    asked = both.ask(quantities={second.case_id: 2})

    both.page(path_of(asked), YES | {f"quantity-{first.case_id}": "1"})

    assert [(case.state, case.quantity) for case in both.desk.cases] == [("approved", 1), ("approved", 2)]


@pytest.mark.parametrize(("form", "field"), [
    ({"decision": "", "name": "P"}, "decision"), ({"decision": "given", "name": " \u200b "}, "name"),
    ({"decision": "given", "name": "x" * 201}, "name"), ({**YES, "comment": "x" * 2001}, "comment"),
    *[({**YES, "quantity": quantity}, "quantity") for quantity in ("0", "6", "-1", "1.5", "x", "١", "9" * 400)],
])  # fmt: skip
def test_a_wrong_answer_is_told_at_its_field_and_decides_nothing(
    office: Office, form: dict[str, str], field: str
) -> None:
    asked, case_id = office.ask(), office.desk.case.case_id
    before = dump(office.engine)
    form = {f"quantity-{case_id}" if name == "quantity" else name: value for name, value in form.items()}

    status, _, shown = office.page(path_of(asked), form)

    assert (status, f'id="fault-{case_id if field == "quantity" else field}"' in shown) == (422, True)
    assert dump(office.engine) == before


def test_odd_texts_are_kept_and_shown_as_texts(office: Office) -> None:
    asked = office.ask(reason="<script>alert(1)</script>\n{{ 7*7 }}")
    assert "&lt;script&gt;alert(1)" in office.page(path_of(asked))[2]
    office.page(path_of(asked), YES | {"name": "<b>\x00\ud800O'Neil</b>".encode("utf-8", "replace").decode()})

    assert "<b>" not in office.page(path_of(asked))[2]
    assert office.desk.case.state == "approved"


# Links that decide nothing (any more)


def leave(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(
            update(contacts).where(contacts.c.contact_id == "petra").values(valid_until=date(2020, 1, 1))
        )


def become_informed(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(update(contacts).where(contacts.c.contact_id == "petra").values(role="information"))


def expire(office: Office) -> None:
    office.desk.now += timedelta(days=14)


def recover(office: Office) -> None:
    for _ in range(3):
        office.desk.read(20, 14)


def delete_contact(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(delete(contacts).where(contacts.c.contact_id == "petra"))


ENDS: dict[str, tuple[Callable[[Office], object], str]] = {
    "expired": (expire, "expired"),
    "asked anew": (lambda office: office.ask("urs", price="CHF 6"), "revoked"),
    "other quantity": (
        lambda office: changes.set_quantity(office.engine, ANNA, office.desk.case.case_id, 9, office.desk.now),
        "revoked",
    ),
    "taken back": (
        lambda office: changes.bring_back(office.engine, ANNA, office.desk.case.case_id, "doch", office.desk.now),
        "revoked",
    ),
    "closed": (
        lambda office: changes.close(office.engine, ANNA, office.desk.case.case_id, "x", office.desk.now), "case_closed"
    ),
    "recovered": (recover, "case_closed"),
    "contact left": (leave, "contact_left"),
    "contact deleted": (delete_contact, "contact_left"),
    "only informed": (become_informed, "contact_left"),
    "answered": (lambda office: None, "answered"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_link_that_decides_nothing_says_why_in_the_contacts_language(office: Office, name: str) -> None:
    end, why = ENDS[name]
    asked = office.ask()
    if name == "answered":
        office.page(path_of(asked), YES)
    end(office)
    before = dump(office.engine)

    for form in (None, YES, YES | {"decision": "refused"}):
        status, _, shown = office.page(path_of(asked), form)
        title = customer_catalogue("fr")[f"approval.end.{why}"]
        assert (status in (403, 410), title in shown.replace("&#39;", "'")) == (True, True)

    assert dump(office.engine) == before


@pytest.mark.parametrize(
    "path", ["/freigabe", "/freigabe/", "/freigabe/x", "/freigabe/a/b", "/freigabe/" + "A" * 3_000]
)
def test_an_unknown_link_is_told_plainly(office: Office, path: str) -> None:
    office.ask()
    before = dump(office.engine)

    assert [office.page(path, form)[0] for form in (None, YES)] == [404, 404]
    assert dump(office.engine) == before


def test_a_thousand_looks_of_scanners_change_no_row(office: Office) -> None:
    asked = office.ask()
    before = dump(office.engine)

    async def look_often() -> set[int]:
        calls = [("HEAD" if number % 2 else "GET", f"scanner {number % 10}") for number in range(1_000)]
        return {
            (await answer_of(office.router, path_of(asked), None, method, agent=agent))[0] for method, agent in calls
        }

    assert completed(look_often()) == {200}
    assert dump(office.engine) == before


def test_a_link_with_the_end_of_its_sentence_is_understood(office: Office) -> None:
    asked = office.ask()

    assert [office.page(path_of(asked) + end)[0] for end in (".", ">", ").", " ")] == [200] * 4
    assert office.page(path_of(asked) + "x")[0] == 404


def test_who_looks_too_often_waits_and_others_do_not(office: Office) -> None:
    office.pace = AddressPace(2, 1)
    asked = office.ask()

    assert [office.page(path_of(asked))[0] for _ in range(3)] == [200, 200, 429]
    assert office.page(path_of(asked), host="198.51.100.9")[0] == 200
    assert [office.page(path_of(asked), {"name": ""})[0] for _ in range(2)] == [422, 429]


def test_of_two_answers_at_once_one_decides(both: Office) -> None:
    asked, done = both.ask(), []
    begin = threading.Barrier(2)

    def answer(decision: str) -> None:
        begin.wait(30)
        try:
            redeem(both.engine, token_of(asked), Answer(decision, "P"), both.desk.now, ZURICH, "")
            done.append(decision)
        except LinkClosed as closed:
            done.append(closed.why)

    threads = [threading.Thread(target=answer, args=(one,)) for one in ("given", "refused")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert "answered" in done
    assert len(done) == 2
    (decision,) = set(done) - {"answered"}
    assert both.record(asked).consent.state == decision
    assert both.desk.case.state == {"given": "approved", "refused": "refused"}[decision]


# What is kept


def test_only_the_hash_of_a_token_is_kept(office: Office) -> None:
    asked = office.ask()
    token = token_of(asked)

    assert len(token) >= 43
    assert token not in repr(dump(office.engine))
    assert hash_of(token) in repr(dump(office.engine))
    assert new_token()[0] != new_token()[0]


def test_the_database_itself_refuses_to_change_or_take_what_was_offered_and_decided(both: Office) -> None:
    asked = both.ask()
    both.page(path_of(asked), YES)
    before = dump(both.engine)
    for statement in (
        update(consent_links).values(body="other"), delete(consent_links), update(consent_items).values(quantity=1),
        delete(consent_items), update(consent_decisions).values(name="other"), delete(consent_decisions),
    ):  # fmt: skip
        with pytest.raises(DBAPIError, match="append-only"), both.engine.begin() as connection:
            connection.execute(statement)

    assert dump(both.engine) == before


def test_consents_go_with_their_tenant(both: Office) -> None:
    both.page(path_of(both.ask()), YES)
    with both.engine.begin() as connection:
        connection.execute(delete(tenants).where(tenants.c.tenant_id == SCHOOL))
        left = [connection.execute(select(table)).all() for table in (consents, consent_links, consent_decisions)]

    assert left == [[], [], []]


@pytest.mark.parametrize("contact", ["", "nobody", "informed"])
def test_only_a_valid_contact_of_the_customer_is_asked(office: Office, contact: str) -> None:
    with office.engine.begin() as connection:
        connection.execute(update(contacts).where(contacts.c.contact_id == "urs").values(
            contact_id="informed", role="information"))  # fmt: skip

    with pytest.raises(CaseRefused) as refused:
        office.ask(contact)
    assert refused.value.problem.code == "approval.no_contact"
    assert office.desk.case.state == "open"


@pytest.mark.parametrize("quantity", [0, -1, 100_001])
def test_an_impossible_quantity_asks_nobody(office: Office, quantity: int) -> None:
    with pytest.raises(CaseRefused):
        office.ask(quantities={office.desk.case.case_id: quantity})
    assert office.desk.case.state == "open"


# Texts


def test_customers_have_the_same_texts_in_all_their_languages() -> None:
    german = customer_catalogue("de")
    for language in customer_languages():
        other = customer_catalogue(language)
        assert set(other) == set(german)
        assert [key for key in german if values_of(german[key]) != values_of(other[key]) or not other[key]] == []


def test_every_text_for_customers_is_used() -> None:
    written = "".join(
        path.read_text("utf-8")
        for path in [*ROOT.glob("web/**/*.html"), *ROOT.glob("web/*.py"), *ROOT.glob("core/cases/*.py")]
    )
    parts = [key for key in customer_catalogue("de") if f'"{key}"' not in written]
    composed = (
        "approval.end.",
        "approval.next.",
        "approval.decided.",
        "approval.fault.",
        "approval.mail.",
        "rating.end.",
        "rating.next.",
        "rating.fault.",
        "rating.mail.",
        "rating.stars.",
    )

    assert [key for key in parts if not key.startswith(composed)] == []
