"""How fast SharePoint is written, and that a long push neither blocks reading nor loses or doubles an alarm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache import run_rows
from core.graph import BatchAnswer, BatchRequest, Http
from core.refresh.refresher import Refresher
from core.refresh.tenant_switches import SwitchChange, add_to_list, apply_switches
from core.refresh.timetable import BackgroundRefresh
from core.sharepoint.pace import LONGEST, MAX_WAIT, Pace, ThrottleHint, strictest, throttle_hint
from core.sharepoint.push import GiveWay
from simulator import Fault
from simulator.throttle import Meter
from tests.actors import ADMIN, SUPPORT
from tests.held_refresh import WRITING, Hold
from tests.office import Office, open_office
from tests.test_refresh import command

PUSH, APPLY = import_module("core.sharepoint.push"), import_module("core.sharepoint.apply")
TENANTS, PARTS, SHORT = 20, 15, 3
ITEMS = TENANTS * PARTS


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.on_sleep: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep()

    def pace(self, cap: int = 0) -> Pace:
        return Pace(Http(sleep=self.sleep), cap, clock=self)

    def took(self, pace: Pace, units: int = 40) -> float:
        """Seconds until `units` may be sent; nobody answers."""
        before = self.now
        assert pace.permit(units) is not None
        return self.now - before


def answer(status: int = 200, **headers: str) -> BatchAnswer:
    return BatchAnswer(status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def tell(pace: Pace, *answers: BatchAnswer, units: int = 40) -> None:
    """A batch of `units` gets these answers."""
    permit = pace.permit(units)
    assert permit is not None
    pace.answered(permit, answers)


# What an answer means


@pytest.mark.parametrize(
    ("status", "headers", "meant"),
    [
        pytest.param(201, {}, ThrottleHint(), id="nothing-said"),
        pytest.param(429, {"Retry-After": "7"}, ThrottleHint(stop=7), id="throttled"),
        pytest.param(503, {"Retry-After": "2.5"}, ThrottleHint(stop=2.5), id="unavailable"),
        pytest.param(429, {"retry-after": "3", "RATELIMIT-RESET": "9"}, ThrottleHint(stop=9), id="the-larger-of-both"),
        pytest.param(429, {"Retry-After": "9", "RateLimit-Reset": "3"}, ThrottleHint(stop=9), id="the-other-way-round"),
        pytest.param(429, {"Retry-After": "999999"}, ThrottleHint(stop=LONGEST), id="beyond-belief"),
        pytest.param(
            200, {"RateLimit-Remaining": "240", "RateLimit-Reset": "12"}, ThrottleHint(0, 240, 12), id="80-percent"
        ),
        pytest.param(204, {"ratelimit-remaining": "0", "ratelimit-reset": "5"}, ThrottleHint(0, 0, 5), id="used-up"),
        pytest.param(200, {"RateLimit-Remaining": "-8", "RateLimit-Reset": "5"}, ThrottleHint(0, 0, 5), id="overdrawn"),
        pytest.param(200, {"RateLimit-Remaining": "10", "RateLimit-Reset": "0"}, ThrottleHint(), id="window-is-over"),
        pytest.param(200, {"RateLimit-Remaining": "many", "RateLimit-Reset": "5"}, ThrottleHint(), id="not-a-number"),
        pytest.param(
            200, {"RateLimit-Remaining": "10", "RateLimit-Reset": "nan"}, ThrottleHint(), id="no-number-either"
        ),
        pytest.param(200, {"RateLimit-Limit": "1250"}, ThrottleHint(), id="limit-alone"),
        pytest.param(412, {"Retry-After": "7"}, ThrottleHint(), id="a-conflict-is-no-throttling"),
    ],
)
def test_what_an_answer_asks_for(status: int, headers: dict[str, str], meant: ThrottleHint) -> None:
    assert throttle_hint(status, headers) == meant


@pytest.mark.parametrize(("attempt", "least", "most"), [(0, 0.3, 0.7), (1, 0.7, 1.3), (3, 3, 5), (20, 20, 40)])
def test_without_a_time_each_refusal_waits_twice_as_long(attempt: int, least: float, most: float) -> None:
    assert least <= throttle_hint(429, {}, attempt).stop <= most


def test_of_the_answers_of_a_batch_the_strictest_holds() -> None:
    found = strictest(
        [ThrottleHint(), ThrottleHint(stop=3), ThrottleHint(0, 60, 9), ThrottleHint(0, 40, 8), ThrottleHint(stop=1)]
    )

    assert found == ThrottleHint(3, 40, 8)
    assert strictest([]) == ThrottleHint()


# The pace


def test_without_a_word_of_sharepoint_nothing_waits() -> None:
    clock = Clock()
    pace = clock.pace()

    assert [clock.took(pace) for _ in range(50)] == [0.0] * 50


def test_after_a_refusal_nobody_sends_before_its_time_is_over() -> None:
    clock = Clock()
    pace = clock.pace()

    tell(pace, answer(200), answer(429, Retry_After="7"))

    assert [clock.took(pace) for _ in range(4)] == [7.0, 0.0, 0.0, 0.0]


def test_a_batch_that_waits_already_waits_for_a_later_refusal_too() -> None:
    clock = Clock()
    pace = clock.pace()
    under_way = pace.permit(40)
    assert under_way is not None
    tell(pace, answer(429, Retry_After="2"))

    def refuse_once() -> None:
        clock.on_sleep = lambda: None
        pace.answered(under_way, [answer(503, Retry_After="5")])

    clock.on_sleep = refuse_once

    assert clock.took(pace) == 6.0  # one second had passed when the other refusal came


def test_the_rest_of_the_minute_is_spread_and_not_overdrawn() -> None:
    clock = Clock()
    pace = clock.pace()
    tell(pace, answer(RateLimit_Remaining="200", RateLimit_Reset="10"))

    waits = [clock.took(pace) for _ in range(5)]

    assert waits == pytest.approx([0, 2, 2, 2, 2])
    assert clock.took(pace) == pytest.approx(2)  # the sixth would be too many: at the end of the minute
    assert clock.took(pace) == 0.0


def test_what_is_under_way_counts_against_what_is_left() -> None:
    clock = Clock()
    pace = clock.pace()
    assert pace.permit(40) is not None
    tell(pace, answer(RateLimit_Remaining="40", RateLimit_Reset="10"))

    assert clock.took(pace) == 10.0


def test_answers_that_say_nothing_any_more_mean_a_new_minute() -> None:
    clock = Clock()
    pace = clock.pace()
    tell(pace, answer(RateLimit_Remaining="80", RateLimit_Reset="50"))
    clock.now += 1

    tell(pace, answer())

    assert clock.took(pace, 400) < 50


def test_an_older_answer_does_not_lift_what_a_newer_one_says() -> None:
    clock = Clock()
    pace = clock.pace()
    older = pace.permit(40)
    assert older is not None
    tell(pace, answer(RateLimit_Remaining="20", RateLimit_Reset="10"))
    pace.answered(older, [answer()])

    assert clock.took(pace) == 10.0


@given(
    st.integers(10, 20_000),
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 90, allow_nan=False), st.booleans()), min_size=1, max_size=60),
)
def test_no_minute_holds_more_than_the_cap_and_one_batch(cap: int, batches: list[tuple[int, float, bool]]) -> None:
    clock = Clock()
    pace = clock.pace(cap)
    granted: list[tuple[float, int]] = []
    for items, idle, refused in batches:
        clock.now += idle
        permit = pace.permit(2 * items)
        assert permit is not None
        granted.append((clock.now, 2 * items))
        pace.answered(permit, [answer(429, Retry_After="3") if refused else answer()])

    for start, _ in granted:
        assert sum(units for at, units in granted if start <= at < start + 60 - 1e-6) <= cap + 40


def test_a_stop_that_is_too_long_is_left_to_the_next_refresh() -> None:
    clock = Clock()
    pace = clock.pace()
    tell(pace, answer(429, Retry_After=str(MAX_WAIT + 1)))

    assert pace.permit(40) is None
    assert clock.now == 1000.0
    clock.now += 2
    assert clock.took(pace) == MAX_WAIT - 1


def test_a_batch_that_waits_notices_within_a_second_that_it_is_to_give_way() -> None:
    clock = Clock()
    pace = clock.pace()
    tell(pace, answer(429, Retry_After="60"))

    assert pace.permit(40, lambda: clock.now >= 1002.5) is None
    assert clock.now == 1003.0


# Giving way


def test_a_push_gives_way_when_it_is_asked_or_has_lasted_too_long() -> None:
    clock, asked = Clock(), threading.Event()
    way, late = (GiveWay(60, asked.is_set, clock) for _ in range(2))

    assert (way(), late()) == (False, False)
    asked.set()
    assert way()
    asked.clear()
    assert (way(), late()) == (True, False)
    clock.now += 60
    assert late()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Some hundred licences, three of them used up, and a SharePoint that has never seen them."""
    with open_office(tmp_path) as opened:
        for number in range(TENANTS):
            skus = {f"PART_{part:02}": (10, 10 if part == 0 and number < SHORT else 4) for part in range(PARTS)}
            opened.m365.add_tenant(f"Firma {number:02}", skus=skus)
        yield opened


def check_all_told_once(office: Office) -> None:
    for _ in range(2):
        office.settle()
    names = [(row["tenant"], row["Lizenzname"]) for row in office.rows()]
    assert (len(names), len(set(names))) == (ITEMS, ITEMS)
    assert sorted(office.messages) == [f"Firma {number:02}: PART_00 (PART_00)" for number in range(SHORT)]


def test_who_asks_during_a_push_gets_a_refresh_after_it_and_the_next_one_shares_it(office: Office) -> None:
    hold = Hold(office, WRITING, after=60, times=None)
    first = office.refresher.request(SUPPORT)
    assert hold.reached.wait(20)
    reads = office.m365.count("GET", "/subscribedSkus")

    second, third = office.refresher.request(SUPPORT), office.refresher.request(SUPPORT)
    hold.go.set()
    after, before = office.end_of(second), run_rows.run(office.engine, first)

    assert before is not None
    assert before.summary is not None
    assert after.summary is not None
    assert (before.state, after.state) == ("done", "done")
    assert second == third != first
    assert before.summary["sharepoint"]["remaining"] >= ITEMS - 60 - 4 * 20
    assert before.summary["sharepoint"]["failed"] == 0
    assert "remaining" not in after.summary["sharepoint"]
    assert office.m365.count("GET", "/subscribedSkus") == 2 * reads
    check_all_told_once(office)


def test_a_push_that_lasts_too_long_leaves_the_rest_to_the_next_refresh(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = threading.Event()
    clock = lambda: 1e9 if late.is_set() else 0.0  # noqa: E731
    monkeypatch.setattr("core.refresh.run.GiveWay", partial(GiveWay, clock=clock))
    office.m365.faults.add(Fault("\\$batch", "pass", after=1, before=late.set))  # the first one marks the lists

    lists = office.refresh()["sharepoint"]
    late.clear()

    assert 0 < lists["created"] < ITEMS
    assert lists["remaining"] >= ITEMS - lists["created"]
    assert lists["failed"] == 0
    check_all_told_once(office)


def test_the_schedule_carries_on_at_once_with_what_a_push_has_left(office: Office) -> None:
    left = iter([{"remaining": 5}, {"remaining": 2}])
    through = threading.Semaphore(0)

    class GivingWay(Refresher):
        def run(self, *_: object, **__: object) -> dict[str, object]:
            through.release()
            return {"sharepoint": next(left, {})}

    background = BackgroundRefresh(GivingWay(office.services), minutes=60)
    background.start()

    assert all(through.acquire(timeout=20) for _ in range(3))
    background.stop()


# A long push


def test_a_full_push_under_a_budget_is_complete_and_hardly_ever_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is under way at once has to be less than a fifth of the budget, as it is in real life.
    monkeypatch.setattr(APPLY, "BATCH_SIZE", 5)
    office.m365.meter = meter = Meter(budget=240, window=0.4, whole_seconds=False)

    summary = office.refresh()

    assert (summary["sharepoint"]["created"], summary["sharepoint"]["failed"]) == (ITEMS, 0)
    assert summary["sharepoint"]["triggers_set"] == SHORT
    assert meter.refused <= ITEMS // 10
    check_all_told_once(office)


def test_a_batch_that_is_refused_as_a_whole_holds_the_others_too(office: Office) -> None:
    slept: list[float] = []
    office.services.http.sleep = slept.append  # type: ignore[method-assign]
    office.m365.faults.add(Fault("\\$batch", "status", status=429, retry_after="9"))

    summary = office.refresh()

    assert summary["sharepoint"]["created"] == ITEMS
    assert sum(slept) > 8.5


def test_what_the_batch_as_a_whole_says_holds_for_each_of_its_answers(office: Office) -> None:
    profile = office.services.profiles.load().sharepoint
    assert profile is not None
    client = office.services.publisher.lists(profile).client
    body = {"responses": [{"id": "0", "status": 429}, {"id": "1", "status": 429, "headers": {"retry-after": "6"}}]}
    office.m365.faults.add(Fault("\\$batch", "status", 200, retry_after="4", body=body))

    answers = client.batch([BatchRequest("GET", "/sites")] * 2)

    assert [throttle_hint(each.status, each.headers).stop for each in answers] == [4.0, 6.0]


def test_the_progress_counts_the_whole_push_and_only_grows(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.refresh.run.PROGRESS_EVERY", 0.0)
    monkeypatch.setattr(PUSH, "SLICE", 100)
    seen: list[tuple[int, int]] = []
    one_at_a_time = threading.Lock()  # batches come side by side; what was read later must not be noted earlier

    def look() -> None:
        with one_at_a_time:
            latest = run_rows.latest_run(office.engine)
            assert latest is not None
            if latest.total and latest.step == "sharepoint":
                seen.append((latest.total, latest.done))

    office.m365.faults.add(Fault("\\$batch", "pass", times=None, before=look))
    office.refresh()

    totals, done = zip(*seen, strict=True)
    assert (list(totals), list(done)) == (sorted(totals), sorted(done))
    assert ITEMS <= totals[0] <= totals[-1] <= ITEMS + SHORT + TENANTS
    assert done[-1] > ITEMS * 0.7


def test_shortages_are_told_before_the_other_items_are_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PUSH, "SLICE", 40)
    items_at_trigger: list[int] = []
    look = lambda: items_at_trigger.append(len(office.sharepoint.licenses.items))  # noqa: E731
    office.m365.faults.add(Fault("PATCH .*/fields", "pass", times=SHORT, sub_response=True, before=look))

    office.refresh()

    assert items_at_trigger == [40] * SHORT


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_first_push_that_is_cut_off_is_carried_on_without_doubles(office: Office, number: signal.Signals) -> None:
    hold = Hold(office, WRITING, after=100, times=None)
    victim = command(office, "sync")
    assert hold.reached.wait(60)

    victim.send_signal(number)
    hold.go.set()
    victim.communicate(timeout=30)
    office.m365.flow.run()

    assert 100 <= len(office.rows()) < ITEMS
    check_all_told_once(office)


def test_the_cap_is_a_setting(tmp_path: Path) -> None:
    slept: list[float] = []
    with open_office(tmp_path, LIZENZTOOL_SHAREPOINT_UNITS_PER_MINUTE="60") as office:
        office.services.http.sleep = slept.append  # type: ignore[method-assign]
        office.m365.add_tenant("Schule Höri", skus={f"PART_{part:02}": (10, 10) for part in range(15)})

        summary = office.refresh()

    assert (summary["sharepoint"]["created"], summary["sharepoint"]["triggers_set"]) == (15, 15)
    assert 29 < sum(slept) <= 2 + 32  # the items after the mark of the lists, the triggers after all these


def test_a_switch_of_a_tenant_tells_the_pace_what_sharepoint_says(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
        office.refresh()
        (result,) = add_to_list(office.services, [tenant.tenant_id], ADMIN)
        office.m365.faults.add(Fault("PATCH .*/fields", "status", 429, str(MAX_WAIT + 100), sub_response=True))
        change = SwitchChange(tenant.tenant_id, (True, True), (True, False))
        (throttled,) = apply_switches(office.services, [change], ADMIN)

        assert result.problem is None
        assert throttled.problem is not None
        assert office.services.publisher.pace.permit(2) is None  # so a push writes nothing either
