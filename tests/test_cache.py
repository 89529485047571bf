"""The cache on SQLite and on PostgreSQL: what is written, what a failure leaves alone, what the frames look like."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from core.cache import run_rows
from core.cache.attention_queries import broken_profiles
from core.cache.database import DatabaseError
from core.cache.frames import (
    LICENSE_COLUMNS,
    TENANT_COLUMNS,
    history_frame,
    licenses_frame,
    subscriptions_frame,
    tenants_frame,
)
from core.cache.history_rows import history_keys, history_page
from core.cache.lists_read import (
    Alarm,
    ListedTenant,
    SharePointStatus,
    save_alarms,
    save_sharepoint_status,
    save_switches,
    save_tenant_list,
    sharepoint_status,
    stored_alarms,
    tenant_list_rows,
)
from core.cache.product_names import imported_names, save_names
from core.cache.purchases import SubscriptionReading, save_subscriptions
from core.cache.readings import Reading, save_failures, save_readings, stored_licenses, trial_skus
from core.cache.schema import history
from core.cache.sql import data_version
from core.cache.tenant_rows import ProfileTenant, save_profiles, tenant_rows
from core.licenses.skus import Catalogue, ImportedName
from core.licenses.units import License, Subscription
from core.problems import Problem
from tests.started_runs import start_run

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
TODAY = NOW.date()
CONTOSO = ProfileTenant("11111111-0000-0000-0000-000000000001", "contoso", "Contoso", NOW + timedelta(days=90))
FABRIKAM = ProfileTenant("11111111-0000-0000-0000-000000000002", "fabrikam", "Fabrikam", NOW - timedelta(hours=30))
SPB, E3 = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "05e9a617-0261-4cee-bb44-138d3ef5d965"
DENIED = Problem("graph.forbidden", {"tenant": "Contoso"}, "HTTP 403")
CATALOGUE = Catalogue([])


@pytest.fixture
def engine(database: Engine) -> Engine:
    """A database with two tenants in it."""
    save_profiles(database, [CONTOSO, FABRIKAM], {})
    return database


def spb(enabled: int = 10, consumed: int = 4, **units: Any) -> License:
    return License(SPB, "SPB", enabled, consumed, **units)


def e3(enabled: int = 5, consumed: int = 5) -> License:
    return License(E3, "SPE_E3", enabled, consumed)


def read(engine: Engine, *licenses: License, at: datetime = NOW, short: Iterable[str] = (), tenant: str = "") -> None:
    """One good read of a tenant, written as the refresh writes it."""
    save(engine, [Reading(tenant or CONTOSO.tenant_id, licenses, dict.fromkeys(short, "short"), at)], at.date())


def save(engine: Engine, readings: Sequence[Reading], day: date = TODAY) -> None:
    save_readings(engine, readings, stored_licenses(engine), history_keys(engine, day), day)


def rows(engine: Engine, tenant: ProfileTenant = CONTOSO) -> dict[str, Any]:
    """Part number -> row."""
    found = stored_licenses(engine).get(tenant.tenant_id, {}).values()
    return {row["sku_part_number"]: row for row in found}


def days(engine: Engine, tenant: ProfileTenant = CONTOSO) -> list[tuple[Any, ...]]:
    """(day, part of the SKU id, enabled, consumed) of each history row."""
    skus, _ = history_page(engine, tenant.tenant_id, date.min, limit=100)
    found = ((day["day"], sku.sku_id[:4], day["enabled"], day["consumed"]) for sku in skus for day in sku.days)
    return sorted(found)


# A read


def test_a_read_is_written_with_every_unit_and_its_moment(engine: Engine) -> None:
    units = {"warning": 3, "suspended": 2, "locked_out": 1}

    read(engine, spb(10, 12, **units), short=[SPB])

    assert rows(engine)["SPB"] == {
        "tenant_id": CONTOSO.tenant_id,
        "sku_id": SPB,
        "sku_part_number": "SPB",
        "applies_to": "",
        "capability_status": "",
        "enabled": 10,
        "consumed": 12,
        **units,
        "present": True,
        "first_seen_at": NOW,
        "short_since": NOW,
        "stage": "short",
    }
    assert tenant_rows(engine)[CONTOSO.tenant_id].last_read_at == NOW


def test_a_tenants_rows_are_replaced_whole_and_no_others_touched(engine: Engine) -> None:
    read(engine, spb(), e3())
    read(engine, spb(7, 7), tenant=FABRIKAM.tenant_id)

    read(engine, spb(20, 4), at=NOW + timedelta(hours=1))

    assert {part: (row["enabled"], row["present"]) for part, row in rows(engine).items()} == {
        "SPB": (20, True),
        "SPE_E3": (0, False),
    }
    assert rows(engine, FABRIKAM)["SPB"]["enabled"] == 7


def test_what_vanished_stays_as_gone_and_comes_back_with_its_first_day(engine: Engine) -> None:
    read(engine, e3(5, 5), short=[E3])

    read(engine, at=NOW + timedelta(days=1))
    gone = rows(engine)["SPE_E3"]
    read(engine, e3(8, 1), at=NOW + timedelta(days=2))

    assert (gone["present"], gone["enabled"], gone["consumed"], gone["short_since"]) == (False, 0, 0, None)
    back = rows(engine)["SPE_E3"]
    assert (back["present"], back["enabled"], back["first_seen_at"]) == (True, 8, NOW)


def test_since_when_is_kept_while_the_shortage_lasts_and_starts_anew_after(engine: Engine) -> None:
    since = []
    for hour, short in enumerate([False, True, True, False, True]):
        read(engine, spb(10, 10), at=NOW + timedelta(hours=hour), short=[SPB] if short else [])
        since.append(rows(engine)["SPB"]["short_since"])

    first, second = NOW + timedelta(hours=1), NOW + timedelta(hours=4)
    assert since == [None, first, first, None, second]


def test_a_write_that_fails_leaves_everything_as_it_was(engine: Engine) -> None:
    read(engine, spb(10, 4))
    before, old_days = stored_licenses(engine), days(engine)
    later = NOW + timedelta(days=1)
    broken = License(E3, None, 1, 1)  # type: ignore[arg-type]

    with pytest.raises(DatabaseError):
        save(
            engine,
            [Reading(CONTOSO.tenant_id, [spb(99, 99)], {}, later), Reading(FABRIKAM.tenant_id, [broken], {}, later)],
            later.date(),
        )

    assert stored_licenses(engine) == before
    assert days(engine) == old_days
    assert tenant_rows(engine)[CONTOSO.tenant_id].last_read_at == NOW


def test_a_failure_keeps_the_rows_and_notes_since_when(engine: Engine) -> None:
    read(engine, spb())
    before = stored_licenses(engine)

    save_failures(engine, {CONTOSO.tenant_id: DENIED}, NOW + timedelta(hours=1))
    save_failures(engine, {CONTOSO.tenant_id: DENIED}, NOW + timedelta(hours=2))

    row = tenant_rows(engine)[CONTOSO.tenant_id]
    assert stored_licenses(engine) == before
    assert (row.last_read_at, row.failing_since) == (NOW, NOW + timedelta(hours=1))
    assert row.last_attempt_at == NOW + timedelta(hours=2)
    assert Problem.from_json(row.problem) == DENIED


def test_a_good_read_ends_a_failure(engine: Engine) -> None:
    save_failures(engine, {CONTOSO.tenant_id: DENIED}, NOW)

    read(engine, spb(), at=NOW + timedelta(hours=1))

    row = tenant_rows(engine)[CONTOSO.tenant_id]
    assert (row.problem, row.failing_since) == (None, None)
    assert row.last_read_at == row.last_attempt_at == NOW + timedelta(hours=1)


def test_times_come_back_as_utc_whatever_zone_they_had(engine: Engine) -> None:
    zurich = timezone(timedelta(hours=1))

    read(engine, spb(), at=NOW.astimezone(zurich))

    found = tenant_rows(engine)[CONTOSO.tenant_id].last_read_at
    assert (found, found.tzinfo) == (NOW, UTC)


# History


def test_history_has_one_row_per_day_and_sku_from_the_first_day_on(engine: Engine) -> None:
    read(engine, spb(10, 4), e3(5, 5))
    read(engine, spb(10, 6), e3(5, 5), at=NOW + timedelta(hours=3))
    read(engine, spb(10, 6), e3(5, 5), at=NOW + timedelta(hours=4))
    read(engine, spb(10, 6), e3(5, 5), at=NOW + timedelta(days=1))

    tomorrow = TODAY + timedelta(days=1)
    assert days(engine) == [
        (TODAY, "05e9", 5, 5),
        (TODAY, "cbdc", 10, 6),
        (tomorrow, "05e9", 5, 5),
        (tomorrow, "cbdc", 10, 6),
    ]


def test_history_shows_the_day_on_which_a_sku_vanished(engine: Engine) -> None:
    read(engine, e3(5, 5))

    read(engine, at=NOW + timedelta(days=1))

    assert days(engine)[-1] == (TODAY + timedelta(days=1), "05e9", 0, 0)


# Profiles


def test_a_removed_profile_hides_the_tenant_but_keeps_its_history(engine: Engine) -> None:
    read(engine, spb())

    save_profiles(engine, [FABRIKAM], {})

    assert set(tenant_rows(engine)) == {FABRIKAM.tenant_id}
    assert licenses_frame(engine, CATALOGUE, now=NOW, flow_timeout=timedelta(hours=1)).empty
    assert len(days(engine)) == 1

    save_profiles(engine, [CONTOSO, FABRIKAM], {})
    assert rows(engine)["SPB"]["enabled"] == 10
    assert CONTOSO.tenant_id in tenant_rows(engine)


def test_a_tenant_whose_profile_broke_stays_shown(engine: Engine) -> None:
    read(engine, spb())
    problem = Problem("profile.json_broken", {"file": "config-contoso-profile.json"})

    save_profiles(engine, [FABRIKAM], {"config-contoso-profile.json": ("contoso", [problem])})

    assert CONTOSO.tenant_id in tenant_rows(engine)
    assert broken_profiles(engine) == {"config-contoso-profile.json": [problem]}

    save_profiles(engine, [CONTOSO, FABRIKAM], {})
    assert broken_profiles(engine) == {}


def test_a_tenant_id_that_was_mended_leaves_no_second_tenant_behind(engine: Engine) -> None:
    mended = ProfileTenant("11111111-0000-0000-0000-000000000009", "contoso", "Contoso", NOW)
    harmless = Problem("profile.expires_wrong", {"file": "config-contoso-profile.json"})

    save_profiles(engine, [mended, FABRIKAM], {"config-contoso-profile.json": ("contoso", [harmless])})

    assert set(tenant_rows(engine)) == {mended.tenant_id, FABRIKAM.tenant_id}


@pytest.mark.parametrize(
    ("names", "former"),
    [
        pytest.param(["Contoso Schule"], ["Contoso"], id="once"),
        pytest.param(["Contoso Schule", "Contoso AG"], ["Contoso", "Contoso Schule"], id="twice"),
        pytest.param(["Contoso Schule", "Contoso"], ["Contoso Schule"], id="and-back"),
        pytest.param(["Contoso"], [], id="not-at-all"),
    ],
)
def test_a_renamed_tenant_remembers_its_former_names(engine: Engine, names: list[str], former: list[str]) -> None:
    for name in names:
        save_profiles(engine, [ProfileTenant(CONTOSO.tenant_id, "contoso", name, NOW), FABRIKAM], {})

    row = tenant_rows(engine)[CONTOSO.tenant_id]
    assert (row.name, row.former_names) == (names[-1], former)


# Subscriptions


def subscription(number: str, sku: str = SPB, ends: datetime | None = None, *, trial: bool = False) -> Subscription:
    return Subscription(number, sku, "SPB", "Enabled", 10, trial, None, ends)


def test_subscriptions_are_replaced_whole_the_next_date_first(engine: Engine) -> None:
    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, [subscription("a")], NOW)])

    found = [subscription("b"), subscription("c", ends=NOW + timedelta(days=9)), subscription("d", ends=NOW)]
    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, found, NOW)])

    frame = subscriptions_frame(engine, CONTOSO.tenant_id)
    assert [None if pd.isna(at) else at for at in frame["next_lifecycle_at"]] == [NOW, NOW + timedelta(days=9), None]
    assert tenant_rows(engine)[CONTOSO.tenant_id].subscriptions_read_at == NOW


def test_subscriptions_that_may_not_be_read_keep_what_is_known_and_say_why(engine: Engine) -> None:
    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, [subscription("a")], NOW)])

    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, None, NOW + timedelta(days=1), DENIED)])

    assert len(subscriptions_frame(engine, CONTOSO.tenant_id)) == 1
    assert Problem.from_json(tenant_rows(engine)[CONTOSO.tenant_id].subscriptions_problem) == DENIED


def test_what_several_tenants_answer_is_written_together(engine: Engine) -> None:
    read(engine, spb())
    two = [
        SubscriptionReading(CONTOSO.tenant_id, [subscription("a")], NOW),
        SubscriptionReading(FABRIKAM.tenant_id, None, NOW, DENIED),
    ]

    save_subscriptions(engine, two)
    save_failures(engine, {CONTOSO.tenant_id: DENIED, FABRIKAM.tenant_id: DENIED}, NOW)
    save_failures(engine, {FABRIKAM.tenant_id: DENIED}, NOW + timedelta(hours=1))
    save_subscriptions(engine, [])
    save_failures(engine, {}, NOW + timedelta(hours=2))

    rows = tenant_rows(engine)
    contoso, fabrikam = rows[CONTOSO.tenant_id], rows[FABRIKAM.tenant_id]
    assert (contoso.subscriptions_problem, fabrikam.subscriptions_problem) == (None, DENIED.to_json())
    assert contoso.failing_since == fabrikam.failing_since == contoso.last_attempt_at == NOW
    assert fabrikam.last_attempt_at == NOW + timedelta(hours=1)
    assert len(subscriptions_frame(engine, CONTOSO.tenant_id)) == 1


def test_a_sku_is_a_trial_only_if_all_its_subscriptions_are(engine: Engine) -> None:
    found = [subscription("a", trial=True), subscription("b"), subscription("c", E3, trial=True)]

    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, found, NOW)])

    assert trial_skus(engine) == {(CONTOSO.tenant_id, E3)}


# Runs


def test_a_run_is_followed_from_its_start_to_its_summary(engine: Engine) -> None:
    run_id = start_run(engine, "page", "anna", ["Contoso"], NOW)
    run_rows.save_progress(engine, run_id, "tenants", 3, 7)
    running = run_rows.run(engine, run_id)

    run_rows.finish_run(engine, run_id, "done", {"ok": 7}, 1.5, NOW + timedelta(seconds=2))

    assert running is not None
    assert (running.running, running.step, running.done, running.total) == (True, "tenants", 3, 7)
    assert run_rows.latest_run(engine) == run_rows.Run(
        run_id, "page", "anna", ["Contoso"], NOW, NOW + timedelta(seconds=2), "done", "", 3, 7, 1.5, {"ok": 7}, NOW
    )


def test_a_run_that_lost_its_process_is_closed_by_the_next_one(engine: Engine) -> None:
    lost = start_run(engine, "schedule", "", [], NOW)

    start_run(engine, "schedule", "", [], NOW + timedelta(hours=1))

    found = run_rows.run(engine, lost)
    assert found is not None
    assert (found.state, found.finished_at) == ("interrupted", NOW + timedelta(hours=1))


def test_a_running_refresh_is_the_latest_one_also_when_the_clock_was_set_back(engine: Engine) -> None:
    before = start_run(engine, "schedule", "", [], NOW)
    run_rows.finish_run(engine, before, "done", {}, 1.0, NOW)

    running = start_run(engine, "page", "anna", [], NOW - timedelta(hours=3))

    found = run_rows.latest_run(engine)
    assert found is not None
    assert (found.run_id, found.running) == (running, True)


def test_there_may_be_no_run_yet(engine: Engine) -> None:
    assert run_rows.latest_run(engine) is None
    assert run_rows.run(engine, "x") is None


# Versions


def test_what_pages_should_know_of_counts_the_version_up(engine: Engine) -> None:
    seen = [data_version(engine)]
    changes: list[Callable[[], None]] = [
        lambda: save_switches(engine, CONTOSO.tenant_id, listed=True, enabled=True, monitored=False),
        lambda: save_names(engine, [ImportedName(SPB, "SPB", "Business Premium")]),
        lambda: run_rows.finish_run(engine, "x", "done", {}, 1.0, NOW),
    ]

    for change in changes:
        change()
        seen.append(data_version(engine))

    assert seen == [0, 1, 2, 3]


def test_no_change_is_lost_when_many_count_at_once(engine: Engine) -> None:
    def change(tenant: ProfileTenant) -> None:
        for _ in range(8):
            save_switches(engine, tenant.tenant_id, listed=True, enabled=True, monitored=True)

    change(CONTOSO)
    threads = [threading.Thread(target=change, args=[tenant]) for tenant in (CONTOSO, FABRIKAM)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert data_version(engine) == 24


# What SharePoint said


def test_the_tenant_list_switches_tenants_and_who_is_not_listed_is_read_but_not_monitored(engine: Engine) -> None:
    listed = [ListedTenant("1", "Contoso", False, True), ListedTenant("7", "Somebody else", True, True)]

    save_tenant_list(engine, listed, {CONTOSO.tenant_id: listed[0]}, NOW)

    found = {row.slug: (row.listed, row.enabled, row.monitored) for row in tenant_rows(engine).values()}
    assert found == {"contoso": (True, False, True), "fabrikam": (False, True, False)}
    assert tenant_list_rows(engine) == listed


def test_the_status_of_the_lists_comes_back_as_it_was(engine: Engine) -> None:
    status = SharePointStatus(True, NOW, [DENIED], {"communication": "Teams"})
    assert sharepoint_status(engine) == SharePointStatus()

    save_sharepoint_status(engine, status)

    assert sharepoint_status(engine) == status


def test_alarms_are_overwritten_one_by_one(engine: Engine) -> None:
    first, second = Alarm(CONTOSO.tenant_id, SPB, "4", NOW), Alarm(CONTOSO.tenant_id, E3, "5", None, 0, NOW)
    save_alarms(engine, [first, second])

    told = Alarm(CONTOSO.tenant_id, SPB, "4", None, 1, NOW)
    save_alarms(engine, [told])

    assert stored_alarms(engine) == {(CONTOSO.tenant_id, SPB): told, (CONTOSO.tenant_id, E3): second}


def test_imported_names_are_replaced_whole(engine: Engine) -> None:
    save_names(engine, [ImportedName(SPB, "SPB", "Old"), ImportedName(E3, "SPE_E3", "E3")])

    save_names(engine, [ImportedName(SPB, "SPB", "New")])

    assert imported_names(engine) == [ImportedName(SPB, "SPB", "New")]


# Frames


def licenses(engine: Engine, now: datetime = NOW) -> pd.DataFrame:
    return licenses_frame(engine, CATALOGUE, now=now, flow_timeout=timedelta(hours=1))


def frames(engine: Engine) -> dict[str, pd.DataFrame]:
    found = licenses(engine)
    return {
        "licenses": found,
        "tenants": tenants_frame(engine, found, now=NOW),
        "history": history_frame(engine, CONTOSO.tenant_id, SPB, TODAY),
        "subscriptions": subscriptions_frame(engine, CONTOSO.tenant_id),
    }


def test_frames_have_their_columns_and_types_also_when_they_are_empty(engine: Engine) -> None:
    save_profiles(engine, [], {})
    empty = frames(engine)
    save_profiles(engine, [CONTOSO, FABRIKAM], {})
    some = frames(engine)
    read(engine, spb(), e3(), short=[E3])
    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, [subscription("a", ends=NOW)], NOW)])
    save_failures(engine, {FABRIKAM.tenant_id: DENIED}, NOW)
    full = frames(engine)

    assert list(full["licenses"]) == LICENSE_COLUMNS
    assert list(full["tenants"]) == TENANT_COLUMNS
    for name, frame in full.items():
        assert len(empty[name]) == 0 < len(frame)
        assert dict(empty[name].dtypes) == dict(some[name].dtypes) == dict(frame.dtypes), name


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("free", "int64"),
        ("utilisation", "float64"),
        ("shortage", "bool"),
        ("state", "str"),
        ("read_at", "datetime64[us, UTC]"),
        ("renews_at", "datetime64[us, UTC]"),
    ],
)
def test_an_empty_frame_can_be_filtered_and_counted(engine: Engine, column: str, kind: str) -> None:
    frame = licenses(engine)

    assert str(frame[column].dtype) == kind
    assert list(frame[frame["shortage"]]) == LICENSE_COLUMNS


def test_a_row_of_the_licence_frame(engine: Engine) -> None:
    read(engine, spb(10, 12), short=[SPB])
    found = [subscription(str(day), ends=NOW + timedelta(days=day)) for day in (-3, 40, 20)]
    save_subscriptions(engine, [SubscriptionReading(CONTOSO.tenant_id, found, NOW)])

    (row,) = licenses(engine).to_dict("records")

    assert (row["tenant"], row["sku_part_number"], row["product_de"], row["kind"]) == ("Contoso", "SPB", "SPB", "paid")
    assert (row["free"], row["utilisation"], row["state"], row["shortage"]) == (-2, 1.2, "over", True)
    assert (row["short_since"], row["read_at"], row["failing"]) == (NOW, NOW, False)
    assert row["renews_at"] == NOW + timedelta(days=20)


def test_shortages_come_first_the_longest_at_the_top(engine: Engine) -> None:
    read(engine, spb(10, 10), e3(9, 1), short=[SPB], at=NOW - timedelta(days=2))
    read(engine, spb(10, 10), short=[SPB], at=NOW - timedelta(days=5), tenant=FABRIKAM.tenant_id)

    frame = licenses(engine)

    assert list(zip(frame["tenant"], frame["sku_part_number"], strict=True)) == [
        ("Fabrikam", "SPB"),
        ("Contoso", "SPB"),
        ("Contoso", "SPE_E3"),
    ]


def test_the_over_assigned_that_lacks_most_comes_first_and_what_nobody_holds_last(engine: Engine) -> None:
    parts = {"A": (10, 10), "B": (10, 12), "C": (10, 13), "D": (0, 25), "E": (0, 0), "F": (40, 39), "G": (40, 1)}
    rows = [License(part, part, *units, locked_out=25) for part, units in parts.items()]
    older = {"A", "D"}
    read(engine, *(row for row in rows if row.sku_id in older), short=older, at=NOW - timedelta(days=9))
    read(engine, *rows, short="ABCD", at=NOW)

    frame = licenses(engine)

    assert list(zip(frame["sku_part_number"], frame["state"], strict=True)) == [
        ("C", "over"), ("B", "over"), ("A", "short"), ("D", "suspended"), ("F", "low"), ("G", "ok"), ("E", "suspended"),
    ]  # fmt: skip


def test_what_is_fullest_comes_first_among_those_that_are_ok(engine: Engine) -> None:
    parts = {"A": (100, 10), "B": (100, 60), "C": (200, 110), "D": (10, 6)}
    read(engine, *(License(part, part, *units) for part, units in parts.items()))
    read(engine, License("B", "B", 10, 6), tenant=FABRIKAM.tenant_id)

    frame = licenses(engine)

    assert list(zip(frame["sku_part_number"], frame["tenant"], strict=True)) == [
        ("B", "Contoso"), ("D", "Contoso"), ("B", "Fabrikam"), ("C", "Contoso"), ("A", "Contoso"),
    ]  # fmt: skip


def test_a_licence_without_seats_has_no_utilisation(engine: Engine) -> None:
    read(engine, spb(0, 0))

    (row,) = licenses(engine).to_dict("records")

    assert pd.isna(row["utilisation"])
    assert (row["state"], row["shortage"], row["alarm"]) == ("suspended", False, "")


def test_a_tenant_that_is_switched_off_shows_no_licences(engine: Engine) -> None:
    read(engine, spb())

    save_switches(engine, CONTOSO.tenant_id, listed=True, enabled=False, monitored=True)

    assert licenses(engine).empty
    assert len(tenants_frame(engine, licenses(engine), now=NOW)) == 2


@pytest.mark.parametrize(
    ("configured", "monitored", "alarm", "state", "at"),
    [
        pytest.param(False, True, None, "no_sharepoint", None, id="no-sharepoint"),
        pytest.param(True, False, None, "not_monitored", None, id="not-monitored"),
        pytest.param(True, True, None, "pending", None, id="not-yet-set"),
        pytest.param(True, True, {"triggered_at": NOW}, "waiting", NOW, id="waiting-for-the-flow"),
        pytest.param(
            True,
            True,
            {"triggered_at": NOW - timedelta(hours=2)},
            "unanswered",
            NOW - timedelta(hours=2),
            id="flow-is-silent",
        ),
        pytest.param(True, True, {"triggered_at": NOW, "retriggered": 1}, "unanswered", NOW, id="set-again"),
        pytest.param(True, True, {"told_at": NOW}, "told", NOW, id="told"),
        pytest.param(True, False, {"told_at": NOW}, "told", NOW, id="told-before-it-was-switched-off"),
    ],
)
def test_how_far_an_alarm_is(
    engine: Engine, configured: bool, monitored: bool, alarm: Any, state: str, at: datetime | None
) -> None:
    read(engine, spb(10, 10), short=[SPB])
    save_sharepoint_status(engine, SharePointStatus(configured))
    save_switches(engine, CONTOSO.tenant_id, listed=True, enabled=True, monitored=monitored)
    save_alarms(engine, [Alarm(CONTOSO.tenant_id, SPB, "1", **alarm)] if alarm else [])

    (row,) = licenses(engine).to_dict("records")

    assert row["alarm"] == state
    assert (None if pd.isna(row["alarm_at"]) else row["alarm_at"]) == at


def test_rows_of_the_tenant_frame(engine: Engine) -> None:
    read(engine, spb(10, 10), e3(5, 1), short=[SPB])
    save_failures(engine, {FABRIKAM.tenant_id: DENIED}, NOW)

    contoso, fabrikam = tenants_frame(engine, licenses(engine), now=NOW).to_dict("records")

    assert (contoso["tenant"], contoso["licenses"], contoso["shortages"]) == ("Contoso", 2, 1)
    assert (contoso["cert_days"], fabrikam["cert_days"]) == (90, -2)
    assert pd.isna(contoso["problem"])
    assert Problem.from_json(fabrikam["problem"]) == DENIED
    assert (fabrikam["licenses"], fabrikam["failing_since"]) == (0, NOW)


def test_a_thousand_tenants_are_written_in_one_go(engine: Engine) -> None:
    many = [ProfileTenant(f"{number:036}", f"t{number}", f"T{number}", NOW) for number in range(1000)]
    save_profiles(engine, many, {})

    save(engine, [Reading(tenant.tenant_id, [spb(), e3()], {}, NOW) for tenant in many])

    assert len(licenses(engine)) == 2000
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(history)).scalar() == 2000


def test_a_shortage_told_before_the_first_reading_is_at_least_that_old(engine: Engine) -> None:
    read(engine, e3(), short=[E3])
    told = NOW - timedelta(days=12)
    save_alarms(engine, [Alarm(CONTOSO.tenant_id, E3, told_at=told)])
    save_sharepoint_status(engine, SharePointStatus(configured=True))

    frame = licenses_frame(engine, CATALOGUE, now=NOW, flow_timeout=timedelta(hours=1))

    assert frame.loc[0, "short_since"] == told
