"""The tables of the onboardings, in each kind of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from core.cache.onboarding_rows import (
    Onboarding,
    StepRow,
    acknowledge,
    add_onboarding,
    all_onboardings,
    change,
    claim,
    end_onboarding,
    find_onboarding,
    first_readings,
    log_of,
    save_step,
    unseen_summaries,
)
from core.problems import Problem
from tests.actors import entry

NOW = datetime.now(UTC).replace(microsecond=0)
NEW = Onboarding("1", "tenant-1", "Höri", "hoeri", "own", "", "", [], "", "", "open", "carla", NOW, NOW)
SAID = Problem("onboarding.reading", {"tenant": "Höri"})
SUMMARY = {"products": 1, "shortages": [{"product": "Visio"}]}


def step(database: Engine, name: str) -> None:
    save_step(database, NEW.onboarding_id, StepRow(name, "done", 1, NOW), "carla", SAID, NOW, client_id="app")


def test_a_tenant_and_a_short_name_have_one_open_onboarding(database: Engine) -> None:
    assert add_onboarding(database, NEW, entry())

    assert not add_onboarding(database, replace(NEW, onboarding_id="2", slug="other"), entry())
    assert not add_onboarding(database, replace(NEW, onboarding_id="3", tenant_id="other"), entry())
    end_onboarding(database, "1", "cancelled", SAID, entry(), NOW)
    assert add_onboarding(database, replace(NEW, onboarding_id="4", created_at=NOW + timedelta(seconds=1)), entry())
    assert [one.onboarding_id for one in all_onboardings(database)] == ["4"]
    assert find_onboarding(database, "hoeri").onboarding_id == "4"  # type: ignore[union-attr]


def test_one_at_a_time_works_at_it_and_a_dead_one_is_replaced(database: Engine) -> None:
    add_onboarding(database, NEW, entry())

    assert claim(database, "1", NOW, NOW + timedelta(seconds=90))
    assert not claim(database, "1", NOW + timedelta(seconds=89), NOW + timedelta(seconds=180))
    assert claim(database, "1", NOW + timedelta(seconds=90), NOW + timedelta(seconds=180))
    change(database, "1", busy_until=None)
    assert claim(database, "1", NOW, NOW + timedelta(seconds=90))


def test_shortages_are_held_back_from_the_list_to_the_first_reading(database: Engine) -> None:
    add_onboarding(database, NEW, entry())
    assert first_readings(database) == set()
    step(database, "test")
    assert first_readings(database) == {"tenant-1"}

    end_onboarding(database, "1", "done", SAID, entry(), NOW, summary=SUMMARY)
    step(database, "first_read")  # whoever still waited for it comes too late

    assert first_readings(database) == set()
    assert [line.step for line in log_of(database, "1")] == ["test", "first_read"]
    assert [one.summary for one in unseen_summaries(database)] == [SUMMARY]
    assert acknowledge(database, "1", "anna", entry(), NOW)
    assert unseen_summaries(database) == []
