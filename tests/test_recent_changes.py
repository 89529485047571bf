"""Start says what has changed since the last working day: new shortages, those that are over, those reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.cache.event_rows import LicenseEvent, What
from core.licenses.judge import Stage
from tests.page_world import NOW, small_world
from ui import snapshots
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.start.recent_changes import recent_changes, since_words

VIEW = View(NOW, "de", ZoneInfo("Europe/Zurich"), 30)
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=ZoneInfo("UTC"))
Step = tuple[timedelta, Stage | None, What]
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Chur is short of one product and over-assigned with another, Höri has seats left."""
    return snapshots.newest(small_world(tmp_path).runtime)


def with_events(snapshot: Snapshot, state: str, *steps: Step) -> Snapshot:
    """Return the snapshot with these events, the newest first, of the licence that is in this state."""
    (row,) = snapshot.licenses[snapshot.licenses["state"] == state].to_dict("records")
    events = [LicenseEvent(row["tenant_id"], row["sku_id"], NOW - ago, what, before) for ago, before, what in steps]
    return replace(snapshot, events=events)


@pytest.mark.parametrize(
    ("state", "steps", "expected"),
    [
        pytest.param("short", [(MINUTE, "ok", "short")], (1, 0, 0), id="ran-out"),
        pytest.param("short", [(MINUTE, None, "told"), (2 * MINUTE, "low", "short")], (1, 0, 1), id="and-was-told"),
        pytest.param("short", [(MINUTE, None, "told")], (0, 0, 1), id="an-older-one-was-told"),
        pytest.param("short", [(WEEK, "ok", "short")], (0, 0, 0), id="ran-out-before"),
        pytest.param("over", [(MINUTE, "short", "over")], (0, 0, 0), id="only-got-worse"),
        pytest.param("short", [(MINUTE, "over", "short")], (0, 0, 0), id="only-got-better"),
        pytest.param("ok", [(MINUTE, "short", "ok")], (0, 1, 0), id="is-over"),
        pytest.param("ok", [(MINUTE, "short", "ok"), (2 * MINUTE, "ok", "short")], (0, 1, 0), id="came-and-went"),
        pytest.param("short", [(MINUTE, "ok", "short"), (2 * MINUTE, "short", "ok")], (1, 0, 0), id="went-and-came"),
        pytest.param("ok", [(MINUTE, "ok", "short")], (0, 0, 0), id="is-none-any-more-by-a-new-rule"),
        pytest.param("short", [(MINUTE, None, "taken_over")], (0, 0, 0), id="was-taken-over"),
        pytest.param("short", [(-WEEK, "ok", "short")], (0, 0, 0), id="in-the-future-as-the-clock-was-set-back"),
        pytest.param("ok", [(-WEEK, "ok", "short"), (MINUTE, "short", "ok")], (0, 1, 0), id="behind-one-in-the-future"),
    ],
)
def test_each_licence_is_new_or_over_by_its_last_step(
    state: str, steps: list[Step], expected: tuple[int, int, int], snapshot: Snapshot
) -> None:
    changes = recent_changes(with_events(snapshot, state, *steps), VIEW)

    assert (len(changes.new), len(changes.ended), len(changes.told)) == expected


def test_what_is_newly_over_assigned_is_known_beside_the_shortages(snapshot: Snapshot) -> None:
    assert len(recent_changes(with_events(snapshot, "over", (MINUTE, "short", "over")), VIEW).over) == 1
    assert len(recent_changes(with_events(snapshot, "short", (MINUTE, "short", "over")), VIEW).over) == 0


def test_licences_that_are_not_shown_do_not_count(snapshot: Snapshot) -> None:
    event = LicenseEvent("another", "sku", NOW - MINUTE, "short", "ok")

    assert recent_changes(replace(snapshot, events=[event]), VIEW).new == []


def test_a_record_that_began_later_says_since_when(snapshot: Snapshot) -> None:
    began = NOW - timedelta(hours=1)

    changes = recent_changes(replace(snapshot, recorded_since=began), VIEW)

    assert changes.since == began


@pytest.mark.parametrize(
    ("since", "german", "english"),
    [
        pytest.param("2026-11-25T00:00", "gestern", "yesterday", id="the-day-before"),
        pytest.param("2026-11-26T10:15", "10:15", "10:15", id="the-record-began-today"),
    ],
)
def test_since_when_is_told_as_people_say_it(since: str, german: str, english: str) -> None:
    view = replace(VIEW, now=THURSDAY)
    at = datetime.fromisoformat(since).replace(tzinfo=view.zone)

    assert [since_words(at, replace(view, language=language)) for language in ("de", "en")] == [german, english]


def test_on_monday_it_is_friday() -> None:
    view = replace(VIEW, now=THURSDAY + timedelta(days=4))
    friday = datetime(2026, 11, 27, tzinfo=view.zone)

    assert since_words(friday, view) == "Freitag"
    assert since_words(friday, replace(view, language="en")) == "Friday"
