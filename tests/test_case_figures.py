"""Figures of the licence desk: what a case that ends leaves for them, and how they are computed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import Engine

from core.cache.case_frames import FRAME, open_cases_frame, results_frame
from core.cache.sql import transaction
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.figures import (
    AgeCount,
    FigureFilter,
    Times,
    chosen,
    grouped_figures,
    known_results,
    open_ages,
    total_figures,
    with_days,
)
from core.cases.results import result_of
from core.cases.writing import need_case, write
from tests.case_world import ANNA, NOON, OFFICE, SCHOOL, SPB, ZURICH, Desk

NAMES = {SCHOOL: "Höri", OFFICE: "Bau"}
HOUR = 3600


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Ended cases; what a row does not have is as in a case that was kept and delivered within two hours."""
    usual = {
        "level": "standard", "distributor": "Nord", "reaction_seconds": HOUR, "lead_seconds": 2 * HOUR,
        "customer_seconds": 0,
        "reaction_kept": True, "work_kept": True, "delivery_kept": True, "tenant_id": SCHOOL, "owner": "anna",
        "owner_name": "Anna", "outcome": "delivered", "closed_at": datetime(2027, 1, 15, tzinfo=UTC),
    }  # fmt: skip
    return with_days(pd.DataFrame([usual | row for row in rows], columns=FRAME), ZURICH)


def test_half_and_nine_tenths_with_and_without_the_customer() -> None:
    rows = [{"lead_seconds": hours * HOUR, "customer_seconds": HOUR} for hours in range(1, 12)]

    found = total_figures(frame(*rows))

    assert (found.ended, found.delivered) == (11, 11)
    assert found.lead == Times(6 * HOUR, 10 * HOUR)
    assert found.lead_own == Times(5 * HOUR, 9 * HOUR)


def test_what_is_not_known_does_not_count() -> None:
    found = total_figures(frame(
        {"reaction_seconds": None, "reaction_kept": None, "delivery_kept": None, "outcome": "recovered"},
        {"reaction_seconds": 60, "reaction_kept": False, "work_kept": False, "delivery_kept": None},
    ))  # fmt: skip

    assert (found.ended, found.delivered, found.reaction) == (2, 1, Times(60, 60))
    assert (found.reaction_kept, found.work_kept, found.delivery_kept) == (0, 0.5, None)


def test_without_cases_there_is_nothing_to_tell() -> None:
    found = total_figures(frame())

    assert (found.ended, found.lead, found.reaction, found.work_kept) == (0, Times(), Times(), None)
    assert grouped_figures(frame(), "month") == grouped_figures(frame(), "tenant") == []


def test_groups_are_the_months_in_the_zone_and_the_most_cases_first() -> None:
    results = frame(
        {"closed_at": datetime(2026, 12, 31, 22, 59, tzinfo=UTC)},
        {"closed_at": datetime(2026, 12, 31, 23, tzinfo=UTC)},
        {"owner": "ben", "work_kept": False}, {"owner": "ben", "tenant_id": OFFICE},
    )  # fmt: skip

    assert [(one.key, one.ended) for one in grouped_figures(results, "month")] == [("2027-01", 3), ("2026-12", 1)]
    assert [(one.key, one.work_kept) for one in grouped_figures(results, "owner")] == [("anna", 1), ("ben", 0.5)]
    assert [(one.key, one.ended) for one in grouped_figures(results, "tenant")] == [(SCHOOL, 3), (OFFICE, 1)]


@pytest.mark.parametrize(("wanted", "count"), [
    (FigureFilter(), 3), (FigureFilter(since=date(2027, 1, 15)), 2), (FigureFilter(until=date(2027, 1, 14)), 1),
    (FigureFilter(tenant_ids=[OFFICE]), 1), (FigureFilter(tenant_ids=["hidden"]), 0), (FigureFilter(owners=[""]), 1),
    (FigureFilter(levels=["premium"]), 1), (FigureFilter(distributors=["Süd"]), 1),
])  # fmt: skip
def test_each_filter(wanted: FigureFilter, count: int) -> None:
    results = frame(
        {"closed_at": datetime(2027, 1, 14, 22, tzinfo=UTC), "owner": ""},
        {"tenant_id": OFFICE, "level": "premium"}, {"distributor": "Süd"}, {"tenant_id": "hidden"},
    )  # fmt: skip

    assert len(chosen(results, wanted, NAMES)) == count


def test_open_cases_by_age() -> None:
    ages = [timedelta(hours=-1), timedelta(hours=23), timedelta(days=1), timedelta(days=29), timedelta(days=300)]
    opened = pd.DataFrame([
        {"tenant_id": SCHOOL, "level": "standard", "owner": "", "opened_at": NOON - age} for age in ages
    ])  # fmt: skip

    assert open_ages(opened, FigureFilter(), NAMES, NOON) == [
        AgeCount(0, 1, 2), AgeCount(1, 3, 1), AgeCount(3, 7, 0), AgeCount(7, 14, 0), AgeCount(14, 30, 1),
        AgeCount(30, None, 1),
    ]  # fmt: skip
    assert sum(one.cases for one in open_ages(opened, FigureFilter(owners=["anna"]), NAMES, NOON)) == 0


# What a case leaves


def test_a_case_that_ends_leaves_its_times_by_its_calendar(database: Engine) -> None:
    desk = Desk(database)  # Friday noon in Zurich
    desk.read(10, 12)
    number = desk.case.number
    monday = NOON + timedelta(days=3)
    changes.take(database, ANNA, number, desk.now + timedelta(hours=1, minutes=30))  # 14:00: an hour of work
    with transaction(database) as connection:
        case, asked = need_case(connection, number), desk.now + timedelta(hours=2)
        case = write(connection, case, "asked", {"quantity": 3}, ANNA, asked)
        case = write(connection, case, "consent_given", {"quantity": 3}, ANNA, monday)
        data = {"quantity": 3, "distributor": "Nord"}
        case = write(connection, case, "ordered", data, ANNA, monday)
        write(connection, case, "delivered", {}, ANNA, monday + timedelta(hours=4))

    (row,) = results_frame(database).to_dict("records")
    assert (row["level"], row["distributor"], row["outcome"], row["owner"]) == ("standard", "Nord", "delivered", "anna")
    assert (row["reaction_seconds"], row["reaction_kept"], row["work_kept"], row["delivery_kept"]) == (
        HOUR, True, True, True,
    )  # fmt: skip
    assert row["lead_seconds"] > row["customer_seconds"] > 0
    stored = result_of(desk.events(desk.case))
    assert stored is not None
    assert (stored.lead_seconds, stored.level_version, stored.calendar) == (row["lead_seconds"], 1, "standard")
    changes.reopen(database, ANNA, number, "noch zwei", monday + timedelta(hours=5))
    assert results_frame(database).empty
    assert len(open_cases_frame(database)) == 1


def test_who_opens_a_case_ahead_has_not_reacted_to_it(database: Engine) -> None:
    desk = Desk(database)
    desk.read(10, 5)
    open_ahead(database, ANNA, AheadRequest(SCHOOL, SPB, 5, NOON.date()), desk.now, ZURICH)
    changes.close(database, ANNA, desk.case.number, "doch nicht", desk.now + timedelta(hours=3))

    (row,) = results_frame(database).to_dict("records")
    assert (row["reaction_seconds"], row["reaction_kept"], row["outcome"]) == (None, None, "closed")


def test_results_are_read_again_only_after_a_case_changed(database: Engine) -> None:
    desk = Desk(database)
    desk.read(10, 12)
    before = known_results(database, ZURICH)

    assert known_results(database, ZURICH) is before
    assert known_results(database, ZoneInfo("America/New_York")) is not before
    changes.close(database, ANNA, desk.case.number, "erledigt", desk.now)
    assert len(known_results(database, ZURICH)) == 1
