"""Several processes share one refresh: pieces, leases, fan-in, hints that are lost or come twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, update

from core.cache import chunk_rows, lease_rows
from core.cache.chunk_rows import Chunks
from core.cache.run_rows import Run, latest_run, open_runs
from core.cache.schema import leases
from core.cache.sql import transaction
from core.refresh import shared_run
from core.refresh.refresher import Refresher
from core.refresh.services import open_services
from core.refresh.shared_run import SharedRuns, Step
from core.refresh.shared_timetable import SharedTimetable
from core.roles import schedule_actor
from core.runtime import refresher_of
from core.tenants import levels
from core.tenants.levels import Level
from tests.actors import ADMIN
from tests.held_refresh import command
from tests.office import Office, open_office

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
NAMES = [f"Schule {number}" for number in range(7)]


class Noted:
    """The hints that were given, and how to follow one."""

    def __init__(self) -> None:
        self.given: list[Step] = []

    def __call__(self, step: Step, count: int = 1, connection: Connection | None = None) -> None:
        self.given += [step] * count


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url, LIZENZTOOL_ROLE="worker") as opened:
        for name in NAMES:
            opened.m365.add_tenant(name, skus={"SPB": (5, 5)})
        yield opened


@pytest.fixture
def hints() -> Noted:
    return Noted()


@pytest.fixture
def here(office: Office, hints: Noted, monkeypatch: pytest.MonkeyPatch) -> SharedRuns:
    monkeypatch.setattr(shared_run, "CHUNK", 3)
    return SharedRuns(office.services, hints)


@pytest.fixture
def there(office: Office, hints: Noted, here: SharedRuns) -> SharedRuns:
    return SharedRuns(office.services, hints)


def ask(office: Office, hints: Noted) -> str:
    return Refresher(office.services, hints).request(schedule_actor())


def ended(office: Office) -> Run:
    run = latest_run(office.engine)
    assert run is not None
    assert not run.is_open
    return run


def test_a_refresh_is_read_in_pieces_by_several_and_written_once(
    office: Office, hints: Noted, here: SharedRuns, there: SharedRuns
) -> None:
    run_id = ask(office, hints)
    here.advance()
    there.read()
    here.read()
    here.advance()  # nothing to do yet: a piece is left
    there.read()
    there.advance()

    summary = ended(office).summary
    assert summary is not None
    assert hints.given == ["advance", "read", "read", "read", "advance"]
    assert (ended(office).run_id, ended(office).state, summary["ok"], summary["shortages"]) == (run_id, "done", 7, 7)
    assert office.m365.count("GET", "/subscribedSkus") == len(NAMES)
    assert summary["sharepoint"]["created"] == len(NAMES)


def test_a_process_reads_first_the_tenants_whose_tokens_it_has(office: Office, hints: Noted, here: SharedRuns) -> None:
    services = open_services(office.engine, office.settings, now=office.now)  # with tokens of its own
    there = SharedRuns(services, hints)
    for order in ([here, there, there], [there, there, here]):
        ask(office, hints)
        here.advance()
        for process in order:
            process.read()
        here.advance()
        assert ended(office).state == "done"
    services.close()

    assert office.m365.count("POST", "/token") == len(NAMES) + 1  # each once, and the site


def test_a_hint_that_came_while_another_process_had_the_lease_is_not_lost(
    office: Office, hints: Noted, here: SharedRuns, there: SharedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last piece is read between the look of `here` at the pieces and the end of its lease."""
    look = chunk_rows.chunks_of

    def look_and_wait(engine: Engine, run_id: str) -> Chunks:
        chunks = look(engine, run_id)
        for step in [*[there.read] * chunks.left, there.advance] if chunks.left else []:
            step()
        return chunks

    monkeypatch.setattr(chunk_rows, "chunks_of", look_and_wait)
    run_id = ask(office, hints)
    here.advance()

    assert (ended(office).run_id, ended(office).state) == (run_id, "done")


def test_the_summary_is_that_of_a_process_that_refreshes_alone(office: Office, hints: Noted, here: SharedRuns) -> None:
    office.refresh()
    alone = office.refresh()
    ask(office, hints)
    for step in (here.advance, here.read, here.read, here.read, here.advance):
        step()

    assert without_times(ended(office).summary) == without_times(alone)


def without_times(summary: dict[str, object] | None) -> dict[str, object]:
    assert summary is not None
    return {name: value for name, value in summary.items() if name not in ("seconds", "requests")}


def test_the_timetable_asks_for_all_and_in_between_for_who_is_due(
    office: Office, hints: Noted, here: SharedRuns
) -> None:
    timetable = SharedTimetable(office.services, Refresher(office.services, hints), here, lambda: None, lambda: None)
    timetable.tick()
    carry_out(here)
    assert ended(office).scope == []
    fast = levels.keep(office.engine, Level("", "Schnell", refresh_minutes=5), ADMIN, ["standard"])
    levels.assign(office.engine, fast, [office.m365.find_tenant(NAMES[3]).tenant_id], ADMIN)
    office.later(minutes=5)

    timetable.tick()

    (asked,) = open_runs(office.engine)
    assert (asked.source, asked.account, asked.scope) == ("schedule", "interval", [NAMES[3]])
    timetable.tick()
    assert open_runs(office.engine) == [asked], "one look a minute, and none while a refresh is open"


def carry_out(runs: SharedRuns) -> None:
    """Do what the hints ask for, alone."""
    runs.advance()
    for _ in NAMES:
        runs.read()
    runs.advance()


def let_leases_end(office: Office) -> None:
    """What time does to the leases of a process that has died."""
    with transaction(office.engine) as connection:
        connection.execute(update(leases).values(until=office.now()))


def test_a_piece_whose_process_has_died_is_read_by_another_one_after_a_while(
    office: Office, hints: Noted, here: SharedRuns
) -> None:
    ask(office, hints)
    here.advance()
    from core.cache.chunk_rows import claim_chunk

    dead = claim_chunk(office.engine, "dead")
    assert dead is not None
    for _ in range(4):
        here.read()
    assert open_runs(office.engine)[0].done == 4

    let_leases_end(office)
    hints.given.clear()
    here.sweep()
    for step in [*hints.given, "advance"]:
        {"advance": here.advance, "read": here.read}[step]()

    assert hints.given[:2] == ["advance", "read"]
    assert ended(office).state == "done"


def test_pieces_are_claimed_by_wish_then_in_their_order_and_never_twice(
    office: Office, hints: Noted, here: SharedRuns
) -> None:
    ask(office, hints)
    here.advance()
    claimed = [chunk_rows.claim_chunk(office.engine, "somebody", first) for first in ([3, 2], [2], [], [1, 2, 3])]

    assert [one and one.chunk.number for one in claimed] == [2, 1, 3, None]
    assert chunk_rows.free_chunks(office.engine, 9) == 0


def test_who_was_frozen_stores_nothing_beside_its_successor(office: Office, hints: Noted, here: SharedRuns) -> None:
    from core.cache.lease import LeaseLost, kept, take_lease

    frozen = take_lease(office.engine, "refresh", "frozen")
    assert frozen is not None
    let_leases_end(office)
    with transaction(office.engine) as connection:
        assert lease_rows.take(connection, "refresh", "successor")

    assert not frozen.held()
    with kept(frozen), pytest.raises(LeaseLost), transaction(office.engine):
        pass


def test_workers_as_processes_share_a_refresh_and_end_in_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them, and the engine between: what the campaign of `python -m tests.chaos` does for minutes."""
    for number in range(2 * shared_run.CHUNK):
        office.m365.add_tenant(f"Firma {number}", skus={"SPB": (9, 1)})
    monkeypatch.setenv("LIZENZTOOL_REFRESH_MINUTES", "0")
    processes = [command(office, "worker") for _ in range(2)]
    try:
        summary = refresher_of(office.services).run(schedule_actor())
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate(timeout=20)

    assert (summary["ok"], summary["failed"]) == (len(NAMES) + 2 * shared_run.CHUNK, [])
    assert office.m365.count("GET", "/subscribedSkus") == summary["ok"]
    assert [process.returncode for process in processes] == [0, 0]
