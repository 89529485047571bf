"""A page that waits for a refresh is told of its end by the refresh itself, and not by looking again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from core.access.sessions import start_session
from core.cache import run_rows
from core.refresh import run_watch
from core.refresh.execution import execute
from core.refresh.run_stop import RunStop
from core.refresh.run_watch import RunWatch, WaitingPage
from tests.day import Day
from tests.office import Office
from tests.started_runs import start_run
from tests.ws_client import Tab


def page(session: str, frame: bytes = b"frame") -> WaitingPage:
    return WaitingPage(session, frame)


@pytest.fixture
def woken() -> list[WaitingPage]:
    return []


@pytest.fixture
def watch(woken: list[WaitingPage]) -> RunWatch:
    watch = RunWatch()
    watch.deliver_with(woken.append)
    return watch


def test_a_page_is_woken_once_for_its_run_alone(watch: RunWatch, woken: list[WaitingPage]) -> None:
    watch.add("run", page("anna"))
    watch.add("other run", page("bruno"))

    watch.tell("run")
    watch.tell("run")

    assert woken == [page("anna")]


def test_of_a_session_the_last_page_counts(watch: RunWatch, woken: list[WaitingPage]) -> None:
    watch.add("run", page("anna", b"start"))
    watch.add("run", page("anna", b"tenants"))

    watch.tell("run")

    assert woken == [page("anna", b"tenants")]


def test_pages_that_left_while_another_process_refreshed_do_not_pile_up(
    watch: RunWatch, woken: list[WaitingPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "MOST", 2)
    for session in ("anna", "bruno", "carla"):
        watch.add("run", page(session))

    watch.tell("run")

    assert woken == [page("bruno"), page("carla")]


def test_the_end_of_a_run_is_stored_when_its_page_is_woken(office: Office) -> None:
    run_id, states = start_run(office.engine, "page", "anna", (), office.now()), []
    run = run_rows.run(office.engine, run_id)
    assert run is not None

    def note(waiting: WaitingPage) -> None:
        ended = run_rows.run(office.engine, run_id)
        states.append((waiting.session, ended.state if ended else ""))

    office.services.run_watch.deliver_with(note)
    office.services.run_watch.add(run_id, page("anna"))
    execute(office.services, run, RunStop(lambda: True))

    assert states == [("anna", "done")]


def test_the_result_comes_to_a_tab_that_does_not_ask_for_it(eventful_day: Day) -> None:
    """A browser would ask four times a second; this tab asks for nothing after its click."""
    server = SimpleNamespace(url=eventful_day.url, host=urlsplit(eventful_day.url).netloc)
    token = start_session(eventful_day.office.engine, "anna", datetime.now(UTC))
    with Tab(server, token) as tab:
        tab.rerun()
        tab.press("Aktualisieren")
        while (message := tab.receive()) and b"8 von 8 Tenants in" not in message.SerializeToString():
            pass

    assert message is not None
