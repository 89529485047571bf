"""Refusals are in the audit, where no flood of log lines drives them out, and nobody fills the audit with them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine
from websockets.exceptions import InvalidStatus

from core.access.refusals import ACTION, PER_HOUR, PER_MINUTE, Refusals
from core.cache.audit_rows import AuditRow, Search, find
from core.cache.database import open_database
from core.roles import Action, Actor, NotAllowed, listen_for_refusals
from tests.actors import actor
from tests.attack.raw import post
from tests.served import Served, serve
from tests.ws_client import Tab


def rows_of(engine: Engine, least: int = 0, seconds: float = 10) -> list[AuditRow]:
    """The refusals in the audit, once there are `least`; they are written in a thread of its own."""
    end = time.monotonic() + seconds
    while True:
        rows, count = find(engine, Search(actions=[ACTION]), limit=1_000)
        if count >= least or time.monotonic() > end:
            return rows
        time.sleep(0.02)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("refusals")) as served:
        yield served


def test_what_is_refused_is_told_with_who_and_from_where(own: Served) -> None:
    port = int(own.host.rpartition(":")[2])
    token = own.session("vera")
    requests.get(f"{own.url}/secret", cookies={"lizenztool_session": token}, timeout=20)
    post(port, "/login", {}, source="127.0.9.1", headers={"Origin": "https://evil.example"})
    post(port, "/login", {}, source="127.0.9.1", headers={"Host": "evil.example"})
    post(port, "/login", {}, source="127.0.9.1", headers={"Origin": "http://["})
    with pytest.raises(InvalidStatus), Tab(own, token, origin="https://evil.example"):
        pass
    with Tab(own, token) as tab:
        tab.send(clear_cache=True)
        rows = rows_of(own.engine, least=6)

    told = Counter((row.actor, row.address, row.target, row.reason) for row in rows)
    assert told == {
        ("vera", "127.0.0.1", "/secret", "role needed"): 1,
        ("vera", "127.0.0.1", "clear_cache", "frame"): 1,
        ("", "127.0.9.1", "https://evil.example", "foreign page"): 1,
        ("", "127.0.9.1", "evil.example", "host"): 1,
        ("", "127.0.9.1", "http://[", "foreign page"): 1,
        ("", "127.0.0.1", "https://evil.example", "foreign page"): 1,
    }
    assert {row.result for row in rows} == {"refused"}
    assert all(row.request_id for row in rows)


def test_strangers_cannot_fill_the_audit(own: Served) -> None:
    port = int(own.host.rpartition(":")[2])
    before = len(rows_of(own.engine))
    for number in range(300):
        post(port, "/login", {}, source=f"127.0.10.{number % 50}", headers={"Origin": "https://evil.example"})

    assert before < len(rows_of(own.engine, least=PER_HOUR.amount)) <= PER_HOUR.amount + before


def test_what_core_refuses_is_told(engine: Engine) -> None:
    refusals = Refusals(engine)
    listen_for_refusals(refusals.note)
    try:
        for _ in range(100):
            with pytest.raises(NotAllowed):
                actor("vera", "viewer").need(Action.TOKENS)
    finally:
        listen_for_refusals(None)
        refusals.close()

    rows = rows_of(engine)
    assert Counter((row.actor, row.target, row.reason) for row in rows) == {
        ("vera", "tokens", "role needed"): PER_MINUTE.amount,
        ("vera", "", "many"): 1,
    }
    (counted,) = [row for row in rows if row.reason == "many"]
    assert counted.after == f'{{"more": {100 - PER_MINUTE.amount}}}'


def test_one_network_leaves_room_for_others(engine: Engine) -> None:
    refusals = Refusals(engine)
    for number in range(100):
        refusals.note(Actor("", "", "page", address=f"2001:db8::{number:x}"), "x", "host")
    refusals.note(Actor("", "", "page", address="192.0.2.1"), "x", "host")
    refusals.note(Actor("anna", "admin", "page", address="192.0.2.1"), "x", "frame")
    refusals.close()

    assert Counter(row.address.partition(":")[0] for row in rows_of(engine) if row.reason != "many") == {
        "2001": PER_MINUTE.amount,
        "192.0.2.1": 2,
    }


def test_a_database_that_is_away_costs_the_row_alone(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
    refusals = Refusals(engine)

    refusals.note(Actor("vera", "viewer", "page"), "x", "frame")
    refusals.close()
    refusals.note(Actor("vera", "viewer", "page"), "x", "frame")  # too late, and no harm

    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["a refusal cannot be noted"]
