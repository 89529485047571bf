"""The contacts of a tenant: what they must be like, who is asked, and how they are changed, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, delete, insert

from core.audit import Search, find
from core.cache.contact_rows import Contact
from core.cache.schema import tenants
from core.roles import NotAllowed
from core.tenants.contact_rules import (
    LONGEST_EMAIL,
    approver_of,
    approvers,
    cleaned,
    faults_of,
    name_and_address,
    same_address,
    validity_of,
)
from core.tenants.contacts import (
    MOST_CONTACTS,
    ContactRefused,
    NoSuchContact,
    OtherContact,
    add,
    all_contacts,
    change,
    contacts_of,
    end,
    find_contact,
    remove,
)
from tests.actors import ADMIN, SUPPORT, VIEWER

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
DAY = date(2027, 1, 15)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
CHUR, HOERI = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PETRA = Contact("", CHUR, "Petra Muster", "petra@example.ch", "+41 44 123 45 67")


# ---------------------------------------------------------------- what a contact must be like


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"name": "  Petra \u00a0 Muster "}, {"name": "Petra Muster"}),
        ({"name": "Petra \u202eretsuM"}, {"name": "Petra retsuM"}),  # turns the direction of writing
        ({"name": "<b>=cmd|'/c calc'!A0</b>"}, {}),  # shown as it is, see the page and the files
        ({"email": " petra@example.ch "}, {"email": "petra@example.ch"}),
        ({"email": "Petra@EXAMPLE.ch"}, {"email": "Petra@example.ch"}),  # before the @ capitals may matter
        ({"email": "info@xn--zrich-kva.ch"}, {"email": "info@zürich.ch"}),
        ({"email": "jürg@höri.ch"}, {}),
        ({"email": "=1+1@example.ch"}, {}),
        ({"phone": ""}, {}),
        ({"phone": "044\u00a0123  45 67"}, {"phone": "044 123 45 67"}),
        ({"phone": "+41 (0)44/123-45.67"}, {}),
        ({"phone": "＋４１ 44 123 45 67"}, {"phone": "+41 44 123 45 67"}),
        ({"valid_from": DAY, "valid_until": DAY}, {}),  # one day
        *[({"language": language}, {}) for language in ("de", "fr", "it", "en")],
        *[({"role": role}, {}) for role in ("approver", "substitute", "information")],
    ],
)
def test_a_contact_is_stored_without_what_nobody_sees(given: dict[str, object], stored: dict[str, object]) -> None:
    contact = cleaned(replace(PETRA, **given))  # type: ignore[arg-type]

    assert faults_of(contact) == {}
    assert contact == replace(PETRA, **{**given, **stored})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        ("name", ["", " \t\u00a0\u2003", "\u200b\u200d"], "name_missing"),
        ("name", ["Petra\x00", "Petra\ud800", "Petra\x1b[31m", "Petra\u200d Muster"], "name_signs"),
        ("name", ["x" * 201, "x" * 10_000], "name_long"),
        ("email", ["", "  "], "email_missing"),
        ("email", ["petra", "petra@", "@example.ch", "petra@example", "petra@localhost", "petra@host.local"],
         "email_wrong"),
        ("email", ["petra@example.ch\nBcc: all@example.ch", "petra@example.ch\r\n", "petra\n@example.ch",
                   "petra@example.ch, eva@example.ch", "Petra <petra@example.ch>"], "email_wrong"),
        ("email", ["petra\u202e@example.ch", "petra@exam\u200bple.ch", "petra@example.ch\x00",
                   "petra\ud800@example.ch"], "email_wrong"),
        ("email", ["x" * 10_000 + "@example.ch", "x" * 64 + "@" + ("x" * 60 + ".") * 4 + "ch"], "email_wrong"),
        ("phone", ["1234", "1" * 16, "044 123 45 67 intern 12", "0441234567+", "44+1234567", "044\x1b1234567",
                   "044123\x004567", "=044 123 45 67", "1" * 10_000, "-" * 20, "٠٤٤١٢٣٤٥٦٧"], "phone_wrong"),
        ("language", ["", "rm", "DE", "de\n"], "language_wrong"),
        ("role", ["", "admin", "Approver"], "role_wrong"),
        ("valid_from", [date.min, date(1989, 12, 31), date(9999, 12, 31)], "day_wrong"),
        ("valid_until", [date.min, date.max], "day_wrong"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told(field: str, values: list[object], code: str) -> None:
    for value in values:
        faults = faults_of(cleaned(replace(PETRA, **{field: value})))  # type: ignore[arg-type]

        assert {name: problem.code for name, problem in faults.items()} == {field: f"contact.{code}"}, value
        assert all(len(problem.text("de")) < 400 for problem in faults.values()), value


def test_every_fault_is_told_at_once() -> None:
    wrong = Contact("", CHUR, "", "x", "y", "z", "boss", AFTER, DAY)

    assert list(faults_of(wrong)) == ["name", "email", "phone", "language", "role", "valid_until"]
    assert faults_of(wrong)["valid_until"].text("de") == "Das Ende (2027-01-15) liegt vor dem Beginn (2027-01-16)."


def test_the_longest_address_fits() -> None:
    longest = "x" * 64 + "@" + ("x" * 60 + ".") * 3 + "exa"
    assert len(f"{longest}.ch") == LONGEST_EMAIL

    assert faults_of(cleaned(replace(PETRA, email=f"{longest}.ch"))) == {}
    assert list(faults_of(cleaned(replace(PETRA, email=f"{longest}m.ch")))) == ["email"]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "state"),
    [
        (None, None, "valid"),
        (DAY, DAY, "valid"),
        (BEFORE, AFTER, "valid"),
        (AFTER, None, "coming"),
        (AFTER, AFTER, "coming"),
        (None, BEFORE, "ended"),
        (BEFORE, BEFORE, "ended"),
    ],
)
def test_a_contact_is_to_come_valid_or_ended(valid_from: date | None, valid_until: date | None, state: str) -> None:
    assert validity_of(replace(PETRA, valid_from=valid_from, valid_until=valid_until), DAY) == state


@pytest.mark.parametrize(
    ("other", "warned"),
    [
        ({}, True),
        ({"email": "PETRA@example.ch"}, True),
        ({"role": "substitute"}, False),
        ({"email": "eva@example.ch"}, False),
        ({"tenant_id": HOERI}, False),
        ({"valid_until": BEFORE}, False),  # her former time
        ({"valid_until": DAY}, True),
        ({"contact_id": "new"}, False),  # herself
    ],
)
def test_the_same_address_in_the_same_role_is_warned_about(other: dict[str, object], warned: bool) -> None:
    new = replace(PETRA, contact_id="new", valid_from=DAY)
    stored = replace(PETRA, **{"contact_id": "stored", **other})  # type: ignore[arg-type]

    assert same_address(new, [stored]) == (stored if warned else None)


# ---------------------------------------------------------------- who is asked


def one(name: str, role: str = "approver", start: date | None = None, last: date | None = None) -> Contact:
    return Contact(name, CHUR, name, f"{name}@example.ch", "", "de", role, start, last)


@pytest.mark.parametrize(
    ("contacts", "asked"),
    [
        pytest.param([], [], id="nobody"),
        pytest.param([one("a")], ["a"], id="the-approver"),
        pytest.param([one("s", "substitute"), one("a")], ["a", "s"], id="approver-before-substitute"),
        pytest.param([one("a"), one("b")], ["a", "b"], id="two-approvers-in-the-order-of-adding"),
        pytest.param([one("t", "substitute"), one("s", "substitute")], ["t", "s"], id="substitutes-in-their-order"),
        pytest.param([one("i", "information")], [], id="who-is-only-told-is-not-asked"),
        pytest.param([one("a", last=BEFORE), one("s", "substitute")], ["s"], id="approver-has-ended"),
        pytest.param([one("a", start=AFTER), one("s", "substitute")], ["s"], id="approver-is-to-come"),
        pytest.param([one("a", start=DAY, last=DAY)], ["a"], id="on-the-only-day"),
        pytest.param([one("a", last=BEFORE), one("s", "substitute", start=AFTER)], [], id="a-gap"),
        pytest.param([one("a", last=DAY), one("b", start=AFTER)], ["a"], id="the-last-day-of-a-successor"),
    ],
)
def test_the_valid_approver_is_asked_else_the_substitutes(contacts: list[Contact], asked: list[str]) -> None:
    first = approver_of(contacts, DAY)

    assert [contact.name for contact in approvers(contacts, DAY)] == asked
    assert (first.name if first else None) == next(iter(asked), None)


@pytest.mark.parametrize(
    ("text", "name", "email"),
    [
        ("Petra Muster <petra@example.ch>", "Petra Muster", "petra@example.ch"),
        ('"Muster, Petra" < petra@example.ch >', "Muster, Petra", "petra@example.ch"),
        ("petra@example.ch", "petra@example.ch", "petra@example.ch"),
        ("<petra@example.ch>", "petra@example.ch", "petra@example.ch"),
        ("Petra Muster", "Petra Muster", "Petra Muster"),  # a fault: no address
        ("Petra <petra@example.ch> (Leitung)", *["Petra <petra@example.ch> (Leitung)"] * 2),
        ("Petra <petra@example.ch>\nBcc: <eva@example.ch>", "Petra", "petra@example.ch>\nBcc: <eva@example.ch"),
    ],
)
def test_a_line_holds_a_name_and_an_address(text: str, name: str, email: str) -> None:
    assert name_and_address(text) == (name, email)


# ---------------------------------------------------------------- changing them


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with two tenants."""
    with database.begin() as connection:
        for tenant_id, slug, name in ((CHUR, "chur", "Bau AG Chur"), (HOERI, "hoeri", "Schule Höri")):
            connection.execute(insert(tenants).values(tenant_id=tenant_id, slug=slug, name=name, former_names=[]))
    return database


def audited(engine: Engine) -> list[tuple[str, str, str, str]]:
    rows = find(engine, ADMIN, Search(), limit=20)[0]
    return [(row.action, row.target, row.before, row.after) for row in rows]


def test_a_contact_is_added_changed_ended_and_removed_and_the_audit_knows_it(engine: Engine) -> None:
    petra, added = add(engine, ADMIN, PETRA, NOW)
    changed = change(engine, ADMIN, CHUR, petra.contact_id, partial(replace, language="fr"), NOW + timedelta(hours=1))
    ended = end(engine, ADMIN, CHUR, petra.contact_id, DAY, NOW + timedelta(hours=2))
    removed = remove(engine, ADMIN, CHUR, petra.contact_id, NOW + timedelta(hours=3))

    assert added
    assert (changed.language, ended.valid_until, removed) == ("fr", DAY, ended)
    assert contacts_of(engine, SUPPORT, CHUR) == []
    assert [action for action, *_ in audited(engine)] == [
        "contact.removed", "contact.changed", "contact.changed", "contact.added",
    ]  # fmt: skip
    assert {target for _, target, *_ in audited(engine)} == {"Bau AG Chur: Petra Muster"}
    assert '"until": "2027-01-15"' in audited(engine)[1][3]


def test_the_same_contact_is_not_added_twice(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: add(engine, ADMIN, PETRA, NOW), range(8)))

    assert sorted(added for _, added in results) == [False] * 7 + [True]
    assert len({contact.contact_id for contact, _ in results}) == 1
    assert [action for action, *_ in audited(engine)] == ["contact.added"]


def test_a_change_without_a_difference_is_not_written(engine: Engine) -> None:
    petra, _ = add(engine, ADMIN, PETRA, NOW)

    same = change(engine, ADMIN, CHUR, petra.contact_id, lambda stored: stored, NOW + timedelta(hours=1))

    assert same == petra
    assert len(audited(engine)) == 1


def test_a_contact_that_somebody_else_has_changed_is_not_overwritten(engine: Engine) -> None:
    petra, _ = add(engine, ADMIN, PETRA, NOW)
    later = NOW + timedelta(seconds=1)
    change(engine, ADMIN, CHUR, petra.contact_id, partial(replace, name="Petra Neu"), later)

    with pytest.raises(OtherContact):
        change(
            engine, ADMIN, CHUR, petra.contact_id, partial(replace, phone=""), later, version=petra.changed_at
        )  # fmt: skip
    assert find_contact(engine, SUPPORT, CHUR, petra.contact_id).phone == PETRA.phone


def test_a_contact_of_another_tenant_is_no_contact(engine: Engine) -> None:
    petra, _ = add(engine, ADMIN, PETRA, NOW)

    for call in (
        lambda: find_contact(engine, ADMIN, HOERI, petra.contact_id),
        lambda: change(engine, ADMIN, HOERI, petra.contact_id, partial(replace, name="x"), NOW),
        lambda: end(engine, ADMIN, HOERI, petra.contact_id, DAY, NOW),
        lambda: remove(engine, ADMIN, HOERI, petra.contact_id, NOW),
        lambda: add(engine, ADMIN, replace(PETRA, tenant_id="33333333-3333-4333-8333-333333333333"), NOW),
    ):
        with pytest.raises(NoSuchContact):
            call()
    assert all_contacts(engine, SUPPORT) == [petra]


def test_no_change_moves_a_contact_to_another_tenant(engine: Engine) -> None:
    petra, _ = add(engine, ADMIN, PETRA, NOW)

    change(engine, ADMIN, CHUR, petra.contact_id, partial(replace, tenant_id=HOERI, contact_id="x"), NOW)

    assert contacts_of(engine, SUPPORT, CHUR) == [petra]


def test_a_faulty_change_changes_nothing(engine: Engine) -> None:
    petra, _ = add(engine, ADMIN, PETRA, NOW)

    with pytest.raises(ContactRefused) as refused:
        change(engine, ADMIN, CHUR, petra.contact_id, partial(replace, email="x", language="xx"), NOW)

    assert list(refused.value.faults) == ["email", "language"]
    assert contacts_of(engine, SUPPORT, CHUR) == [petra]


def test_a_tenant_has_a_largest_number_of_contacts(engine: Engine) -> None:
    for number in range(MOST_CONTACTS):
        add(engine, ADMIN, replace(PETRA, email=f"{number}@example.ch"), NOW)

    with pytest.raises(ContactRefused, match="at most 100"):
        add(engine, ADMIN, PETRA, NOW)
    assert add(engine, ADMIN, replace(PETRA, tenant_id=HOERI), NOW)[1]


def test_contacts_go_with_their_tenant(engine: Engine) -> None:
    add(engine, ADMIN, PETRA, NOW)
    kept, _ = add(engine, ADMIN, replace(PETRA, tenant_id=HOERI), NOW)

    with engine.begin() as connection:
        connection.execute(delete(tenants).where(tenants.c.tenant_id == CHUR))

    assert all_contacts(engine, SUPPORT) == [kept]


def test_support_sees_contacts_and_an_admin_changes_them(engine: Engine) -> None:
    add(engine, ADMIN, PETRA, NOW)

    assert len(contacts_of(engine, SUPPORT, CHUR)) == 1
    with pytest.raises(NotAllowed):
        contacts_of(engine, VIEWER, CHUR)
    with pytest.raises(NotAllowed):
        add(engine, SUPPORT, PETRA, NOW)
