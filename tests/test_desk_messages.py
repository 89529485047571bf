"""What the licence desk is told: each new shortage once and at once, the open cases once a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from core.cache.channel_rows import find_channel
from core.cache.event_rows import told_shortages
from core.cache.message_rows import list_messages
from core.cache.schema import levels, tenants
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.digest import KIND as DIGEST_KIND
from core.cases.digest import write_digests
from core.licenses.units import License
from core.messages.routes import DIGEST, URGENT
from core.messages.sender import Sender
from core.operations.message_duty import note_delivery
from core.settings import Settings
from tests.case_world import ANNA, SCHOOL, SPB, ZURICH, Desk
from tests.test_messages import DESK_ADDRESS, Clock, Recorder, keep, smtp

OTHER = "pikett@example.ch"


@pytest.fixture
def desk(database: Engine) -> Desk:
    """A licence desk with a mail server and a chat; its level has an address of its own."""
    keep(database, replace(smtp(1), routes=(URGENT, DIGEST)))
    keep(database, replace(smtp(1, "Chat"), kind="apprise", recipients=(), routes=(URGENT,), language="en"))
    with database.begin() as connection:
        connection.execute(update(levels).where(levels.c.key == "standard").values(recipients=[OTHER]))
    return Desk(database)


def told(engine: Engine, kind: str = "alarm") -> list[tuple[str, str, str]]:
    found = [one for one in list_messages(engine, limit=99) if one.kind == kind]
    return sorted((one.channel_id, one.recipient, one.subject) for one in found)


ALL = [
    ("chat", "", "Shortage: SPB at Höri"),
    ("pikett", DESK_ADDRESS, "Engpass: SPB bei Höri"),
    ("pikett", OTHER, "Engpass: SPB bei Höri"),
]


def test_a_new_shortage_is_told_once_to_each_channel_and_recipient(desk: Desk) -> None:
    desk.read(5, 4)
    assert told(desk.engine) == []
    desk.read(5, 5)
    assert told(desk.engine) == ALL
    desk.read(5, 5)
    desk.read(6, 6)

    assert told(desk.engine) == ALL
    message = next(one for one in list_messages(desk.engine, limit=9) if one.recipient == OTHER)
    assert (message.tenant_id, message.data["number"], message.data["free"]) == (SCHOOL, desk.case.number, 0)
    assert "0 frei, 0 unterwegs, 0 warten" in message.body


def test_a_shortage_that_comes_back_is_told_again_and_one_that_flaps_is_not(desk: Desk) -> None:
    for used in (5, 4, 5):  # one good reading ends nothing
        desk.read(5, used)
    assert len(told(desk.engine)) == 3
    for used in (4, 4, 5):
        desk.read(5, used)

    assert (len(desk.cases), len(told(desk.engine))) == (1, 6)


@pytest.mark.parametrize(
    "mute", [Desk.mute, partial(Desk.mute, mode="show_only"), partial(Desk.monitor, monitored=False)]
)
def test_what_is_muted_is_not_told(desk: Desk, mute: Any) -> None:
    mute(desk)
    desk.read(5, 5)

    assert told(desk.engine) == []


def test_a_first_reading_tells_nothing_one_by_one(desk: Desk) -> None:
    desk.first = [SCHOOL]
    desk.read(5, 5)
    desk.first = []
    desk.read(5, 5)

    assert (desk.case.cause, told(desk.engine)) == ("first_reading", [])


def test_a_case_opened_ahead_is_told_when_its_licence_runs_out(desk: Desk) -> None:
    desk.read(5, 4)
    open_ahead(desk.engine, ANNA, AheadRequest(SCHOOL, SPB, 3, date(2027, 1, 20), "", 0), desk.now, ZURICH)
    assert told(desk.engine) == []
    desk.read(5, 5)
    desk.read(5, 4)
    desk.read(5, 5)

    assert (len(desk.cases), len(told(desk.engine))) == (1, 3)


def deliver(desk: Desk, tmp_path: Path) -> int:
    clock = Clock()
    clock.now = desk.now + timedelta(minutes=1)
    on_sent = partial(note_delivery, desk.engine)
    return Sender(
        desk.engine, Settings(data_dir=tmp_path), now=clock, on_sent=on_sent, open_session=Recorder()
    ).send_due()


def test_without_sharepoint_the_delivery_tells_the_shortage_once(desk: Desk, tmp_path: Path) -> None:
    desk.read(5, 5)

    assert deliver(desk, tmp_path) == 3

    assert desk.kinds(desk.case) == ["opened", "told"]
    assert list(told_shortages(desk.engine)) == [(SCHOOL, SPB)]
    for used in (4, 4, 5):
        desk.read(5, used)
    assert told_shortages(desk.engine) == {}  # that is another shortage
    assert deliver(desk, tmp_path) == 3
    assert desk.kinds(desk.case).count("told") == 2


# The digest


def at(desk: Desk, clock: str, day: int = 18) -> datetime:
    """A time of a day in January, as Zurich reads it."""
    return datetime.fromisoformat(f"2027-01-{day:02}T{clock}+01:00").astimezone(UTC)


def digest(desk: Desk, clock: str, day: int = 18) -> int:
    return write_digests(desk.engine, ZURICH, at(desk, clock, day))


def test_the_digest_comes_once_a_day_at_its_time(desk: Desk) -> None:
    desk.read(5, 5)

    assert [digest(desk, clock) for clock in ("06:59", "07:00", "07:01", "23:00")] == [0, 1, 0, 0]
    assert told(desk.engine, DIGEST_KIND) == [("pikett", DESK_ADDRESS, "1 offener Fall")]
    assert digest(desk, "07:30", day=29) == 1
    assert told(desk.engine, DIGEST_KIND)[1][2] == "1 offener Fall, überfällig: 1"


def test_there_is_no_digest_when_there_is_nothing_nor_later_that_day(desk: Desk) -> None:
    desk.read(5, 4)
    assert digest(desk, "07:00") == 0
    desk.read(5, 5)

    assert digest(desk, "08:00") == 0
    channel = find_channel(desk.engine, "pikett")
    assert channel is not None
    assert channel.digest_day == date(2027, 1, 18)


def test_the_digest_has_the_worst_first_and_leaves_out_what_is_muted(desk: Desk) -> None:
    desk.read_all([License(SPB, "SPB", 5, 5, 0), License("b" * 8, "OVER", 5, 9, 0), License("c" * 8, "TAKEN", 5, 5, 0)])
    later = next(case for case in desk.cases if case.sku_part_number == "TAKEN")
    changes.take(desk.engine, ANNA, later.case_id, desk.now)

    assert digest(desk, "07:00") == 1
    (message,) = [one for one in list_messages(desk.engine, limit=99) if one.kind == DIGEST_KIND]
    order = [line.split(": ")[1] for line in message.body.splitlines() if line.startswith("Höri")]
    assert order[0] == "OVER"
    assert set(order) == {"OVER", "Microsoft 365 Business Premium", "TAKEN"}
    assert ("Anna: Kunde anfragen" in message.body, "-4 frei" in message.body.replace("−", "-")) == (True, True)
    with desk.engine.begin() as connection:
        connection.execute(update(tenants).values(monitored=False))
    assert digest(desk, "07:00", day=19) == 0
