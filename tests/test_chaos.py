"""A short campaign of each kind, and that the ledger notices what must never happen. The long one: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audit import Entry
from core.cache.channel_rows import Channel, add_channel
from core.cache.database import open_database
from tests.actors import ADMIN
from tests.case_world import Desk, all_cases, wrong_folds
from tests.chaos.attack import Attack
from tests.chaos.case_judge import wrong_cases
from tests.chaos.crashes import Crashes
from tests.chaos.ledger import Key, Ledger
from tests.chaos.message_judge import wrong_messages
from tests.chaos.stage import Stage
from tests.office import open_office

KEY = ("Schule Höri", "SPB")
SHORT, ENOUGH = {KEY: True}, {KEY: False}


@pytest.mark.parametrize(
    ("kind", "what", "wanted", "seed", "lists"),
    [
        pytest.param(Attack, "refreshes", 25, 1, True, id="faults"),
        pytest.param(Attack, "refreshes", 25, 2, False, id="faults without SharePoint"),
        pytest.param(Crashes, "kills", 3, 1, True, id="crashes"),
    ],
)
def test_whatever_breaks_every_shortage_is_told_exactly_once(
    tmp_path: Path, kind: type[Stage], what: str, wanted: int, seed: int, lists: bool
) -> None:
    with open_office(tmp_path) as office:
        result = kind(office, seed, lists=lists).run(what, wanted)

    assert result.wrong == [], "\n".join(result.trace)
    assert result.counts["told"] > 0


# The judge of the cases, which must be able to say no


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("UPDATE cases SET stage = stage", ""),
        ("UPDATE cases SET closed_at = opened_at", "a shortage without a case"),
        ("UPDATE cases SET number = '2027-0003'", "numbers with gaps"),
        ("UPDATE licenses SET stage = 'ok'", "open without a reason"),
        ("UPDATE cases SET quantity = 9", "is stored"),
    ],
)
def test_the_judge_of_the_cases_sees_each_damage(tmp_path: Path, damage: str, finding: str) -> None:
    file = tmp_path / "x.db"
    desk = Desk(open_database(f"sqlite:///{file}"))
    desk.read(10, 10)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(damage)

    wrong = wrong_cases(file, {}) + wrong_folds(desk.engine, all_cases(desk.engine))

    assert bool(wrong) == bool(finding)
    assert all(text.startswith(finding) or finding in text for text in wrong[:1])


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("select 1", ""),
        ("delete from messages where recipient = ''", "an opening without a message"),
        ("update messages set dedup_key = 'alarm:x:1:hook:'", "a message without an opening"),
    ],
)
def test_the_judge_of_the_outbox_sees_each_damage(tmp_path: Path, damage: str, finding: str) -> None:
    file = tmp_path / "x.db"
    desk = Desk(open_database(f"sqlite:///{file}"))
    channel = Channel("hook", "Hook", "webhook", {}, routes=("urgent",))
    add_channel(desk.engine, channel, lambda: "", Entry(ADMIN, "channel.added"), desk.now)
    desk.read(10, 10)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(damage)

    wrong = wrong_messages(file, desk.engine)

    assert bool(wrong) == bool(finding)
    assert not finding or any(text.startswith(finding) for text in wrong)
    desk.engine.dispose()


# The ledger, which must be able to say no


def ledger(*seen: dict[Key, bool], monitored: bool = True) -> Ledger:
    found = Ledger()
    for shortages in seen:
        found.seen(shortages, {KEY} if monitored else set(), set())
    return found


def test_one_message_for_each_shortage_is_right() -> None:
    found = ledger(SHORT)
    found.told([KEY])
    found.seen(ENOUGH, {KEY}, set())
    found.seen(SHORT, {KEY}, set())
    found.told([KEY])
    found.due({KEY})

    assert found.wrong == []
    assert found.count()["told"] == 2


@pytest.mark.parametrize(
    ("found", "messages"),
    [
        pytest.param(ledger(SHORT), 2, id="twice"),
        pytest.param(ledger(SHORT), 0, id="missed"),
        pytest.param(ledger(ENOUGH), 1, id="without-a-shortage"),
        pytest.param(ledger(SHORT, monitored=False), 1, id="not-monitored"),
        pytest.param(ledger(SHORT, ENOUGH, SHORT), 2, id="one-for-the-shortage-before-that-left-no-trigger"),
    ],
)
def test_anything_else_is_wrong(found: Ledger, messages: int) -> None:
    found.told([KEY] * messages)
    found.due({KEY} if messages == 0 else set())

    assert len(found.wrong) == 1


def test_a_late_message_belongs_to_the_shortage_whose_trigger_was_left() -> None:
    found = ledger(SHORT, ENOUGH)
    found.seen(SHORT, {KEY}, {KEY})

    found.told([KEY, KEY])

    assert found.wrong == []


def test_what_came_and_went_unseen_by_the_flow_needs_no_message() -> None:
    found = ledger(SHORT, ENOUGH)
    found.due({KEY})

    assert found.wrong == []
    assert found.count()["came and went before they could be told"] == 1
