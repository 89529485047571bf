"""Cases in words, and which forms are offered for them: pure functions with tables of what they return."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.cache.case_rows import Case
from core.cache.open_cases import OpenCase
from core.cases.next_step import NextStep
from core.cases.transitions import ENDED, STATES, possible
from core.roles import Actor
from ui import format as fmt
from ui.cases import case_cells, case_words
from ui.cases.possible_forms import EVENT_OF_FORM, possible_forms, primary_form
from ui.frame.view import View

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 26, 13, tzinfo=UTC)  # a Thursday, 14:00 in Zurich
VIEW = View(NOW, "de", ZURICH, 30)
ANNA, VERA = Actor("anna", "support", "page"), Actor("vera", "viewer", "page")
CASE = Case("c1", "2026-0042", "t1", "s1", "SPB", "shortage", "open", NOW, NOW, NOW)
OPEN = OpenCase("2026-0042", "open", 1, "", "", 0, 0, 0, "take", NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (2, "heute 16:00"), (10, "heute"), (24, "morgen 14:00"), (34, "morgen"), (48, "Sa 14:00"), (24 * 6, "Mi 14:00"),
        (24 * 7, "03.12."), (24 * 40, "05.01.2027"), (-24, "25.11."),
    ],
)  # fmt: skip
def test_a_time_to_come_is_said_as_people_do(hours: int, words: str) -> None:
    assert fmt.due(NOW + timedelta(hours=hours), NOW, "de", ZURICH) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (59, "0 min"), (2100, "35 min"), (6000, "1 h 40 min"), (7200, "2 h"), (32 * 3600 + 900, "32 h")],
)
def test_working_time_is_hours_and_minutes(seconds: float, words: str) -> None:
    assert case_words.working_span(seconds, "de") == words


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (NextStep("order", NOW + timedelta(hours=2)), "Bestellen bis heute 16:00"),
        (NextStep("take", NOW - timedelta(hours=3)), "Übernehmen, überfällig seit 3 h"),
        (NextStep("await_day", NOW - timedelta(hours=3)), "Ruht bis heute 11:00"),
        (NextStep("ask"), "Freigabe einholen"),
        (NextStep("none"), ""),
    ],
)
def test_the_next_step_has_its_time(step: NextStep, words: str) -> None:
    assert case_words.step_words(step, VIEW) == words


@pytest.mark.parametrize(
    ("case", "may_work", "said"),
    [
        (OPEN, True, ("offen · bis heute 16:00", "Übernehmen")),
        (OPEN, False, ("offen · Übernehmen bis heute 16:00", "")),
        (OPEN._replace(due_at=NOW - timedelta(hours=2)), True, ("offen · überfällig seit 2 h", "Übernehmen")),
        (OPEN._replace(owner="a", owner_name="Anna", next_action="ask"), True,
         ("offen · Anna · Freigabe einholen bis heute 16:00", "")),
        (None, True, ("", "Fall eröffnen")),
    ],
)  # fmt: skip
def test_a_shortage_shows_its_case_and_what_one_click_does(
    case: OpenCase | None, may_work: bool, said: tuple[str, str]
) -> None:
    cell = case_cells.case_cell(case, "Visio", "Bau AG", VIEW, may_work=may_work)
    assert (cell["text"], cell.get("act", "")) == said


def test_free_seats_say_what_is_under_way_and_who_waits() -> None:
    case = OPEN._replace(ordered=7, delivered=2, waiting=2)
    assert case_cells.free_cell(0, case, "de") == {"text": "0", "sub": "5 unterwegs, 2 warten"}
    assert case_cells.free_cell(0, OPEN, "de") == "0"
    assert case_cells.case_cell(None, "Visio", "Bau AG", VIEW, may_work=False) == ""


@pytest.mark.parametrize("state", STATES)
def test_only_what_the_table_of_states_allows_is_offered(state: str) -> None:
    case = replace(CASE, state=state, owner="ben", bundle_id="b", closed_at=NOW if state in ENDED else None)
    events = {EVENT_OF_FORM[form] for form in possible_forms(case, ANNA)}

    assert events <= {row.kind for row in possible(state, "staff")}
    assert possible_forms(case, VERA) == []


def test_a_case_that_rests_offers_only_what_its_state_before_allows() -> None:
    case = replace(CASE, state="postponed", resumes="ordered", postponed_until=date(2026, 12, 1))
    forms = possible_forms(case, ANNA)

    assert "quantity" not in forms
    assert primary_form(NextStep("await_day"), forms) == "bring_back"
    assert primary_form(NextStep("order"), []) == ""
