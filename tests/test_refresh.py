"""One refresh at a time, joined, stopped and carried on: the refresher from outside."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cache import run_rows
from core.cache.audit_rows import Search, find
from core.cache.readings import stored_licenses
from core.refresh.lock import RefreshLock
from core.refresh.refresher import Refresher
from core.refresh.timetable import BackgroundRefresh
from simulator import Fault
from tests.actors import actor
from tests.held_refresh import Hold, command, follower
from tests.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Three tenants of which nothing is read yet."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        for name in ("Schule Höri", "Bau AG Chur", "Treuhand Emmen AG"):
            opened.m365.add_tenant(name, skus={"SPB": (10, 4)})
        yield opened


def test_a_second_request_joins_the_running_refresh(office: Office) -> None:
    hold = Hold(office)
    first = office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)

    second = office.refresher.request(actor("beat"))
    hold.go.set()

    asked, _ = find(office.engine, Search(actions=["refresh.asked"]), limit=9)
    assert second == first
    assert [(row.actor, json.loads(row.after)) for row in asked] == [("beat", {"run": first}), ("anna", {"run": first})]
    assert office.end_of(first).state == "done"
    assert office.m365.count("GET", "/subscribedSkus") == 3


def test_a_read_only_refresh_is_not_joined_by_one_that_writes(office: Office) -> None:
    hold = Hold(office)
    reading = threading.Thread(target=office.refresher.run, args=(actor("command"),), kwargs={"read_only": True})
    reading.start()
    assert hold.reached.wait(20)
    assert office.rows() == []

    run_id = office.refresher.request(actor("anna"))
    hold.go.set()
    reading.join(20)
    office.end_of(run_id)

    assert len(office.rows()) == 3


def test_another_process_joins_the_running_refresh_and_prints_its_result(office: Office) -> None:
    hold = Hold(office)
    run_id = office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)

    other = follower(office)
    hold.go.set()
    out, _ = other.communicate(timeout=60)

    summary = office.end_of(run_id).summary
    assert summary is not None
    assert f'"ok": {summary["ok"]}' in out
    assert office.m365.count("GET", "/subscribedSkus") == 3


def test_a_silence_of_microsoft_ends_the_refresh_and_names_who_was_not_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.refresher.run(actor("anna"), read_only=True)
    office.m365.faults.add(Fault("subscribedSkus", "hang", times=None))
    monkeypatch.setattr("core.refresh.reader.QUIET_SECONDS", 0.1)
    monkeypatch.setattr("core.workers.END_SECONDS", 0.1)  # for what hangs

    summary = office.refresher.run(actor("anna"), read_only=True)

    assert summary["ok"] == 0
    assert {failed["tenant"]: failed["code"] for failed in summary["failed"]} == dict.fromkeys(
        ("Schule Höri", "Bau AG Chur", "Treuhand Emmen AG"), "refresh.silence"
    )
    assert len(stored_licenses(office.engine)) == 3  # what was read before stays


def test_a_tenant_that_is_throttled_again_and_again_is_no_silence(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.refresh.reader.SAVE_EVERY", 0.1)
    monkeypatch.setattr("core.refresh.reader.QUIET_SECONDS", 0.9)
    office.m365.faults.add(Fault("subscribedSkus", "status", 429, retry_after="0.4", times=4))

    assert office.refresher.run(actor("anna"), ["Schule Höri"], read_only=True)["ok"] == 1


def test_progress_can_be_read_while_it_runs(office: Office) -> None:
    hold = Hold(office)
    office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)

    running = run_rows.latest_run(office.engine)
    hold.go.set()

    assert running is not None
    assert (running.state, running.step, running.total, running.requested_by) == ("running", "tenants", 3, "anna")


def test_a_process_killed_in_the_middle_leaves_the_lock_free_and_the_next_refresh_closes_its_run(
    office: Office,
) -> None:
    hold = Hold(office)
    victim = command(office, "sync")
    assert hold.reached.wait(60)
    assert not RefreshLock(office.settings.data_dir, office.engine).free()

    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=20)
    hold.go.set()
    left = run_rows.latest_run(office.engine)
    assert left is not None
    assert left.running

    assert office.refresh()["ok"] == 3
    closed = run_rows.run(office.engine, left.run_id)
    assert closed is not None
    assert closed.state == "interrupted"


def test_sigterm_in_the_middle_of_a_refresh_ends_it_cleanly(office: Office) -> None:
    hold = Hold(office)
    process = command(office, "sync")
    assert hold.reached.wait(60)

    process.terminate()
    _, err = process.communicate(timeout=20)
    hold.go.set()

    assert "Traceback" not in err
    latest = run_rows.latest_run(office.engine)
    assert latest is not None
    assert latest.state == "interrupted"
    assert RefreshLock(office.settings.data_dir, office.engine).free()


def test_a_stopped_refresh_keeps_what_has_arrived_and_blames_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.workers.END_SECONDS", 0.1)  # for the one that is held
    office.refresh()
    hold = Hold(office)
    run_id = office.refresher.request(actor("anna"))
    assert hold.reached.wait(20)

    office.stop()
    hold.go.set()

    stopped = office.end_of(run_id)
    assert stopped.state == "interrupted"
    assert len(stored_licenses(office.engine)) == 3


def test_the_background_thread_survives_a_failed_refresh(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    called = threading.Semaphore(0)

    class Failing(Refresher):
        def run(self, *_: object, **__: object) -> dict[str, object]:
            called.release()
            raise OSError("the disk is on holiday")

    monkeypatch.setattr("core.refresh.timetable.TICK", 0.02)
    background = BackgroundRefresh(Failing(office.services), minutes=1 / 60)
    background.start()

    assert called.acquire(timeout=20)
    assert called.acquire(timeout=20), "it did not come back after the first failure"
    background.stop()


def test_no_background_refresh_at_zero_minutes(office: Office) -> None:
    background = BackgroundRefresh(office.refresher, minutes=0)
    background.start()
    background.stop()

    assert run_rows.latest_run(office.engine) is None


def test_a_daily_duty_is_done_at_the_start_also_without_background_refresh(office: Office) -> None:
    done = threading.Semaphore(0)

    def duty() -> None:
        done.release()
        raise OSError("the disk is on holiday")

    background = BackgroundRefresh(office.refresher, minutes=0, daily=duty)
    background.start()

    assert done.acquire(timeout=20)
    background.stop()
    assert run_rows.latest_run(office.engine) is None
