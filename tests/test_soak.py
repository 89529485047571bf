"""Nothing grows with the refreshes: open files, threads and memory stay where they are after a few."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from core.graph.http import Http
from core.profiles.certificates import Certificate
from core.profiles.profile_store import ProfileStore
from simulator import Microsoft365
from tests.office import Office, open_office
from tests.soak import FILES, MEASURED, Load
from tests.warm_process import WarmProcess

ROOT = Path(__file__).resolve().parents[1]
# Two connections, both ends of each: one of the last thread, which goes when the next one comes, and one that the
# simulator has not noticed yet to be closed.
BEING_CLOSED = 4
SESSIONS = 8  # an object that each session leaves behind is there as often
# Read from the database, and read again after two seconds.
KEPT_FOR_SECONDS = {"core.access.sessions._CachedSession", "core.cache.session_rows.StoredSession"}

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="open files are counted in /proc")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


@pytest.fixture
def m365(tmp_path: Path) -> Iterator[Microsoft365]:
    with Microsoft365(tmp_path / "m365") as running:
        yield running


def printed(program: str, *arguments: object) -> str:
    """What a program of these tests prints in a process of its own."""
    command, pipe = [sys.executable, "-m", program, *map(str, arguments)], subprocess.PIPE
    with WarmProcess(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        output, errors = process.communicate(timeout=170)
    assert process.returncode == 0, errors
    return output


def test_writing_refreshes_leave_nothing_open_and_nothing_behind(tmp_path: Path) -> None:
    warm, after = (Load(**found) for found in json.loads(printed("tests.soak", tmp_path)))
    assert after.threads <= warm.threads
    assert after.files <= warm.files + BEING_CLOSED
    # A forgotten connection is more than 100 objects and 300 blocks; one may be on its way, caches fill a little.
    assert after.objects - warm.objects < 25 * MEASURED
    assert after.blocks - warm.blocks < 60 * MEASURED


def test_sessions_that_have_ended_leave_neither_objects_nor_files_behind(tmp_path: Path) -> None:
    found = json.loads(printed("tests.session_soak", tmp_path, SESSIONS).splitlines()[-1])
    # What grows each time; the messages that were sent last stay until others are, and are now fewer, now more.
    steps = [Counter(after) - Counter(before) for before, after in pairwise(found["counts"])]
    more = {name: [step[name] for step in steps] for name in steps[-1].keys() - KEPT_FOR_SECONDS}
    assert {name: counts for name, counts in more.items() if min(counts) >= SESSIONS} == {}
    assert found["files"] == 0


def test_connections_end_with_their_thread(m365: Microsoft365) -> None:
    http = Http(ca_bundle=str(m365.ca_bundle))
    ask = lambda: http.request("GET", f"{m365.graph_url}/v1.0/")  # noqa: E731
    ask()
    before = len(os.listdir(FILES))

    for _ in range(20):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert len(os.listdir(FILES)) <= before + BEING_CLOSED
    http.close()


def test_a_connection_is_used_again_but_not_after_a_long_rest(
    m365: Microsoft365, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = Http(ca_bundle=str(m365.ca_bundle))
    callers: set[tuple[str, int]] = set()

    def ask() -> int:
        http.request("GET", f"{m365.graph_url}/v1.0/")
        callers.update(m365._edge.connections.transports)
        return len(callers)

    assert [ask(), ask(), ask()] == [1, 1, 1]
    monkeypatch.setattr("core.graph.http.IDLE", -1.0)
    assert [ask(), ask()] == [2, 3]
    http.close()


def live(kind: type) -> int:
    gc.collect()
    return sum(type(found) is kind for found in gc.get_objects())


def test_keys_and_tokens_of_customers_who_left_are_let_go(office: Office) -> None:
    """A year of customers who come and go, in small; each has a profile and a certificate of its own."""
    stays = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
    office.refresh()
    before = live(Certificate)

    for number in range(5):
        guest = office.m365.add_tenant(f"Gast {number}", skus={"SPB": (10, 9)})
        office.refresh()
        office.m365.remove_tenant(guest)
    summary = office.refresh()

    assert (summary["ok"], live(Certificate)) == (1, before)
    held = [known for known in vars(office.services.tokens).values() if isinstance(known, dict)]
    used = {stays.tenant_id, office.sharepoint.tenant_id}
    assert [{tenant_id for tenant_id, _ in known} for known in held] == [used, used]  # tokens, and the gates to them


class Overtaken(ProfileStore):
    """In the middle of a load somebody else begins one, which comes to its second file when the first has ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begun, self.ended = threading.Event(), threading.Event()
        self.count, self.other = 0, threading.Thread(target=self.load)

    def certificate(self, path_text: str) -> Certificate:
        found = super().certificate(path_text)
        if threading.current_thread() is self.other:
            self.begun.set()
            assert self.ended.wait(20)
        else:
            self.count += 1
            if self.count == 2:
                self.other.start()
                assert self.begun.wait(20)
        return found


def test_two_loads_at_the_same_time_let_go_of_nothing_that_is_used(m365: Microsoft365) -> None:
    """Reading a key takes 50 ms: a thousand of them read again would hold everybody up."""
    for number in range(3):
        m365.add_tenant(f"Schule {number}")
    store = Overtaken(m365.profiles_dir)

    first = {profile.tenant_id: profile.certificate for profile in store.load().tenants}
    store.ended.set()
    store.other.join(20)

    assert all(profile.certificate is first[profile.tenant_id] for profile in store.load().tenants)
