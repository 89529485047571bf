"""Into which states a case can be moved by naming the state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from core.cases import changes
from core.cases.moves import Move, move, targets
from core.cases.writing import CaseRefused
from tests.case_world import ANNA, ZURICH, Desk


@pytest.mark.parametrize(("state", "resumes", "found"), [
    ("open", "", {"approved": "consent_given", "postponed": "postponed", "closed": "closed"}),
    ("asked", "", {"open": "returned", "closed": "closed"}),  # what the customer says is recorded as a consent
    ("approved", "", {"open": "returned", "postponed": "postponed", "closed": "closed"}),
    ("ordered", "", {"approved": "returned", "postponed": "postponed", "closed": "closed"}),
    ("partly_delivered", "", {"approved": "returned", "postponed": "postponed", "closed": "closed"}),
    ("postponed", "open", {"open": "returned", "closed": "closed"}),
    ("postponed", "ordered", {"ordered": "returned", "closed": "closed"}),
    ("delivered", "", {"open": "reopened"}), ("recovered", "", {"open": "reopened"}),
    ("closed", "", {"open": "reopened"}),
    ("refused", "", {"open": "reopened", "closed": "closed"}),
])  # fmt: skip
def test_the_states_into_which_a_case_can_be_moved(
    database: Engine, state: str, resumes: str, found: dict[str, str]
) -> None:
    desk = Desk(database)
    desk.read(10, 12)

    assert targets(replace(desk.case, state=state, resumes=resumes)) == found


def test_a_move_rests_on_the_state_that_it_was_chosen_by(database: Engine) -> None:
    desk = Desk(database)
    desk.read(10, 12)
    changes.approve(database, ANNA, desk.case.case_id, 3, "Rahmenvertrag", desk.now)

    assert move(database, ANNA, desk.case.number, Move("open", "doch nicht"), desk.now, ZURICH).state == "open"
    with pytest.raises(CaseRefused) as refused:
        move(database, ANNA, desk.case.number, Move("ordered"), desk.now, ZURICH)
    assert refused.value.problem.text("en") == (
        f"Case {desk.case.number} cannot become “ordered”: it is “open”. Possible is: approved, postponed, closed."
    )
