"""Clocks: summer time ends, somebody sets the clock, a machine sleeps. Nothing stops, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from core.access import api_tokens, lockout, sessions
from core.access.accounts import add
from core.attention.conditions import refresh_conditions
from core.cache.audit_rows import Entry
from core.cache.run_rows import Run
from core.cache.schema import sessions as session_rows
from core.cache.schema import sign_in_failures
from core.cache.second_factor_rows import confirm, keep_secret, use_step
from core.clock import TOLERANCE, Interval, elapsed, is_over, working_day_before
from core.refresh.timetable import BackgroundRefresh
from tests.actors import ADMIN, actor
from tests.office import Office, open_office
from ui.age import Age, details, is_stale, line
from web.metrics_page import _age as reading_age
from web.sign_in.expiring_store import ExpiringStore

NOW = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # half past two, for the second time, in Zurich
HOUR = 3600.0
KEPT_FOR_A_WHILE = session_rows, sign_in_failures


@pytest.mark.parametrize(
    ("ago", "counts_as"),
    [
        pytest.param(timedelta(hours=2), timedelta(hours=2), id="past"),
        pytest.param(timedelta(0), timedelta(0), id="now"),
        pytest.param(timedelta(minutes=-4), timedelta(0), id="the-clock-of-another-machine"),
        pytest.param(timedelta(hours=-2), timedelta.max, id="written-before-the-clock-was-set-back"),
        pytest.param(timedelta(days=-400), timedelta.max, id="written-by-a-clock-far-ahead"),
    ],
)
def test_a_time_in_the_future_is_long_ago(ago: timedelta, counts_as: timedelta) -> None:
    assert elapsed(NOW - ago, NOW) == counts_as


@given(st.timedeltas(min_value=timedelta(days=-4000), max_value=timedelta(days=4000)))
def test_no_time_is_less_than_nothing_ago(ahead: timedelta) -> None:
    assert elapsed(NOW + ahead, NOW) >= timedelta(0)


@pytest.mark.parametrize(
    ("steady", "wall", "over"),
    [
        pytest.param(HOUR - 1, HOUR - 1, False, id="not-yet"),
        pytest.param(HOUR, HOUR, True, id="in-time"),
        pytest.param(HOUR, -10.0, True, id="the-clock-was-set-back-a-little"),
        pytest.param(60.0, 60.0 - 2 * HOUR, True, id="the-clock-was-set-back-by-two-hours"),
        pytest.param(60.0, 50.0, False, id="the-clock-was-put-right-by-some-seconds"),
        pytest.param(60.0, 3 * HOUR, True, id="the-machine-slept"),
        pytest.param(60.0, 400 * 24 * HOUR, True, id="the-clock-was-set-forward"),
    ],
)
def test_an_interval_is_over_by_either_clock(steady: float, wall: float, over: bool) -> None:
    assert is_over(steady, wall, HOUR) is over


def test_an_interval_begins_anew_with_the_clock_as_it_is_then() -> None:
    clocks = {"steady": 0.0, "wall": 1_000_000.0}
    interval = Interval(HOUR, lambda: clocks["steady"], lambda: clocks["wall"])
    assert interval.is_over(), "the first time is at once"
    interval.restart()
    assert not interval.is_over()

    clocks["wall"] -= 2 * HOUR
    assert interval.is_over()
    interval.restart()

    assert not interval.is_over()
    assert TOLERANCE.total_seconds() < HOUR


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        yield opened


def test_after_the_clock_was_set_back_by_two_hours_the_next_refresh_comes_at_once(office: Office) -> None:
    ended, ahead = threading.Semaphore(0), [0.0]
    refresh = office.refresher.run

    def run(*arguments: object, **options: object) -> dict[str, object]:
        try:
            return refresh(*arguments, **options)
        finally:
            ended.release()

    office.refresher.run = run  # type: ignore[method-assign]
    background = BackgroundRefresh(office.refresher, minutes=600, wall=lambda: NOW.timestamp() + ahead[0])
    background.start()
    assert ended.acquire(timeout=20)
    office.m365.flow.run()

    ahead[0] = -2 * HOUR

    assert ended.acquire(timeout=20), "it waits for the clock to catch up"
    background.stop()


AHEAD = [timedelta(hours=2), timedelta(days=400)]


def a_run(at: datetime) -> Run:
    return Run("r", "schedule", "", [], at, at, "done", "", 0, 0, 1.0, None, at)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_refresh_in_the_future_is_told_as_overdue(ahead: timedelta) -> None:
    (told,) = refresh_conditions(a_run(NOW + ahead), NOW, 30)

    assert told.problem.code == "refresh.overdue"
    assert list(refresh_conditions(a_run(NOW - timedelta(minutes=1)), NOW, 30)) == []


@pytest.fixture
def anna(database: Engine) -> Engine:
    """A database with the account `anna`."""
    add(database, ADMIN, "anna", "Birke-Nachthemd-27x", "admin", NOW)
    return database


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_session_that_a_wrong_clock_began_does_not_outlast_it(anna: Engine, ahead: timedelta) -> None:
    token = sessions.start_session(anna, "anna", NOW + ahead)

    assert sessions.session_of(anna, token, NOW + ahead) is not None
    assert sessions.session_of(anna, token, NOW) is None
    assert sessions.open_sessions(anna, ADMIN, NOW) == []


def test_clocks_of_two_machines_may_differ_a_little(anna: Engine) -> None:
    token = sessions.start_session(anna, "anna", NOW + timedelta(minutes=2))

    assert sessions.session_of(anna, token, NOW) is not None
    assert len(sessions.open_sessions(anna, ADMIN, NOW)) == 1


def test_a_token_that_a_wrong_clock_has_made_does_not_outlast_it(anna: Engine) -> None:
    ahead = NOW + timedelta(days=400)
    token, secret = api_tokens.make(anna, actor("anna", "admin"), "report", "viewer", ahead + timedelta(days=9), ahead)

    assert api_tokens.actor_of(anna, secret, ahead) is not None
    assert api_tokens.actor_of(anna, secret, NOW) is None
    assert token.state(NOW) == "expired"


def test_who_mistyped_before_the_clock_was_set_back_waits_no_longer_than_the_pause(database: Engine) -> None:
    for _ in range(6):
        lockout.count_attempt(database, "anna|1.2.3.4", NOW + timedelta(hours=1))

    wait = lockout.count_attempt(database, "anna|1.2.3.4", NOW)

    assert 0 < wait <= 4
    assert lockout.count_attempt(database, "anna|1.2.3.4", NOW + timedelta(seconds=wait)) == 0


def test_one_sign_in_by_a_wrong_clock_does_not_empty_what_is_kept_for_a_while(anna: Engine) -> None:
    for number in range(20):
        sessions.start_session(anna, "anna", NOW)
        lockout.count_attempt(anna, f"name-{number}|1.2.3.4", NOW)

    sessions.start_session(anna, "anna", NOW + timedelta(days=400))
    lockout.count_attempt(anna, "other|1.2.3.4", NOW + timedelta(days=400))

    with anna.begin() as connection:
        kept = [
            connection.execute(select(func.count()).select_from(t)).scalar() for t in (session_rows, sign_in_failures)
        ]
    assert kept == [19, 19]


def test_a_code_from_a_day_that_never_was_does_not_shut_its_owner_out(anna: Engine) -> None:
    step = int(NOW.timestamp()) // 30
    keep_secret(anna, "anna", lambda: "SECRET")
    assert confirm(anna, "anna", "SECRET", step + 400 * 2880, ["x"], NOW, Entry(ADMIN, "test"))

    assert use_step(anna, "anna", step)
    assert not use_step(anna, "anna", step), "no code opens twice"
    assert not use_step(anna, "anna", step - 3)


def test_pages_and_metrics_do_not_call_a_reading_from_the_future_new() -> None:
    ahead = NOW + timedelta(hours=2)
    age = Age(total=1, read=1, failing=0, never=0, newest=ahead, oldest=ahead, oldest_name="Schule Höri")

    assert is_stale(age, NOW, 30)
    assert "in der Zukunft" in line(age, NOW, "de", UTC)
    assert "in the future" in details(age, NOW, "en", UTC)
    assert reading_age(ahead, NOW) == float("inf")
    assert reading_age(NOW - timedelta(minutes=1), NOW) == 60


def test_what_waits_for_a_browser_does_not_wait_longer_when_the_clock_is_set_back() -> None:
    waiting: ExpiringStore[str] = ExpiringStore(timedelta(minutes=5))
    key = waiting.add("half signed in", NOW)

    assert waiting.get(key, NOW + timedelta(minutes=4)) == "half signed in"
    assert waiting.get(key, NOW - timedelta(hours=2)) is None


# Working days


ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("now", "since"),
    [
        pytest.param(datetime(2026, 11, 26, 12, tzinfo=UTC), datetime(2026, 11, 24, 23, tzinfo=UTC), id="thursday"),
        pytest.param(datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 19, 23, tzinfo=UTC), id="monday"),
        pytest.param(datetime(2026, 11, 22, 8, tzinfo=UTC), datetime(2026, 11, 19, 23, tzinfo=UTC), id="sunday"),
        pytest.param(datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 19, 23, tzinfo=UTC), id="saturday"),
        pytest.param(datetime(2026, 11, 23, 23, 30, tzinfo=UTC), datetime(2026, 11, 22, 23, tzinfo=UTC), id="night"),
        pytest.param(datetime(2026, 3, 30, 8, tzinfo=UTC), datetime(2026, 3, 26, 23, tzinfo=UTC), id="summer-time"),
    ],
)
def test_the_working_day_before_is_yesterday_or_friday(now: datetime, since: datetime) -> None:
    assert working_day_before(now, ZURICH) == since
