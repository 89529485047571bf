"""Lists of cases, what is due in them, and the duty that keeps them true: on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from core.cache.audit_rows import Entry
from core.cache.case_lists import SORTS, CaseFilter, case_page, count_by_state
from core.cache.case_rows import CASES_VERSION
from core.cache.leaving_rows import Leaving, add_leaving, undo_leaving
from core.cache.schema import levels, tenants
from core.cache.sql import document, transaction
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.clocks import clocks_of
from core.cases.duty import tend_cases
from core.cases.terms import terms_in
from core.cases.writing import need_case
from core.licenses.units import License
from tests.case_world import ANNA, E3, NOON, OFFICE, SCHOOL, SPB, ZURICH, Desk


@pytest.fixture
def desk(database: Engine) -> Desk:
    """Three cases: 1 of the office, critical; 2 of the school, taken; 3 ahead of time."""
    desk = Desk(database)
    desk.read(10, 12, tenant=OFFICE)
    desk.read_all([License(SPB, "SPB", 10, 10), License(E3, "E3", 5, 1)])
    changes.take(desk.engine, ANNA, "2027-0002", desk.now)
    request = AheadRequest(SCHOOL, E3, 10, NOON.date() + timedelta(days=30), "10 neue Lehrpersonen")
    open_ahead(desk.engine, ANNA, request, desk.now, ZURICH)
    return desk


def numbers(desk: Desk, wanted: CaseFilter, **options: object) -> list[int]:
    found, total = case_page(desk.engine, wanted, limit=9, **options)  # type: ignore[arg-type]
    assert total == len(found)
    return [int(one.case.number[5:]) for one in found]


@pytest.mark.parametrize(("wanted", "found"), [
    (CaseFilter(), {1, 2, 3}), (CaseFilter(states=["open"]), {1, 2, 3}), (CaseFilter(states=["asked"]), set()),
    (CaseFilter(tenant_ids=[OFFICE]), {1}), (CaseFilter(sku_ids=[E3]), {3}), (CaseFilter(owner="anna"), {2}),
    (CaseFilter(owner=""), {1, 3}), (CaseFilter(is_open=False), set()), (CaseFilter(words="höri lehrpersonen"), {3}),
    (CaseFilter(words="0002"), {2}), (CaseFilter(words="e3"), {3}), (CaseFilter(words="%"), set()),
    (CaseFilter(overdue_at=NOON), set()), (CaseFilter(overdue_at=NOON + timedelta(days=4)), {1}),
    (CaseFilter(owner="\ud800"), set()),
])  # fmt: skip
def test_each_filter(desk: Desk, wanted: CaseFilter, found: set[int]) -> None:
    assert set(numbers(desk, wanted)) == found
    assert sum(count_by_state(desk.engine, wanted).values()) == len(found)


def test_what_is_due_first_comes_first_and_each_sort_has_all(desk: Desk) -> None:
    assert numbers(desk, CaseFilter())[0] == 1
    assert numbers(desk, CaseFilter(), sort="priority") == [1, 2, 3]
    for sort in SORTS:
        assert sorted(numbers(desk, CaseFilter(), sort=sort, descending=True)) == [1, 2, 3]
    page, total = case_page(desk.engine, CaseFilter(), sort="number", limit=1, offset=1)
    assert ([one.case.number for one in page], total, page[0].tenant, page[0].next_action) == (
        ["2027-0002"], 3, "Höri", "ask"
    )  # fmt: skip


def test_a_case_leaves_the_lists_of_what_is_due_with_its_end(desk: Desk) -> None:
    changes.close(desk.engine, ANNA, "2027-0001", "erledigt", desk.now)

    (one,) = [one for one in case_page(desk.engine, CaseFilter(), limit=9)[0] if not one.case.is_open]
    assert (one.next_action, one.due_at) == ("none", None)


def test_a_tenant_that_leaves_is_not_listed_until_it_stays(desk: Desk) -> None:
    leaving = Leaving(SCHOOL, "hoeri", "Höri", "anna", desk.now, desk.now + timedelta(days=30), "", "")
    said = Entry(ANNA, "tenant.leaving", "Höri")
    version = document(desk.engine, CASES_VERSION, 0)
    assert add_leaving(desk.engine, leaving, said)

    assert numbers(desk, CaseFilter()) == [1]
    assert sum(count_by_state(desk.engine, CaseFilter()).values()) == 1
    assert document(desk.engine, CASES_VERSION, 0) == version + 1
    assert undo_leaving(desk.engine, SCHOOL, said, desk.now)
    assert len(numbers(desk, CaseFilter())) == 3
    assert document(desk.engine, CASES_VERSION, 0) == version + 2


def test_the_cases_of_a_tenant_go_with_its_profile_and_come_back_with_it(desk: Desk) -> None:
    def with_profiles(*tenant_ids: str) -> tuple[int, int]:
        """How many cases are listed, and what says that pages must read them again."""
        save_profiles(desk.engine, [ProfileTenant(one, one[-1], one, desk.now) for one in tenant_ids], {})
        return len(numbers(desk, CaseFilter())), int(document(desk.engine, CASES_VERSION, 0))

    (_, first), gone, still, back = (
        with_profiles(*ids) for ids in ((SCHOOL, OFFICE), (OFFICE,), (OFFICE,), (SCHOOL, OFFICE))
    )
    assert (gone, still, back) == ((1, first + 1), (1, first + 1), (3, first + 2))


# Once a minute


def test_the_postponed_case_of_a_tenant_that_leaves_rests(desk: Desk) -> None:
    changes.postpone(desk.engine, ANNA, "2027-0002", NOON.date() + timedelta(days=3), "Budget", desk.now, ZURICH)
    later = NOON + timedelta(days=5)
    said = Entry(ANNA, "tenant.leaving", "Höri")
    add_leaving(desk.engine, Leaving(SCHOOL, "hoeri", "Höri", "anna", NOON, NOON + timedelta(days=30), "", ""), said)

    tend_cases(desk.engine, ZURICH, later)
    assert desk.cases[1].state == "postponed"
    undo_leaving(desk.engine, SCHOOL, said, later)
    assert tend_cases(desk.engine, ZURICH, later) >= 1
    assert desk.cases[1].state == "open"


def test_a_postponed_case_returns_on_its_day_by_itself(desk: Desk) -> None:
    until = NOON.date() + timedelta(days=3)
    changes.postpone(desk.engine, ANNA, "2027-0002", until, "Budget", desk.now, ZURICH)
    early, late = (datetime(2027, 1, 17, 22, 59, tzinfo=UTC), datetime(2027, 1, 17, 23, 0, tzinfo=UTC))  # in Zurich

    assert tend_cases(desk.engine, ZURICH, early) >= 0
    assert desk.cases[1].state == "postponed"
    assert tend_cases(desk.engine, ZURICH, late) == 1
    assert tend_cases(desk.engine, ZURICH, late) == 0

    assert (desk.cases[1].state, desk.kinds(desk.cases[1])[-1]) == ("open", "returned")


def test_what_was_wanted_later_becomes_more_urgent_as_its_day_comes(desk: Desk) -> None:
    assert desk.cases[2].priority == "low"
    tend_cases(desk.engine, ZURICH, desk.now + timedelta(days=16))

    assert desk.cases[2].priority == "medium"


def test_another_level_moves_what_is_open_and_leaves_what_has_ended(desk: Desk) -> None:
    tend_cases(desk.engine, ZURICH, desk.now)
    changes.close(desk.engine, ANNA, "2027-0002", "erledigt", desk.now)
    before = {one.case.number: one for one in case_page(desk.engine, CaseFilter(), limit=9)[0]}
    with transaction(desk.engine) as connection:
        hours = {"critical": 0.5, "high": 0.5, "medium": 0.5, "low": 0.5}
        standard = update(levels).where(levels.c.key == "standard")
        connection.execute(standard.values(reaction_hours=hours, solution_hours=hours, version=2))

    assert tend_cases(desk.engine, ZURICH, desk.now) == 2
    assert tend_cases(desk.engine, ZURICH, desk.now) == 0

    after = {one.case.number: one for one in case_page(desk.engine, CaseFilter(), limit=9)[0]}
    for number in ("2027-0001", "2027-0003"):
        moved, was = after[number].due_at, before[number].due_at
        assert moved is not None
        assert was is not None
        assert moved < was
    assert after["2027-0002"] == before["2027-0002"]


def test_what_has_ended_says_by_which_level_and_calendar_it_was_judged(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        connection.execute(update(tenants).values(level="premium"))
    changes.close(desk.engine, ANNA, "2027-0001", "erledigt", desk.now)

    judged = desk.events(desk.cases[0])[-1].data["judged"]
    assert (judged["level"], judged["calendar"], judged["priority"]) == ("premium", "standard", "critical")
    with transaction(desk.engine) as connection:
        case = need_case(connection, "2027-0001")
    with transaction(desk.engine) as connection:
        terms = terms_in(connection, [OFFICE]).of(OFFICE)
    assert clocks_of(desk.events(case), terms, desk.now + timedelta(days=99)).first_reaction.state == "met"
