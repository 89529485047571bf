"""What people do with a case: what the table allows, by whom, with what given; and never over the change of another."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from core import audit
from core.audit import Search
from core.cache.account_rows import Account, add_account
from core.cache.case_lists import CaseFilter, case_page
from core.cache.case_rows import Case
from core.cache.database import open_database
from core.cache.schema import case_numbers
from core.cache.sql import transaction
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.transitions import ENDED, KINDS, OPEN, STATES, TRANSITIONS, possible, transition
from core.cases.writing import CaseChanged, CaseRefused, CaseUnknown, need_case, write
from core.licenses.units import License
from core.problems import ProblemError
from core.roles import Actor
from core.tenants import levels
from core.texts import has_text
from tests.actors import ADMIN, entry
from tests.case_table import DOCUMENT, between, table
from tests.case_world import ANNA, BEN, NOON, OFFICE, SCHOOL, SPB, ZURICH, Desk

TOMORROW = NOON.date() + timedelta(days=1)


@pytest.fixture
def desk(database: Engine) -> Desk:
    desk = Desk(database)
    desk.read(10, 10)
    return desk


def act(desk: Desk, kind: str, data: dict[str, Any] | None = None, **options: Any) -> Case:
    """What consent, orders and readings write: an event of this kind."""
    with transaction(desk.engine) as connection:
        case = need_case(connection, desk.cases[0].case_id)
        return write(connection, case, kind, data or {}, ANNA, desk.now, **options)


def refusal(call: Callable[[], object]) -> str:
    """The code with which a call is refused, which has a text in both languages."""
    with pytest.raises(ProblemError) as refused:
        call()
    code = refused.value.problem.code
    assert has_text(code)
    return code


# The table


def test_states_and_events_of_the_table_are_known_and_each_is_reached() -> None:
    assert {row.kind for row in TRANSITIONS} | {"opened"} == set(KINDS)
    reached = {row.end for row in TRANSITIONS} - {"same", "resumed"}
    assert reached | {"open", "partly_delivered"} == set(STATES)
    assert set(OPEN) | set(ENDED) == set(STATES)
    assert all(possible(state, "staff") for state in STATES)


def test_each_event_leads_from_each_state_to_one_other_only() -> None:
    pairs = [(row.kind, state) for row in TRANSITIONS for state in row.start]

    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("state", STATES)
def test_only_the_product_says_that_a_shortage_is_over_and_only_a_person_reopens_what_was_refused(state: str) -> None:
    assert not any(row.kind in ("told", "units_seen", "recovered") for row in possible(state, "staff"))
    assert not any(row.kind == "reopened" for row in possible("refused", "product"))


def test_every_refusal_has_its_words() -> None:
    codes = {f"case.not_possible.{state}" for state in STATES}
    codes |= {f"case.needs.{name}" for row in TRANSITIONS for name in row.needs}
    codes |= {f"case.changed.{kind}" for kind in KINDS if kind not in ("opened", "told", "units_seen", "reminded")}

    assert [code for code in sorted(codes) if not has_text(code)] == []


def test_the_document_draws_the_table_and_explains_each_state() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")

    assert between(document) == table()
    explained = document.partition("## Zustände")[2].partition("\n## ")[0]
    assert [state for state in STATES if f"| `{state}` |" not in explained] == []


@pytest.mark.parametrize(("resumes", "kind", "allowed"), [
    ("approved", "recovered", True), ("ordered", "recovered", False), ("ordered", "delivered", True),
    ("open", "delivered", False), ("ordered", "quantity_changed", False), ("open", "returned", True),
])  # fmt: skip
def test_a_postponed_case_may_do_what_the_state_that_it_pauses_may(resumes: str, kind: str, allowed: bool) -> None:
    assert (transition(kind, "postponed", resumes) is not None) is allowed


# One thing after the other


def test_from_taken_to_delivered(desk: Desk) -> None:
    case = desk.case
    case = changes.take(desk.engine, ANNA, case.case_id, desk.now)
    case = changes.set_quantity(desk.engine, ANNA, case.number, 5, desk.now, waiting=2)
    case = act(desk, "asked", {"quantity": 5})
    case = act(desk, "consent_given", {"quantity": 4}, who="customer")
    assert (case.state, case.quantity, case.owner_name) == ("approved", 4, "Anna")
    case = act(desk, "ordered", {"quantity": 4})
    assert (case.state, case.under_way) == ("ordered", 4)
    units = {"enabled": 12, "free": 2, "missing": 0, "stage": "ok", "short": False}
    case = act(desk, "units_seen", {**units, "delivered": 2}, who="product")
    assert (case.state, case.under_way) == ("partly_delivered", 2)
    case = act(desk, "delivered", {"delivered": 4}, who="product")
    case = act(desk, "closed", {}, who="product")

    assert (case.state, case.outcome, case.under_way, case.is_open) == ("closed", "delivered", 0, False)
    assert desk.case == case


def test_a_case_with_an_order_waits_for_it_although_seats_are_free_again(desk: Desk) -> None:
    changes.approve(desk.engine, ANNA, desk.case.case_id, 5, "Rahmenvertrag", desk.now)
    act(desk, "ordered", {"quantity": 5})
    desk.read(10, 8)
    desk.read(10, 8)
    desk.read(10, 8)

    assert (desk.case.state, desk.case.under_way) == ("ordered", 5)
    assert desk.kinds(desk.case)[-1] == "units_seen"


def test_postponed_it_returns_to_where_it_was(desk: Desk) -> None:
    changes.approve(desk.engine, ANNA, desk.case.case_id, 5, "Rahmenvertrag", desk.now)
    case = changes.postpone(desk.engine, ANNA, desk.case.case_id, TOMORROW, "Budget im neuen Jahr", desk.now, ZURICH)
    assert (case.state, case.postponed_until) == ("postponed", TOMORROW)

    case = changes.bring_back(desk.engine, ANNA, case.case_id, "", desk.now)

    assert (case.state, case.postponed_until, case.resumes) == ("approved", None, "")


def test_a_new_quantity_is_asked_anew(desk: Desk) -> None:
    act(desk, "asked", {"quantity": 5})
    assert changes.set_quantity(desk.engine, ANNA, desk.case.case_id, 6, desk.now).state == "open"


def test_a_level_that_needs_no_consent_approves_what_somebody_works_on(desk: Desk) -> None:
    number = desk.case.case_id
    levels.keep(desk.engine, replace(levels.levels(desk.engine)["standard"], needs_consent=False), ADMIN, ["standard"])
    assert desk.case.state == "open"  # nobody has looked at it

    taken = changes.take(desk.engine, ANNA, number, desk.now)
    assert (taken.state, taken.owner, taken.quantity) == ("approved", "anna", 1)
    assert (desk.events(taken)[-1].actor, desk.events(taken)[-1].data["level"]) == ("schedule", "Standard")
    more = changes.set_quantity(desk.engine, ANNA, number, 3, desk.now)
    assert (more.state, more.quantity) == ("approved", 3)
    assert changes.bring_back(desk.engine, ANNA, number, "wir fragen doch", desk.now).state == "open"
    assert changes.give(desk.engine, ANNA, number, "", desk.now).state == "open"
    assert desk.case.state == "open"


def test_what_was_refused_is_reopened_by_a_person_alone_and_more_demand_makes_a_new_case(desk: Desk) -> None:
    act(desk, "asked", {"quantity": 5})
    act(desk, "consent_refused", {"reason": "zu teuer"}, who="customer")
    desk.read(10, 10)
    assert (desk.case.state, desk.case.is_open) == ("refused", False)

    desk.read(10, 11)

    first, newest = desk.cases
    assert (newest.state, newest.follows) == ("open", first.case_id)
    reopening = lambda: changes.reopen(desk.engine, ANNA, first.case_id, "doch", desk.now)  # noqa: E731
    assert refusal(reopening) == "case.open_already"
    changes.close(desk.engine, ANNA, newest.case_id, "doppelt", desk.now)
    assert reopening().state == "open"


def test_cases_of_one_customer_are_joined(desk: Desk) -> None:
    today = NOON.date()
    other = open_ahead(desk.engine, ANNA, AheadRequest(SCHOOL, desk_product(desk), 3, today), desk.now, ZURICH)
    joined = changes.bundle(desk.engine, ANNA, [desk.cases[0].case_id, other.case_id], desk.now)
    assert len({case.bundle_id for case in joined}) == 1

    assert changes.unbundle(desk.engine, ANNA, other.case_id, desk.now).bundle_id == ""
    desk.read(10, 10, tenant=OFFICE)
    foreign = desk.cases[-1].case_id
    assert refusal(lambda: changes.bundle(desk.engine, ANNA, [foreign, other.case_id], desk.now)) == (
        "case.bundle_of_several"
    )


def desk_product(desk: Desk) -> str:
    """A product that another customer has."""
    desk.read_all([License("e3", "E3", 5, 1)], tenant=OFFICE)
    return "e3"


def test_given_to_somebody_who_may_work_on_it_or_back_to_all(desk: Desk) -> None:
    for name, role in (("cora", "support"), ("vera", "viewer")):
        account = Account(name, "", role, disabled=False, created_at=NOON, password_changed_at=NOON)
        add_account(desk.engine, account, entry())

    assert changes.give(desk.engine, ANNA, desk.case.case_id, "cora", desk.now).owner == "cora"
    assert changes.give(desk.engine, ANNA, desk.case.case_id, "", desk.now).owner == ""
    for name in ("vera", "nobody"):
        assert refusal(lambda name=name: changes.give(desk.engine, ANNA, desk.case.case_id, name, desk.now)) == (  # type: ignore[misc]
            "case.owner_unknown"
        )


def test_each_change_by_a_person_is_in_the_audit(desk: Desk) -> None:
    changes.take(desk.engine, ANNA, desk.case.case_id, desk.now)
    changes.close(desk.engine, ANNA, desk.case.case_id, "erledigt", desk.now)

    rows, _ = audit.find(desk.engine, ADMIN, Search(), limit=9)
    assert [(row.action, row.target, row.actor) for row in rows] == [
        ("case.closed", "2027-0001", "anna"), ("case.taken", "2027-0001", "anna")
    ]  # fmt: skip


def test_a_second_click_of_the_same_person_changes_nothing(desk: Desk) -> None:
    seen = desk.case.version
    first, second = (changes.take(desk.engine, ANNA, desk.case.case_id, desk.now, expected=seen) for _ in range(2))

    assert first == second
    assert desk.kinds(desk.case) == ["opened", "taken"]


def test_people_who_wait_make_a_shortage_critical(desk: Desk) -> None:
    assert changes.set_quantity(desk.engine, ANNA, desk.case.case_id, 3, desk.now, waiting=2).priority == "critical"


def test_names_of_any_length_and_kind_are_kept_as_the_table_can(desk: Desk) -> None:
    odd = Actor("x" * 300, "support", "api", "\ud83d\u202e" + "y" * 300)
    changes.take(desk.engine, odd, desk.case.case_id, desk.now)

    assert (len(desk.case.owner), len(desk.case.owner_name)) == (100, 255)


def test_the_order_of_numbers_is_that_of_counting(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        connection.execute(update(case_numbers).values(last=9_998))
    desk.read(10, 10, tenant=OFFICE)
    desk.read_all([License("e3", "E3", 5, 5)], tenant=OFFICE)

    found, _ = case_page(desk.engine, CaseFilter(), sort="number", limit=9)
    assert [one.case.number for one in found] == ["2027-0001", "2027-9999", "2027-10000"]


# Bad input


@pytest.mark.parametrize(("change", "code"), [
    ({"quantity": 0}, "case.quantity"), ({"quantity": 100_001}, "case.quantity"), ({"quantity": -1}, "case.quantity"),
    ({"wanted_at": NOON.date() - timedelta(days=1)}, "case.wanted_at"), ({"wanted_at": date.max}, "case.wanted_at"),
    ({"tenant_id": "nobody"}, "case.tenant_unknown"), ({"tenant_id": "\ud800'--"}, "case.tenant_unknown"),
    ({"sku_id": "nothing"}, "case.product_unknown"), ({"note": "x" * 4001}, "case.text_too_long"),
    ({"waiting": -1}, "case.waiting"), ({}, "case.open_already"),
])  # fmt: skip
def test_what_cannot_be_wanted_is_said(desk: Desk, change: dict[str, Any], code: str) -> None:
    values = {"tenant_id": SCHOOL, "sku_id": SPB, "quantity": 10, "wanted_at": TOMORROW} | change

    assert refusal(lambda: open_ahead(desk.engine, ANNA, AheadRequest(**values), desk.now, ZURICH)) == code
    assert len(desk.cases) == 1


@pytest.mark.parametrize("day", [NOON.date(), date.min, date.max])
def test_a_day_to_return_lies_ahead(desk: Desk, day: date) -> None:
    case_id = desk.case.case_id
    assert refusal(lambda: changes.postpone(desk.engine, ANNA, case_id, day, "x", desk.now, ZURICH)) == (
        "case.postponed_until"
    )


def test_what_must_be_given_is_asked_for(desk: Desk) -> None:
    engine, case_id, now = desk.engine, desk.case.case_id, desk.now

    assert refusal(lambda: changes.close(engine, ANNA, case_id, " \n ", now)) == "case.needs.reason"
    assert refusal(lambda: changes.comment(engine, ANNA, case_id, "", now)) == "case.needs.text"
    assert refusal(lambda: changes.bring_back(engine, ANNA, case_id, "x", now)) == "case.not_possible.open"
    assert refusal(lambda: changes.set_priority(engine, ANNA, case_id, "urgent", now)) == "case.priority_unknown"
    assert refusal(lambda: changes.take(engine, ANNA, "2099-0001", now)) == "case.unknown"
    for twice in ([case_id, case_id], [case_id, desk.case.number]):
        assert refusal(lambda twice=twice: changes.bundle(engine, ANNA, twice, now)) == "case.bundle_size"  # type: ignore[misc]
    assert desk.kinds(desk.case) == ["opened"]


def test_odd_text_is_kept_as_both_databases_can(desk: Desk) -> None:
    changes.comment(desk.engine, ANNA, desk.case.case_id, "a\x00b \ud83d\n\n<b>c</b> ", desk.now)

    assert desk.events(desk.case)[-1].data["text"] == "a\\x00b \\ud83d\n\n<b>c</b>"


# Two at once


def test_the_second_of_two_who_click_at_once_is_told_who_was_first(desk: Desk) -> None:
    case = desk.case
    outcomes: list[Case | ProblemError] = []
    ready = threading.Barrier(2)

    def click(actor: Any) -> None:
        ready.wait()
        try:
            outcomes.append(changes.take(desk.engine, actor, case.case_id, desk.now, expected=case.version))
        except ProblemError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=click, args=(actor,)) for actor in (ANNA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    (taken,) = [one for one in outcomes if isinstance(one, Case)]
    (refused,) = [one for one in outcomes if isinstance(one, CaseChanged)]
    assert desk.case == taken
    assert refused.problem.code == "case.changed.taken"
    assert taken.owner_name in refused.problem.text("de")
    assert [event.kind for event in refused.events] == ["taken"]


def test_notes_of_the_product_are_no_change_that_a_click_must_know(desk: Desk) -> None:
    seen = desk.case
    desk.read(10, 12)

    assert changes.take(desk.engine, ANNA, seen.case_id, desk.now, expected=seen.version).owner == "anna"
    with pytest.raises(CaseChanged):
        changes.close(desk.engine, BEN, seen.case_id, "x", desk.now, expected=seen.version)
    with pytest.raises(CaseRefused):
        changes.take(desk.engine, BEN, seen.case_id, desk.now)


def test_cases_opened_at_once_get_numbers_without_gaps(desk: Desk) -> None:
    def open_many(tenant: str) -> None:
        for number in range(8):
            sku = f"{tenant[-1]}-{number}"
            open_ahead(desk.engine, ANNA, AheadRequest(tenant, sku, 1, TOMORROW), desk.now, ZURICH)

    for tenant in (SCHOOL, OFFICE):
        desk.read_all([License(f"{tenant[-1]}-{number}", "E3", 9, 1) for number in range(8)], tenant=tenant)
    threads = [threading.Thread(target=open_many, args=(tenant,)) for tenant in (SCHOOL, OFFICE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [case.number for case in desk.cases] == [f"2027-{number:04d}" for number in range(1, 18)]


def test_a_case_that_is_unknown_or_of_a_later_version_is_said_so(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        with pytest.raises(CaseUnknown):
            need_case(connection, "nothing")
        with pytest.raises(CaseChanged):
            need_case(connection, desk.case.case_id, 99)


# Whatever is tried, in whatever order, the row is what its events say

STEPS = st.sampled_from([
    "read 10 8", "read 10 10", "read 10 13", "read 14 10", "read gone", "day", "take", "give", "comment", "asked",
    "consent_given", "consent_refused", "ordered", "units", "delivered", "postpone", "returned", "close", "reopen",
    "quantity", "priority", "mute", "refused row",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_the_row_is_the_fold_of_its_events_whatever_was_done_or_refused(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(open_database(f"sqlite:///{folder}/x.db"))
        desk.read(10, 10)
        for step in steps:
            desk.now += timedelta(minutes=1)
            with contextlib.suppress(CaseRefused, CaseChanged):
                do(desk, step)
            cases = desk.cases  # compares each with its events
            assert sum(case.is_open for case in cases) <= 1
            assert [case.number for case in cases] == [f"2027-{n:04d}" for n in range(1, len(cases) + 1)]
        desk.engine.dispose()


def do(desk: Desk, step: str) -> None:
    """Do one step with the newest case."""
    engine, case_id, now = desk.engine, desk.cases[-1].case_id, desk.now
    word, *numbers = step.split()
    if word == "read":
        desk.read_all([]) if numbers == ["gone"] else desk.read(int(numbers[0]), int(numbers[1]))
    elif step in ("day", "mute", "refused row"):
        steps: dict[str, Callable[[], object]] = {
            "day": lambda: desk.read(10, 10, minutes=3 * 24 * 60), "mute": desk.mute,
            "refused row": lambda: desk.read_all([], refused=[SPB]),
        }  # fmt: skip
        steps[step]()
    elif step in ("asked", "consent_given", "consent_refused", "ordered", "delivered"):
        with transaction(engine) as connection:
            write(connection, need_case(connection, case_id), step, {"quantity": 3}, ANNA, now)
    elif step == "units":
        units = {"enabled": 11, "free": 1, "missing": 0, "stage": "ok", "short": False, "delivered": 1}
        with transaction(engine) as connection:
            write(connection, need_case(connection, case_id), "units_seen", units, ANNA, now, who="product")
    else:
        calls: dict[str, Callable[[], object]] = {
            "take": lambda: changes.take(engine, ANNA, case_id, now),
            "give": lambda: changes.give(engine, ANNA, case_id, "", now),
            "comment": lambda: changes.comment(engine, ANNA, case_id, "so", now),
            "postpone": lambda: changes.postpone(
                engine, ANNA, case_id, now.date() + timedelta(days=2), "später", now, ZURICH
            ),
            "returned": lambda: changes.bring_back(engine, ANNA, case_id, "doch", now),
            "close": lambda: changes.close(engine, ANNA, case_id, "so", now),
            "reopen": lambda: changes.reopen(engine, ANNA, case_id, "so", now),
            "quantity": lambda: changes.set_quantity(engine, ANNA, case_id, 7, now),
            "priority": lambda: changes.set_priority(engine, ANNA, case_id, "low", now),
        }
        calls[step]()
