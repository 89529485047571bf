"""One refresh at a time: threads, processes, machines with data folders of their own, a lock lost on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select, text

from core.cache.database import DatabaseError, open_database
from core.cache.lists_read import sharepoint_status
from core.cache.schema import leases, runs
from core.encryption import new_key
from core.refresh.execution import LockLost
from core.refresh.lock import RefreshLock
from simulator import Fault
from tests.actors import actor
from tests.held_refresh import Hold
from tests.office import Office, open_office
from tests.postgres import new_database
from tests.warm_process import WarmProcess

TRIES = 400


def kill_the_sessions_with_locks(engine: Engine) -> None:
    """What a restart of the server, or of the network, does to who holds a lock in it."""
    kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    with engine.begin() as connection:
        connection.execute(text(kill))


def test_of_many_threads_only_one_has_the_lock_at_any_time(database: Engine, tmp_path: Path) -> None:
    lock, threads = RefreshLock(tmp_path, database), 4
    together = threading.Barrier(threads)
    holders, most = [], []

    def try_often(name: int) -> None:
        for _ in range(TRIES // threads):
            together.wait(30)
            if lock.take():
                holders.append(name)
                most.append(len(holders))
                holders.remove(name)
                lock.release()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(try_often, range(threads)))

    assert set(most) == {1}


def test_two_machines_with_data_folders_of_their_own_share_the_lock_of_the_database(
    postgres_url: str, tmp_path: Path
) -> None:
    engines = [open_database(postgres_url) for _ in range(2)]
    here, there = (RefreshLock(tmp_path / str(number), engine) for number, engine in enumerate(engines))

    assert here.take()
    assert (there.take(), there.free(), here.held()) == (False, False, True)
    here.release()
    assert there.take()
    there.release()
    assert here.free()
    for engine in engines:
        engine.dispose()


def test_the_lock_of_the_database_dies_with_its_process(postgres_url: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from core.cache.database import open_database\n"
        "from core.refresh.lock import RefreshLock\n"
        "lock = RefreshLock(pathlib.Path(sys.argv[2]), open_database(sys.argv[1]))\n"
        "print(lock.take(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, postgres_url, str(tmp_path / "there")]
    engine = open_database(postgres_url)
    lock = RefreshLock(tmp_path / "here", engine)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not lock.take()

        other.kill()
        other.wait(20)
    while not lock.take():  # the server needs a moment to notice
        pass

    lock.release()
    engine.dispose()


def test_installations_in_two_schemas_of_one_database_do_not_wait_for_each_other(
    postgres_url: str, tmp_path: Path
) -> None:
    engines = [create_engine(postgres_url, connect_args={"options": f"-c search_path={name}"}) for name in ("a", "b")]
    with engines[0].begin() as connection:
        for name in ("a", "b"):
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {name}"))
    for engine in engines:
        leases.create(engine, checkfirst=True)
    locks = [RefreshLock(tmp_path, engine) for engine in engines]

    assert [lock.take() for lock in locks] == [True, True]
    for lock, engine in zip(locks, engines, strict=True):
        lock.release()
        engine.dispose()


def test_a_lock_whose_connection_is_gone_is_lost_and_can_be_taken_again(postgres_url: str, tmp_path: Path) -> None:
    engine = open_database(postgres_url)
    lock = RefreshLock(tmp_path, engine)
    assert lock.take()

    kill_the_sessions_with_locks(engine)

    assert not lock.held()
    assert not lock.take(), "the refresh that has lost it still runs"
    lock.release()
    assert lock.take()
    lock.release()
    engine.dispose()


def test_what_the_database_says_no_to_leaves_the_lock_free(tmp_path: Path) -> None:
    engine = create_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")
    lock = RefreshLock(tmp_path, engine)

    for _ in range(2):
        with pytest.raises(DatabaseError):
            lock.take()


@pytest.fixture
def own_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of PostgreSQL."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture
def shared(own_database: str, tmp_path: Path) -> Iterator[Office]:
    """An office with a shortage whose database other machines may use, too."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=own_database) as opened:
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        yield opened


def test_a_refresh_that_loses_its_lock_while_it_reads_writes_nothing_into_the_lists(
    shared: Office, tmp_path: Path
) -> None:
    hold = Hold(shared)
    run_id = shared.refresher.request(actor("anna"))
    assert hold.reached.wait(20)
    other_machine = RefreshLock(tmp_path / "other", shared.engine)
    assert not other_machine.take()

    kill_the_sessions_with_locks(shared.engine)
    while not other_machine.take():  # the server needs a moment to notice
        pass
    hold.go.set()

    lost = shared.end_of(run_id)
    assert lost.summary is not None
    assert (lost.state, lost.summary["problem"]["code"]) == ("failed", "refresh.lock_lost")
    assert shared.rows() == []
    other_machine.release()
    assert shared.refresh()["sharepoint"]["triggers_set"] == 1


def test_a_refresh_that_loses_its_lock_while_it_writes_sends_no_further_batch(shared: Office) -> None:
    shared.refresh()  # marks the lists
    for number in range(3):
        shared.m365.add_tenant(f"Kunde {number}", skus={f"SKU_{sku}": (10, 4) for sku in range(100)})
    shared.m365.faults.add(Fault(r"POST .*/\$batch", before=lambda: kill_the_sessions_with_locks(shared.engine)))

    with pytest.raises(LockLost):
        shared.refresh()

    assert 0 < len(shared.rows()) < 150


def test_a_refresh_that_fails_reads_no_further_tenant(tmp_path: Path) -> None:
    with open_office(tmp_path, LIZENZTOOL_WORKERS="2") as office:
        for number in range(20):
            office.m365.add_tenant(f"Kunde {number}", skus={"SPB": (10, 4)})
        hold, workers = Hold(office, times=None), office.services.workers
        with office.engine.begin() as connection:
            connection.execute(text("DROP TABLE license_numbers"))

        with pytest.raises(DatabaseError):
            office.refresh()

        hold.go.set()
        together = threading.Barrier(2)
        for waiting in [workers.submit(together.wait, 20) for _ in range(2)]:
            waiting.result()
        assert office.m365.count("GET", "/subscribedSkus") <= 2
        assert RefreshLock(office.settings.data_dir).free()


def machine(office: Office, folder: Path) -> WarmProcess:
    """`python -m core sync` on another machine: the same database and profiles, a data folder of its own."""
    environment = os.environ | office.m365.environment() | {
        "LIZENZTOOL_DATA_DIR": str(folder / "data"),
        "LIZENZTOOL_LOG_DIR": str(folder / "logs"),
        "LIZENZTOOL_DATABASE_URL": office.database,
        "LIZENZTOOL_SECRET_KEYS": ",".join(office.settings.secret_keys),
    }  # fmt: skip
    return WarmProcess([sys.executable, "-m", "core", "sync"], env=environment, stdout=subprocess.DEVNULL)


def test_machines_with_data_folders_of_their_own_refresh_one_after_the_other_and_tell_each_shortage_once(
    own_database: str, tmp_path: Path
) -> None:
    key = {"LIZENZTOOL_SECRET_KEYS": new_key()}
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=own_database, **key) as office:
        tenants = [office.m365.add_tenant(f"Kunde {number}", skus={"SPB": (10, 9)}) for number in range(6)]
        for round_ in range(3):
            for tenant in tenants[2 * round_ : 2 * round_ + 2]:
                tenant.set_sku("SPB", consumed=10)
            machines = [machine(office, tmp_path / name) for name in ("one", "two", "three")]
            assert [process.wait(60) for process in machines] == [0, 0, 0]
            office.m365.flow.run()

        with office.engine.begin() as connection:
            ran = connection.execute(select(runs).where(runs.c.started_at.is_not(None)).order_by("started_at")).all()
        assert all(before.finished_at <= after.started_at for before, after in pairwise(ran))
        assert {run.state for run in ran} == {"done"}
        assert sharepoint_status(office.engine).problems == []
        assert len(office.messages) == 6
