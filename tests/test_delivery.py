"""What is delivered: by the readings alone, against what there was when it was ordered; never counted twice."""

from __future__ import annotations

import tempfile
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from core.cache.case_rows import Case
from core.cache.database import open_database
from core.cache.sql import transaction
from core.cases import changes
from core.cases.delivery import Baseline, order_data, progress_of
from core.cases.writing import need_case, write
from core.licenses.units import License
from tests.case_world import ANNA, SPB, ZURICH, Desk


def order(desk: Desk, quantity: int, key: str = "") -> None:
    """Order for the newest case, whose baseline is what was read last."""
    with transaction(desk.engine) as connection:
        case = need_case(connection, desk.cases[-1].case_id)
        data = order_data(key or f"{case.number}-{case.version}", quantity, Baseline(case.enabled, case.delivered))
        write(connection, case, "ordered", data, ANNA, desk.now)


def ordered_desk(engine: Engine, quantity: int) -> Desk:
    """A desk whose school has 10 of 10 seats in use, and an order under way."""
    desk = Desk(engine)
    desk.read(10, 10)
    changes.approve(engine, ANNA, desk.case.case_id, quantity, "Rahmenvertrag", desk.now)
    order(desk, quantity)
    return desk


@pytest.mark.parametrize(("ordered", "readings", "state", "delivered", "under_way"), [
    (5, [], "ordered", 0, 5),
    (5, [10], "ordered", 0, 5),
    (5, [12], "partly_delivered", 2, 3),
    (5, [12, 14], "partly_delivered", 4, 1),
    (5, [15], "closed", 5, 0),
    (5, [12, 15], "closed", 5, 0),
    (5, [18], "closed", 5, 0),  # three more than ordered
    (5, [12, 11], "partly_delivered", 2, 3),  # others were given back, ours stay
    (5, [8], "ordered", 0, 5),
    (5, [8, 13], "partly_delivered", 3, 2),  # two of these may be the old ones: a person decides
    (5, [12, 10, 12], "partly_delivered", 2, 3),  # the same seats are not delivered again
])  # fmt: skip
def test_delivered_is_what_there_is_more_than_when_it_was_ordered(
    database: Engine, ordered: int, readings: list[int], state: str, delivered: int, under_way: int
) -> None:
    desk = ordered_desk(database, ordered)
    for enabled in readings:
        desk.read(enabled, 9)

    assert (desk.case.state, desk.case.delivered, desk.case.under_way) == (state, delivered, under_way)


@pytest.mark.parametrize(("before", "after", "delivered"), [
    ([], [13], 3), ([], [18], 8), ([12], [15], 5), ([12], [18], 8), ([8], [12], 4), ([8], [16], 8), ([14], [16], 6),
])  # fmt: skip
def test_two_orders_of_a_case_count_each_seat_once(
    database: Engine, before: list[int], after: list[int], delivered: int
) -> None:
    desk = ordered_desk(database, 5)
    for enabled in before:
        desk.read(enabled, 10)
    order(desk, 3)
    for enabled in after:
        desk.read(enabled, 10)

    assert (desk.case.delivered, desk.case.ordered) == (delivered, 8)
    assert desk.case.outcome == ("delivered" if delivered == 8 else "")
    orders = progress_of(desk.events(desk.case))
    assert [one.delivered for one in orders] == [min(5, delivered), max(0, delivered - 5)]


def test_what_came_beyond_the_order_is_said(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    desk.read(18, 10)

    assert [(event.kind, event.data.get("surplus")) for event in desk.events(desk.case)][-3:] == [
        ("units_seen", None), ("delivered", 3), ("closed", None)
    ]  # fmt: skip
    assert (desk.case.outcome, desk.case.owner) == ("delivered", "")


def test_a_shortage_that_lasts_although_all_has_come_keeps_its_case(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    desk.read(15, 15)

    assert desk.kinds(desk.case)[-3:] == ["delivered", "closed", "reopened"]
    assert (desk.case.state, desk.case.quantity, desk.case.ordered, desk.case.delivered) == ("open", 1, 0, 0)
    assert [one.state for one in progress_of(desk.events(desk.case))] == ["delivered"]


def test_a_shortage_after_the_delivery_opens_the_case_again(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    desk.read(15, 12)
    desk.read(15, 15)

    assert (desk.case.state, desk.kinds(desk.case)[-1]) == ("open", "reopened")


def test_what_was_cancelled_is_not_delivered_and_a_new_order_counts_from_then_on(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    desk.read(12, 12)
    case = changes.bring_back(database, ANNA, desk.case.case_id, "nicht lieferbar", desk.now)
    assert (case.state, case.under_way, case.delivered) == ("approved", 0, 2)
    desk.read(14, 14)
    order(desk, 2)
    desk.read(15, 14)

    assert (desk.case.state, desk.case.delivered, desk.case.under_way) == ("partly_delivered", 3, 1)
    assert [(one.state, one.delivered) for one in progress_of(desk.events(desk.case))] == [
        ("cancelled", 2), ("under_way", 1)
    ]  # fmt: skip


def test_seats_that_come_while_the_case_is_postponed_are_delivered(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    until = desk.now.date() + timedelta(days=9)
    changes.postpone(database, ANNA, desk.case.case_id, until, "Lieferant in den Ferien", desk.now, ZURICH)
    desk.read(12, 10)
    assert (desk.case.state, desk.case.under_way) == ("postponed", 3)
    desk.read(15, 10)

    assert (desk.case.state, desk.case.outcome) == ("closed", "delivered")


def test_a_product_that_is_gone_delivers_nothing(database: Engine) -> None:
    desk = ordered_desk(database, 5)
    desk.read_all([License("e3", "E3", 90, 1)])

    assert (desk.case.state, desk.case.under_way) == ("ordered", 5)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 30)),
        st.tuples(st.just("order"), st.integers(1, 8)),
        st.tuples(st.sampled_from(["return", "approve", "close"]), st.just(1)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_happens_orders_and_case_agree(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/cache.db")
        desk = ordered_desk(engine, 4)
        for kind, number in steps:
            case = desk.cases[-1]
            if kind == "read":
                desk.read(number, 10)
            elif kind == "order" and case.state in ("approved", "ordered", "partly_delivered"):
                order(desk, number)
            elif kind == "return" and case.state in ("ordered", "partly_delivered"):
                changes.bring_back(engine, ANNA, case.case_id, "abgelehnt", desk.now)
            elif kind == "approve" and case.state == "open":
                changes.approve(engine, ANNA, case.case_id, number, "ohne Freigabe", desk.now)
            elif kind == "close" and case.is_open:
                changes.close(engine, ANNA, case.case_id, "anders gelöst", desk.now)
            for one in desk.cases:
                hold(one, desk)
        engine.dispose()


def hold(case: Case, desk: Desk) -> None:
    """What must be true of a case at any time."""
    orders = progress_of(desk.events(case))
    assert 0 <= case.delivered <= case.ordered
    assert sum(one.under_way for one in orders) == (case.under_way if case.is_open else 0)
    assert all(0 <= one.delivered <= one.quantity for one in orders)
    assert case.is_open or case.under_way == 0
    assert case.sku_id == SPB
