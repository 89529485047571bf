"""The queue of refreshes: who joins, who waits, who works it off, and what is left when a process dies."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from core.cache import run_rows
from core.cache.run_rows import PUSH, READ_ONLY, Run, waiting_run
from core.refresh.lock import RefreshLock
from core.refresh.queue import TAKE_OVER_WITHIN, RefreshQueue, covers, too_late
from core.refresh.timetable import BackgroundRefresh
from simulator import Fault
from tests.actors import ADMIN, actor
from tests.held_refresh import Hold, command, follower
from tests.office import Office, open_office

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
A, B = "Schule Höri", "Bau AG Chur"


def run_of(*scope: str, state: str = "waiting", step: str = "", source: str = "page", **fields: bool) -> Run:
    return replace(waiting_run(source, "anna", scope, NOW), state=state, step=step, **fields)


# Whether a run covers what is asked


@pytest.mark.parametrize(
    ("run", "wanted", "covered"),
    [
        pytest.param(run_of(), run_of(), True, id="all-by-all"),
        pytest.param(run_of(), run_of(A), True, id="one-by-all"),
        pytest.param(run_of(A, B), run_of(B), True, id="one-by-two"),
        pytest.param(run_of(B, A), run_of(A, B), True, id="in-another-order"),
        pytest.param(run_of(A), run_of(), False, id="all-by-one"),
        pytest.param(run_of(A), run_of(A, B), False, id="two-by-one"),
        pytest.param(run_of(state="running", step="tenants"), run_of(), True, id="by-one-that-reads"),
        pytest.param(run_of(state="running", step=PUSH), run_of(), False, id="by-one-that-only-pushes"),
        pytest.param(run_of(state="running", give_way=True), run_of(), False, id="by-one-that-is-to-give-way"),
        pytest.param(run_of(source=READ_ONLY), run_of(), False, id="writing-by-read-only"),
        pytest.param(run_of(), run_of(source=READ_ONLY), True, id="read-only-by-writing"),
        pytest.param(run_of(source=READ_ONLY), run_of(source=READ_ONLY), True, id="read-only-by-read-only"),
        pytest.param(run_of(), run_of(take_over=True), False, id="a-take-over-by-nothing"),
        pytest.param(run_of(take_over=True), run_of(take_over=True), False, id="nor-by-another-take-over"),
        pytest.param(run_of(take_over=True), run_of(), False, id="by-a-take-over-that-waits"),
        pytest.param(run_of(take_over=True, state="running"), run_of(), True, id="by-a-take-over-that-runs"),
    ],
)
def test_a_run_covers_what_is_asked_if_it_will_do_all_of_it(run: Run, wanted: Run, covered: bool) -> None:
    assert covers(run, wanted) is covered


@pytest.mark.parametrize(
    ("run", "waited", "late"),
    [
        pytest.param(run_of(take_over=True), TAKE_OVER_WITHIN, False, id="in-time"),
        pytest.param(run_of(take_over=True), TAKE_OVER_WITHIN + timedelta(seconds=1), True, id="too-late"),
        pytest.param(run_of(), timedelta(days=9), False, id="nobody-is-kept-from-a-message"),
    ],
)
def test_only_a_take_over_must_not_wait_for_long(run: Run, waited: timedelta, late: bool) -> None:
    assert too_late(run, NOW + waited) is late


# The rows


@pytest.fixture
def queue(database: Engine, tmp_path: Path) -> RefreshQueue:
    return RefreshQueue(database, RefreshLock(tmp_path, database), lambda: NOW)


def test_who_asks_first_is_served_first_whatever_the_clocks_say(queue: RefreshQueue) -> None:
    runs = [replace(run_of(name), requested_at=NOW - timedelta(hours=hours)) for hours, name in enumerate("ABC")]
    asked = [queue.join_or_wait(run).run_id for run in runs]

    served = []
    for _ in asked:
        with queue.next_run() as run:
            assert run is not None
            served.append(run.run_id)

    assert served == asked
    with queue.next_run() as run:
        assert run is None


def test_of_many_who_ask_at_once_one_writes_a_row_and_the_others_join_it(queue: RefreshQueue, database: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        asked = list(pool.map(lambda _: queue.join_or_wait(run_of()).run_id, range(12)))

    assert len(set(asked)) == 1
    assert [run.run_id for run in run_rows.open_runs(database)] == asked[:1]


def test_nobody_has_a_turn_while_another_process_has_the_lock(
    queue: RefreshQueue, database: Engine, tmp_path: Path
) -> None:
    queue.join_or_wait(run_of())
    other = RefreshLock(tmp_path, database)

    assert other.take()
    with queue.next_run() as run:
        assert run is None
    other.release()
    with queue.next_run() as run:
        assert run is not None
        assert not other.take()


@pytest.mark.parametrize(
    ("step", "source", "asked"),
    [(PUSH, "page", True), ("tenants", "page", False), (PUSH, READ_ONLY, False)],
    ids=["of-a-push", "not-while-it-reads", "not-for-one-who-writes-nothing"],
)
def test_a_run_is_asked_to_give_way_when_another_waits_behind_its_push(
    queue: RefreshQueue, database: Engine, step: str, source: str, asked: bool
) -> None:
    queue.join_or_wait(run_of(A))
    with queue.next_run() as running:
        assert running is not None
        run_rows.save_progress(database, running.run_id, step, 1, 2)

        waiting = [queue.join_or_wait(run_of(source=source)) for _ in range(2)]

        assert waiting[0].waiting
        assert waiting[0].run_id == waiting[1].run_id
        assert run_rows.asked_to_give_way(database, running.run_id) is asked


def test_a_run_that_has_lost_its_process_is_not_joined(queue: RefreshQueue, database: Engine) -> None:
    queue.join_or_wait(run_of())
    with queue.next_run() as lost:
        assert lost is not None

    wanted = queue.join_or_wait(run_of())

    closed = run_rows.run(database, lost.run_id)
    assert closed is not None
    assert (closed.state, wanted.state, wanted.run_id == lost.run_id) == ("interrupted", "waiting", False)


def test_a_take_over_whose_process_died_long_ago_keeps_nobody_from_a_message(
    queue: RefreshQueue, database: Engine
) -> None:
    old = queue.join_or_wait(replace(run_of(take_over=True), requested_at=NOW - timedelta(hours=2)))
    new = queue.join_or_wait(replace(run_of(A), requested_at=NOW))

    with queue.next_run() as run:
        assert run is not None
        assert run.run_id == new.run_id

    left_out = run_rows.run(database, old.run_id)
    assert left_out is not None
    assert left_out.state == "interrupted"


def test_a_look_for_work_reads_none_of_the_runs_that_are_over(database: Engine) -> None:
    statements: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *call: statements.append(call[2]))

    run_rows.open_runs(database)

    (look,) = statements
    if database.dialect.name == "sqlite":
        with database.begin() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {look}").all()
        assert [row[-1] for row in plan] == ["SCAN runs USING INDEX runs_open"]


# Processes


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Two tenants of which nothing is read yet."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        for name in (A, B):
            opened.m365.add_tenant(name, skus={"SPB": (10, 4)})
        yield opened


def reads(office: Office) -> int:
    return office.m365.count("GET", "/subscribedSkus")


def test_a_wider_request_waits_behind_a_narrower_run_and_others_join_it(office: Office) -> None:
    hold = Hold(office)
    one = office.refresher.request(actor("anna"), tenants=[A])
    assert hold.reached.wait(20)

    every = office.refresher.request(actor("beat"))
    others = [office.refresher.request(actor("cleo"), tenants) for tenants in ([], [B], [])]
    states = [run.state for run in run_rows.open_runs(office.engine)]
    hold.go.set()

    assert (set(others), states) == ({every}, ["running", "waiting"])
    first, after = office.end_of(one), office.end_of(every)
    assert after.summary is not None
    assert (first.scope, first.state, after.scope, after.state) == ([A], "done", [], "done")
    assert (after.summary["ok"], reads(office)) == (2, 1 + 2)


def test_a_run_whose_asker_was_killed_is_worked_off_by_the_next_process(office: Office) -> None:
    elsewhere = RefreshLock(office.settings.data_dir, office.engine)
    assert elsewhere.take()
    victim = command(office, "sync")
    while not (left := run_rows.open_runs(office.engine)):
        assert victim.poll() is None

    victim.kill()
    victim.communicate(timeout=20)
    elsewhere.release()
    office.refresher.start()

    assert office.end_of(left[0].run_id).state == "done"
    assert reads(office) == 2


def test_a_start_with_a_run_that_was_left_waiting_refreshes_once(office: Office) -> None:
    left = RefreshQueue(office.engine, RefreshLock(office.settings.data_dir, office.engine), office.now).join_or_wait(
        run_of()
    )
    background = BackgroundRefresh(office.refresher, minutes=600)

    background.start()
    office.refresher.start()
    ended = office.end_of(left.run_id)
    background.stop()

    assert (ended.state, reads(office)) == ("done", 2)
    assert run_rows.latest_run(office.engine) == ended


def test_a_command_that_follows_is_ended_without_ending_the_run(office: Office) -> None:
    hold = Hold(office)
    run_id = office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)
    other = follower(office)

    other.send_signal(signal.SIGINT)
    _, errors = other.communicate(timeout=20)
    hold.go.set()

    assert "Traceback" not in errors
    assert office.end_of(run_id).state == "done"


def test_who_follows_a_process_that_is_killed_refreshes_itself(office: Office) -> None:
    hold = Hold(office)
    victim = command(office, "sync")
    assert hold.reached.wait(60)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(office.refresh)

        victim.kill()
        victim.communicate(timeout=20)
        hold.go.set()

        assert following.result(timeout=60)["ok"] == 2


def test_a_push_of_another_process_gives_way_by_its_row(office: Office) -> None:
    for number in range(4):
        skus = {f"PART_{part:02}": (10, 10 if part == 0 else 4) for part in range(30)}
        office.m365.add_tenant(f"Firma {number}", skus=skus)
    reached, go = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        go.wait(20)

    office.m365.faults.add(Fault(r"POST .*/\$batch", "pass", times=None, before=wait))
    pushing = command(office, "sync", "--json")
    assert reached.wait(60)

    run_id = office.refresher.request(actor("anna"))
    go.set()
    out, _ = pushing.communicate(timeout=60)
    after = office.end_of(run_id)
    office.m365.flow.run()
    office.settle()

    assert after.summary is not None
    assert json.loads(out)["sharepoint"]["remaining"] > 0
    assert (after.state, after.summary["sharepoint"]["failed"]) == ("done", 0)
    assert sorted(office.messages) == [f"Firma {number}: PART_00 (PART_00)" for number in range(4)]


def test_a_take_over_waits_for_its_own_run(office: Office) -> None:
    hold = Hold(office)
    office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)
    with ThreadPoolExecutor(1) as pool:
        taking_over = pool.submit(office.refresher.run, ADMIN, take_over=True)
        while len(run_rows.open_runs(office.engine)) < 2:
            assert not taking_over.done()
        hold.go.set()

        assert taking_over.result(timeout=60)["sharepoint"]["taken_over"] == 0
    assert reads(office) == 2 * 2


def test_the_thread_that_works_off_the_queue_outlives_a_database_that_is_away(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    rename = "ALTER TABLE {} RENAME TO {}".format
    with office.engine.begin() as connection:
        connection.exec_driver_sql(rename("runs", "away"))
    office.refresher.start()
    while "cannot be worked off" not in caplog.text:
        assert office.refresher._thread is not None
        assert office.refresher._thread.is_alive()
    with office.engine.begin() as connection:
        connection.exec_driver_sql(rename("away", "runs"))

    assert office.end_of(office.refresher.request(actor("anna"))).state == "done"
