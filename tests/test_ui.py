"""The blocks of the pages that need no page: words, numbers, CSV, filters, figures."""

import csv
import io
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.attention.condition import RANK
from core.attention.conditions import conditions
from core.cache.frames import licenses_frame
from core.cache.license_index import MARKS
from core.cache.rule_rows import save_rule
from core.cache.run_rows import waiting_run
from core.cache.shared_frames import newest_figures
from core.licenses.alarm_rules import Rule
from core.licenses.skus import KINDS
from core.problems import Problem
from core.refresh.run_watch import RunWatch
from core.spreadsheets import harmless, separator
from core.texts import plural, text
from tests.actors import entry
from tests.page_world import NOW, World, filled_world, license_, sku_of, small_world
from ui import age, snapshots
from ui import format as fmt
from ui.escaping import plain
from ui.frame import refresh_result
from ui.frame.refresh_progress import share_of
from ui.frame.view import View
from ui.monitoring.tenant_filter import SHOWS
from ui.start import attention_list, overview
from ui.start.shortages_table import current_shortages, no_shortages_words
from ui.tables import license_columns, license_rows
from ui.tables.license_filters import SORTS, Filters, matching
from ui.tables.license_table import ALL
from ui.tables.table_export import TableExport, csv_value, export_of, to_csv
from ui.tenant import history_chart, subscriptions_table
from web.metrics_page import counted

ROOT = Path(__file__).resolve().parent.parent
ZURICH = ZoneInfo("Europe/Zurich")
VIEW = View(NOW, "de", ZURICH, 30)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> snapshots.Snapshot:
    """The figures of a dozen tenants with every trouble once."""
    return snapshots.newest(filled_world(tmp_path_factory.mktemp("filled")).runtime)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A database without a tenant."""
    return World.at(tmp_path)


# Texts


def test_every_composed_key_has_a_text():
    keys = [
        *(f"state.{mark}" for mark in MARKS),
        *(f"filter.state.{mark}" for mark in MARKS),
        *(f"kind.{kind}" for kind in KINDS),
        *(f"sort.{sort}" for sort in SORTS),
        *(f"alarm.{alarm}" for alarm in ("told", "pending", "waiting", "unanswered", "not_monitored", "no_sharepoint")),
        *(f"column.{name}" for name in ALL),
        *(f"monitoring.show.{name}" for name in SHOWS),
        *(f"condition.{name}" for name in ("off", "failing", "unread", "read")),
        *(f"flow.{name}" for name in ("unanswered", "waiting")),
        *(f"refresh.step.{step}" for step in ("profiles", "lists", "tenants", "sharepoint")),
        *(f"history.{name}" for name in history_chart.COLOURS),
    ]
    forms = [f"switch.ask.{name}.{to}" for name in ("enabled", "monitored") for to in ("on", "off")]

    assert [key for key in keys if text(key, "de") == key] == []
    assert [key for key in forms if plural(key, 2, "de") == key] == []


# Numbers and times


@pytest.mark.parametrize(("language", "shown"), [("de", "1’234’567"), ("en", "1,234,567")])
def test_numbers_are_grouped_as_people_write_them(language, shown):
    assert fmt.number(1_234_567, language) == shown


def test_a_moment_is_shown_in_the_zone_of_the_readers():
    moment = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

    assert fmt.moment(moment, "de", ZURICH) == "21.11.2026 14:05"
    assert fmt.moment(moment, "en", ZURICH) == "21 Nov 2026 14:05"


@pytest.mark.parametrize(
    ("hours", "shown"), [(0, "14:05"), (14, "00:05"), (15, "gestern 23:05"), (40, "19.11.2026 22:05")]
)
def test_a_clock_says_the_day_only_where_it_is_needed(hours, shown):
    now = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

    assert fmt.clock(now - timedelta(hours=hours), now, "de", ZURICH) == shown


@pytest.mark.parametrize(
    ("seconds", "de", "short", "en"),
    [
        (5, "vor weniger als einer Minute", "< 1 min", "less than a minute ago"),
        (60, "vor 1 Minute", "1 min", "1 minute ago"),
        (12 * 60, "vor 12 Minuten", "12 min", "12 minutes ago"),
        (7200, "vor 2 Stunden", "2 h", "2 hours ago"),
        (86_400, "vor 1 Tag", "1 Tag", "1 day ago"),
        (3 * 86_400, "vor 3 Tagen", "3 Tagen", "3 days ago"),
        (90 * 86_400, "vor 3 Monaten", "3 Monaten", "3 months ago"),
        (-5, "vor weniger als einer Minute", "< 1 min", "less than a minute ago"),
    ],
)
def test_how_long_ago_is_told_in_one_unit(seconds, de, short, en):
    then = NOW - timedelta(seconds=seconds)

    assert fmt.ago(then, NOW, "de") == de
    assert fmt.ago(then, NOW, "en") == en
    assert fmt.since(then, NOW, "de") == short


# Text from outside


@pytest.mark.parametrize("sign", list("\\`*_{}[]()<>#+-.!|~$:&=^\"'/@"))
def test_no_sign_of_markdown_survives(sign):
    assert plain(f"a{sign}b").replace("\u2060", "") == f"a\\{sign}b"


def test_lines_become_one_line_so_that_no_block_can_start():
    assert plain("a\n\n    b\t- c") == "a b \\- c"


def test_an_address_does_not_become_a_link():
    assert "https://" not in plain("https://evil.example").replace("\\", "")


# CSV


def read(sheet: bytes, language: str = "de") -> list[list[str]]:
    assert sheet.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline=""), delimiter=separator(language)))


def test_values_stay_unformatted_and_times_become_iso():
    moment = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

    values = [-5, 1_234_567, None, float("nan"), date(2026, 1, 2), moment, ["Engpass", "Nachfrist"]]

    assert [csv_value(value, ZURICH) for value in values] == [
        -5, 1_234_567, "", "", "2026-01-02", "2026-11-21 14:05", "Engpass, Nachfrist",
    ]  # fmt: skip


@given(some.lists(some.lists(some.text(some.characters(codec="utf-8")), min_size=2, max_size=2)))
def test_whatever_the_names_a_csv_reads_back_and_calculates_nothing(rows):
    for language in ("de", "en"):
        found = read(to_csv(TableExport(["a", "b"], rows), language, ZURICH), language)

        assert found == [["a", "b"], *[[harmless(value) for value in row] for row in rows]]
        assert all(value[:1] not in "=+@\t\r\n" or not value for row in found for value in row)


def test_the_csv_holds_every_column_and_row_of_the_table(filled):
    table = license_columns.license_table(filled, "de", "Europe/Zurich")

    header, *rows = read(to_csv(export_of(table, "de"), "de", ZURICH))

    assert header[:4] == ["Zustand", "Tenant", "Produkt", "Artikelnummer (SKU)"]
    assert len(rows) == len(filled.licenses)
    assert [row[1] for row in rows] == [harmless(name) for name in filled.licenses["tenant"]]
    assert [int(row[6]) for row in rows] == filled.licenses["free"].tolist()


# Search, filters, order


def shown(snapshot: snapshots.Snapshot, language: str = "de", **filters: object) -> list[tuple[str, str]]:
    rows = matching(snapshot.index, Filters(**filters), language)
    found = snapshot.licenses.iloc[rows]
    return list(zip(found["tenant"], found["sku_part_number"], strict=True))


def test_without_filters_all_rows_are_shown_worst_first(filled):
    rows = matching(filled.index, Filters(), "de")

    assert rows.tolist() == list(range(len(filled.licenses)))
    assert filled.licenses["shortage"].iloc[0]


@pytest.mark.parametrize(
    "search", ["HÖRI spb", "höri business premium", "spb Höri", "Schule Höri premium", "ho\u0308ri\u200b\u00a0spb"]
)
def test_every_word_of_a_search_must_be_in_tenant_product_or_part_number(filled, search):
    assert shown(filled, search=search) == [("Schule Höri", "SPB")]


def test_a_product_is_found_by_its_name_in_either_language(filled):
    assert shown(filled, search="Lehrpersonal") == shown(filled, "en", search="A3 for faculty") != []


def test_a_search_is_no_pattern(filled):
    assert shown(filled, search=".*") == []
    assert shown(filled, search="[a](javascript")


def test_filters_narrow_each_other_and_widen_within(filled):
    both = shown(filled, tenants=("tenant-1", "tenant-2"), states=("shortage", "low"))

    assert {tenant for tenant, _ in both} == {"Schule Höri", "Treuhand Emmen"}
    assert set(shown(filled, tenants=("tenant-1",), states=("shortage",))) < set(both)


def test_the_shortage_filter_finds_every_shortage_whatever_its_state(filled):
    states = filled.licenses.iloc[matching(filled.index, Filters(states=("shortage",)), "de")]["state"]

    assert {"short", "over", "grace"} <= set(states)
    assert len(states) == filled.licenses["shortage"].sum()


def test_a_used_up_gratis_product_is_no_shortage(world):
    tenant = world.tenant("Schule Höri")
    world.read(tenant, license_("FLOW_FREE", 10, 10))

    snapshot = snapshots.newest(world.runtime)

    assert shown(snapshot, states=("used_up",)) == [("Schule Höri", "FLOW_FREE")]
    assert shown(snapshot, states=("shortage",)) == []


@pytest.mark.parametrize(
    ("sort", "column", "rising"),
    [("tenant", "tenant", True), ("free", "free", True), ("utilisation", "utilisation", False),
     ("renewal", "renews_at", True), ("since", "short_since", True)],
)  # fmt: skip
def test_rows_come_in_the_order_asked_for_with_unknown_ones_last(filled, sort, column, rising):
    values = filled.licenses[column].iloc[matching(filled.index, Filters(sort=sort), "de")]
    known = values.dropna().str.casefold() if column == "tenant" else values.dropna()

    assert known.is_monotonic_increasing if rising else known.is_monotonic_decreasing
    assert values.isna().tolist() == sorted(values.isna().tolist())


def test_every_row_carries_at_least_one_state(filled):
    carried = np.stack([filled.index.has(mark) for mark in MARKS])

    assert carried.any(axis=0).all()


def test_a_shortage_in_grace_shows_both_words(filled):
    table = license_columns.license_table(filled, "de", "Europe/Zurich").to_pylist()

    assert [row["state"] for row in table if row["free"] == -4] == [["Engpass", "Nachfrist"]]


def states_everywhere(world: World) -> dict[str, list[str]]:
    """Part number -> its state in the figures, in the API and as chips of the table."""
    snapshot = snapshots.newest(world.runtime)
    table = license_columns.license_table(snapshot, "de", "Europe/Zurich").to_pylist()
    api = newest_figures(world.engine, world.settings).license_index
    told = {row["sku_part_number"]: row["state"] for row in api.records(api.ordered(api.all(), "severity"))}
    return {row["sku_part_number"]: [told[row["sku_part_number"]], *row["state"]] for row in table}


def test_the_same_licence_carries_the_same_state_everywhere(world):
    tenant = world.tenant("Schule Höri")
    ended = {"locked_out": 25, "capability_status": "LockedOut"}
    skus = [license_("SPB", 10, 12), license_("POWER_BI_PRO", 10, 13), license_("FLOW_FREE", 10, 13),
            license_("VISIOCLIENT", 0, 12, **ended), license_("EXCHANGESTANDARD", 0, 0, **ended),
            license_("M365EDU_A3_FACULTY", 25, 12, capability_status="deleted")]  # fmt: skip
    world.read(tenant, *skus)

    assert states_everywhere(world) == {
        "SPB": ["over", "überbelegt"],
        "POWER_BI_PRO": ["over", "überbelegt"],
        "FLOW_FREE": ["over", "überbelegt"],  # alarms nobody
        "VISIOCLIENT": ["suspended", "Engpass", "ausgesetzt"],
        "EXCHANGESTANDARD": ["suspended", "ausgesetzt"],  # nobody holds it
        "M365EDU_A3_FACULTY": ["suspended", "ausgesetzt"],
    }
    counts = overview.counts_of(snapshots.newest(world.runtime))
    numbers = counted(newest_figures(world.engine, world.settings))
    assert (counts.over, numbers.licenses["over"]) == (2, 3)
    assert (counts.shortages, numbers.licenses["suspended"]) == (3, 3)


def test_what_a_rule_lets_be_over_assigned_is_called_so_and_not_counted(world):
    tenant = world.tenant("Schule Höri")
    world.read(tenant, license_("SPB", 10, 12))
    rule = Rule(tenant, sku_of("SPB"), "so vereinbart", "anna", NOW, threshold=-5)
    save_rule(world.engine, rule, entry(), NOW)

    snapshot = snapshots.newest(world.runtime)

    assert (overview.counts_of(snapshot).over, overview.counts_of(snapshot).shortages) == (0, 0)
    assert states_everywhere(world) == {"SPB": ["over", "überbelegt"]}
    assert "1" in no_shortages_words(snapshot)


# Age and answer


def answer(world: World) -> tuple[str, bool]:
    snapshot = snapshots.newest(world.runtime)
    return overview.answer(overview.counts_of(snapshot), snapshot.age, conditions(snapshot.facts, None, NOW, 30), VIEW)


def test_all_well_is_said_with_what_it_rests_on(world):
    world.read(world.tenant("A"), license_("SPB", 40, 10))

    assert answer(world) == ("Keine Engpässe.", True)


def test_all_well_is_never_said_while_a_tenant_cannot_be_read(world):
    good, bad = world.tenant("A"), world.tenant("B")
    world.read(good, license_("SPB", 40, 10))
    world.read(bad, license_("SPB", 40, 10), ago=timedelta(hours=5))
    world.fail(bad, "graph.unreachable", tenant="B", what="subscribedSkus")

    assert answer(world) == ("Keine Engpässe bekannt.", False)


def test_all_well_is_never_said_on_old_figures(world):
    world.read(world.tenant("A"), license_("SPB", 40, 10), ago=timedelta(hours=3))

    assert answer(world) == ("Keine Engpässe bekannt.", False)


def test_nothing_read_is_not_no_shortage(world):
    world.tenant("A")

    assert answer(world) == ("Noch nichts gelesen. «Aktualisieren» holt die ersten Zahlen.", False)


def test_shortages_are_counted_with_their_tenants(tmp_path):
    assert answer(small_world(tmp_path)) == ("2 Engpässe in 1 Tenant.", False)


def test_the_figures_count_what_their_lists_show(filled):
    counts = overview.counts_of(filled)

    assert counts.shortages == len(shown(filled, states=("shortage",)))
    assert counts.over == len(shown(filled, states=("over",))) == 1
    assert counts.low == len(shown(filled, states=("low",)))
    assert counts.unreadable == SHOWS["unreadable"](filled.tenants).sum() == 2
    assert counts.certificates == SHOWS["certificates"](filled.tenants).sum() == 1


def test_the_line_tells_newest_count_and_oldest(world):
    one, two = world.tenant("A"), world.tenant("B")
    world.read(one, license_("SPB", 40, 10))
    world.read(two, license_("SPB", 40, 10), ago=timedelta(hours=3))
    known = age.age_of(snapshots.newest(world.runtime).active)

    clock = (NOW - timedelta(minutes=12)).astimezone(ZURICH)
    line = age.line(known, NOW, "de", ZURICH)

    assert line.endswith(f"{clock:%H:%M} · 2 von 2 Tenants · älteste Angabe 3 h")
    assert "(B)" in age.details(known, NOW, "de", ZURICH)


@pytest.mark.parametrize(
    ("readings", "failing", "expected"),
    [
        pytest.param([12, 20], [], "gray", id="all-read-lately"),
        pytest.param([12, 20], [1], "orange", id="one-fails"),
        pytest.param([12, 3000], [1], "orange", id="one-has-failed-for-days"),
        pytest.param([12, 90], [], "red", id="one-was-left-out"),
        pytest.param([90, 90], [], "red", id="nothing-is-read-any-more"),
        pytest.param([90, 95], [0, 1], "red", id="all-fail"),
        pytest.param([None], [], "red", id="never-read"),
        pytest.param([], [], "gray", id="no-tenant"),
    ],
)
def test_the_line_is_red_only_if_it_is_older_than_it_should_be(readings, failing, expected, world):
    for number, minutes in enumerate(readings):
        tenant = world.tenant(f"Tenant {number}")
        if minutes is not None:
            world.read(tenant, license_("SPB", 40, 10), ago=timedelta(minutes=minutes))
        if number in failing:
            world.fail(tenant, "graph.forbidden", tenant="Tenant", what="subscribedSkus")

    known = age.age_of(snapshots.newest(world.runtime).active)

    assert age.colour(known, NOW, 30) == expected


def test_a_tenant_switched_off_is_not_counted(world):
    tenant = world.tenant("A")
    world.listed([tenant])
    world.engine.dispose()
    from core.cache.lists_read import save_switches

    save_switches(world.engine, tenant, listed=True, enabled=False, monitored=True)

    assert age.age_of(snapshots.newest(world.runtime).active).total == 0


# Shortages and attention


@pytest.mark.usefixtures("german")
def test_shortages_come_worst_first_with_the_state_of_their_message(filled):
    positions = current_shortages(filled)
    found = filled.licenses.iloc[positions]
    cells = [row.cells for row in license_rows.license_rows(filled, positions, ("short_since", "alarm"), VIEW)]
    alarms = [alarm["text"] for _, alarm in cells]

    over = found["state"] == "over"
    assert over.tolist() == sorted(over, reverse=True)
    assert found.loc[over, "free"].is_monotonic_increasing
    assert found.loc[~over, "short_since"].is_monotonic_increasing
    assert "wartet auf Flow" in alarms
    assert any(words.startswith("gemeldet ") for words in alarms)
    assert any(since["text"] == "30 Tagen" for since, _ in cells)


def attention_items(snapshot: snapshots.Snapshot) -> list[attention_list.Item]:
    found = conditions(snapshot.facts, None, NOW, 30)
    return attention_list.items_of(found, attention_list.ConditionWords(NOW, "de", ZURICH))


def test_attention_names_tenant_moment_reason_and_next_step(filled):
    items = attention_items(filled)
    words = [item.words for item in items]

    assert any("Gemeinde Talwil" in line and "konnte seit" in line and "hochladen" in line for line in words)
    assert any("Praxis am See" in line and "endet in 6 Tagen" in line for line in words)
    assert any("communication" in line for line in words)
    assert any("Nicht in der Tenantliste" in line and "Spedition Nord" in line for line in words)
    assert [RANK[item.level] for item in items] == sorted(RANK[item.level] for item in items)


def test_many_tenants_with_one_problem_are_one_sentence(world):
    for number in range(5):
        tenant = world.tenant(f"Tenant {number}")
        world.fail(tenant, "graph.unreachable", tenant=f"Tenant {number}", what="subscribedSkus")

    items = attention_items(snapshots.newest(world.runtime))

    assert len([item for item in items if "nicht gelesen werden" in item.words]) == 1
    assert "**5 Tenants**" in items[0].words


def test_without_sharepoint_it_is_said_that_nobody_is_told(world):
    world.read(world.tenant("A"), license_("SPB", 40, 10))

    items = attention_items(snapshots.newest(world.runtime))

    told = [(item.level, "niemandem gemeldet" in item.words, "keine Sicherung" in item.words) for item in items]
    assert told == [("note", True, False), ("note", False, True)]


def test_one_tenant_is_singular(world):
    tenant = world.tenant("A")
    world.read(tenant, license_("SPB", 40, 10))
    shown = snapshots.newest(world.runtime).age

    assert "1 von 1 Tenant ·" in age.line(shown, NOW, "de", ZURICH)
    assert "1 of 1 tenant ·" in age.line(shown, NOW, "en", ZURICH)


def test_pages_that_wait_share_one_look_at_the_database_until_the_refresh_tells_something(world, monkeypatch):
    monkeypatch.setattr(snapshots, "STATE_SECONDS", 60.0)
    watch, engine = RunWatch(), world.runtime.engine
    look = lambda: snapshots.latest_state(engine, since=watch.told_at)  # noqa: E731
    first = look()

    assert look() is first
    watch.tell("run")
    assert (newer := look()) is not first
    assert look() is newer


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("code", ["graph.unknown_now", "graph.unreachable"])
def test_a_result_names_a_tenant_once(world, code):
    """A message of a run carries the name itself, and stands for a problem that has passed."""
    world.finished(failed=[{"tenant": "A AG", "code": code, "message": "A AG: nicht erreichbar."}])
    run = snapshots.latest_state(world.runtime.engine).run

    assert refresh_result.result_lines(run, snapshots.newest(world.runtime).tenants)[-1].count("A AG") == 1


@pytest.mark.parametrize(
    ("step", "done", "total", "share"),
    [
        ("", 0, 0, 0.0),
        ("profiles", 0, 0, 0.0),
        ("lists", 0, 0, 0.05),
        ("tenants", 0, 50, 0.1),
        ("tenants", 25, 50, 0.4),
        ("tenants", 60, 50, 0.7),
        ("sharepoint", 0, 0, 0.7),
        ("sharepoint", 400, 400, 1.0),
    ],
)
def test_the_bar_of_a_refresh_never_goes_back(step, done, total, share):
    run = replace(waiting_run("page", "anna", (), NOW), step=step, done=done, total=total)

    assert share_of(run) == pytest.approx(share)


# History and subscriptions


@pytest.mark.usefixtures("german")
def test_the_chart_has_both_lines_for_every_day(filled, tmp_path):
    days = pd.DataFrame({"day": [date(2026, 11, 20), date(2026, 11, 21)], "enabled": [10, 12], "consumed": [8, 9]})

    chart = history_chart.spec(days, "de", "light")

    values, numbers = chart["data"]["values"], chart["config"]["locale"]["number"]
    assert (numbers["decimal"], numbers["thousands"], numbers["grouping"]) == (".", "’", [3])
    assert [(value["day"], value["series"], value["seats"]) for value in values] == [
        ("2026-11-20", "Verfügbar", 10), ("2026-11-20", "Verbraucht", 8),
        ("2026-11-21", "Verfügbar", 12), ("2026-11-21", "Verbraucht", 9),
    ]  # fmt: skip


@pytest.mark.parametrize(("language", "day"), [("de", "%d.%m.%Y"), ("en", "%-d %b %Y")])
def test_the_tooltip_of_the_chart_writes_as_the_language_does(language, day):
    days = pd.DataFrame({"day": [date(2026, 11, 20)], "enabled": [1200], "consumed": [8]})

    day_, _, seats = history_chart.spec(days, language, "light")["encoding"]["tooltip"]

    assert (day_["format"], seats["format"]) == (day, ",d")


@pytest.mark.parametrize(
    ("licenses", "first"),
    [
        ([("TEST", "trial", False, 0.0), ("PAID", "paid", False, 0.2), ("FULL", "paid", False, 0.9)], "FULL"),
        ([("FULL", "paid", False, 1.0), ("SHORT", "paid", True, 0.5)], "SHORT"),
        ([("FREE", "free", False, 0.9), ("EMPTY", "paid", False, None)], "EMPTY"),
        ([("TEST", "trial", False, 0.0)], "TEST"),
    ],
)
def test_the_chart_starts_with_what_matters_most(licenses, first):
    frame = pd.DataFrame(licenses, columns=["sku_id", "kind", "shortage", "utilisation"])

    assert history_chart.first_product(frame) == first


def test_subscriptions_show_their_next_date_and_the_days_until_it(tmp_path):
    from core.cache.frames import subscriptions_frame

    filled = filled_world(tmp_path)
    found = subscriptions_frame(filled.engine, filled.known[0].tenant_id)

    rows = subscriptions_table.subscription_table(found, {}, VIEW).to_pylist()

    assert [(row["sku_part_number"], row["status"], row["trial"], row["days_left"]) for row in rows] == [
        ("VISIOCLIENT", "aktiv", "Test", 5), ("POWER_BI_PRO", "Nachfrist", "", 12), ("SPB", "aktiv", "", 33),
    ]  # fmt: skip


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no page, the reader speaks German."""
    monkeypatch.setattr("ui.frame.language.current", lambda: "de")


# Shared figures


def test_a_hundred_sessions_and_programs_read_the_figures_once(tmp_path, monkeypatch):
    running = small_world(tmp_path).runtime
    read = []

    def counted(*args: Any, **more: Any) -> pd.DataFrame:
        read.append(1)
        return licenses_frame(*args, **more)

    monkeypatch.setattr("core.cache.shared_frames.licenses_frame", counted)
    found, figures = [], []

    threads = [threading.Thread(target=lambda: found.append(snapshots.newest(running))) for _ in range(100)]
    threads += [
        threading.Thread(target=lambda: figures.append(newest_figures(running.engine, running.settings)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read) == 1
    assert len({id(snapshot) for snapshot in found}) == len({id(figure) for figure in figures}) == 1
    assert found[0].index is figures[0].license_index  # pages and programs search in the same place
    assert "slug" not in found[0].licenses  # what the index adds is its own


def test_a_pinned_snapshot_stays_while_newer_figures_arrive(tmp_path):
    world = small_world(tmp_path)
    old = snapshots.newest(world.runtime)

    world.finished()
    new = snapshots.newest(world.runtime)

    assert new.version > old.version
    assert snapshots.pinned(world.runtime, snapshots.key_of(old)) is old


def test_only_the_newest_two_snapshots_are_kept(tmp_path):
    world = small_world(tmp_path)
    first = snapshots.key_of(snapshots.newest(world.runtime))
    for _ in range(2):
        world.finished()
        snapshots.newest(world.runtime)

    assert snapshots.pinned(world.runtime, first) is None


def test_what_changes_with_time_alone_is_built_anew_after_a_while(tmp_path, monkeypatch):
    world = small_world(tmp_path)
    old = snapshots.newest(world.runtime)
    monkeypatch.setattr("core.cache.shared_frames.MAX_AGE", timedelta())

    assert snapshots.newest(world.runtime) is not old


def test_wrong_product_names_hide_no_figures(tmp_path, monkeypatch):
    world = small_world(tmp_path)
    broken = tmp_path / "names.json"
    broken.write_text("{", encoding="utf-8")
    monkeypatch.setattr("core.cache.catalogue.SKU_MAPPINGS", broken)

    snapshot = snapshots.newest(world.runtime)

    assert set(snapshot.licenses["product_de"]) == {"SPB", "POWER_BI_PRO"}
    assert any("Produktnamen" in item.words for item in attention_items(snapshot))


def test_a_problem_of_an_unknown_code_is_still_told():
    from ui.problems import sentence

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ui.frame.language.current", lambda: "de")
        assert "strange.code" in sentence(Problem("strange.code"))
