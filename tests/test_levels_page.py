"""Levels and calendars as an admin meets them: the page and the commands, and what a change would change."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.cache.tenant_rows import tenant_rows
from core.tenants import calendars, levels
from core.tenants.level_effect import LevelEffect
from core.tenants.levels import Level
from core.tenants.working_time import Calendar, OwnDay, special_days
from tests.actors import ADMIN
from tests.html_tables import click, html_table
from tests.loggers import restored_loggers
from tests.page_world import World
from tests.test_pages import (  # noqa: F401 - fixtures
    button,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)
from tests.test_rules_page import tenant_id
from ui.levels.level_words import effect_sentences

PAGE = "pages/levels.py"


@pytest.fixture
def app(small: World, open_page: Any) -> AppTest:  # noqa: F811
    opened: AppTest = open_page(small, PAGE)
    return opened


def level_ids(world: World) -> dict[str, str]:
    return {row.slug: row.level for row in tenant_rows(world.engine).values()}


def test_the_page_shows_levels_calendars_and_who_has_which(app: AppTest) -> None:
    shown = html_table(app, "Stufen")
    assert shown.column("level") == ["Basis", "Standard", "Premium"]
    assert shown.column("level_tenants") == ["0", "2", "0"]
    assert shown.column("level_minutes") == ["240 Min.", "wie eingestellt", "10 Min."]
    assert html_table(app, "Kalender").column("week") == ["Mo\N{EN DASH}Fr 08:00-12:00, 13:00-17:00"]


def test_what_a_level_would_change_is_told_before_it_is_given_to_those_that_a_filter_finds(
    small: World, open_page: Any  # noqa: F811
) -> None:  # fmt: skip
    gold = levels.keep(small.engine, Level("", "Gold", refresh_minutes=5, threshold=30), ADMIN, ["standard"])
    app = open_page(small, PAGE)
    app.text_input(key="assign_q").set_value("hori").run()
    app.selectbox(key="assign_to").set_value(gold.key).run()
    said = words(app).replace("\\", "")
    assert "1 Tenant: Schule Höri" in said
    assert "1 Lizenz würde neu ein Engpass: Microsoft 365 Business Premium (Schule Höri)." in said
    assert "Abstand 5 Min. statt wie eingestellt für 1 Tenant: Schule Höri." in said
    assert level_ids(small) == {"hoeri": "standard", "chur": "standard"}

    button(app, "assign_now").click().run()

    assert level_ids(small) == {"hoeri": "gold", "chur": "standard"}
    assert "1 Tenant hat jetzt die Stufe Gold." in app.success[0].value
    assert "Alle haben die Stufe Gold schon." in words(app)


def test_a_change_of_a_level_tells_its_effect_and_a_fault_stands_at_its_field(small: World, app: AppTest) -> None:  # noqa: F811
    click(app, html_table(app, "Stufen"), 1, "level")
    app.number_input(key="level_threshold").set_value(30).run()
    assert "1 Lizenz würde neu ein Engpass" in words(app)
    app.number_input(key="level_refresh_minutes").set_value(0).run()
    button(app, "level_save").click().run()
    assert "0 geht nicht: Der Abstand der Aktualisierungen" in words(app).replace("\\", "")
    assert levels.levels(small.engine)["standard"].threshold is None

    app.number_input(key="level_refresh_minutes").set_value(60).run()
    button(app, "level_save").click().run()

    stored = levels.levels(small.engine)["standard"]
    assert (stored.threshold, stored.refresh_minutes, stored.version) == (30, 60, 2)


def test_a_level_is_added_and_deleted(small: World, app: AppTest) -> None:  # noqa: F811
    app.button(key="level_add").click().run()
    app.text_input(key="level_name").set_value("Gold").run()
    app.text_area(key="level_recipients").set_value("a@example.com\nb@example.com").run()
    button(app, "level_save").click().run()
    assert levels.levels(small.engine)["gold"].recipients == ("a@example.com", "b@example.com")

    click(app, html_table(app, "Stufen"), 3, "level")
    button(app, "level_delete").click().run()
    button(app, "level_delete_now").click().run()

    assert "gold" not in levels.levels(small.engine)


def test_a_calendar_shows_its_next_free_days_and_tells_what_it_cannot_read(small: World, app: AppTest) -> None:  # noqa: F811
    app.button(key="calendar_add").click().run()
    app.text_input(key="calendar_name").set_value("Zürich").run()
    app.selectbox(key="calendar_region").set_value("CH-ZH").run()
    assert "Nächste freie Tage:" in words(app)
    app.text_input(key="calendar_day_5").set_value("13:00-12:00").run()
    button(app, "calendar_save").click().run()
    assert "«13:00-12:00» endet nicht nach dem Beginn." in words(app).replace("\\", "")
    assert list(calendars.calendars(small.engine)) == ["standard"]

    app.text_input(key="calendar_day_5").set_value("9-12").run()
    app.text_area(key="calendar_own_days").set_value("24.12.2027 frei Betriebsferien").run()
    button(app, "calendar_save").click().run()

    kept = calendars.calendars(small.engine)["zürich"].hours
    assert (kept.region, kept.week[5]) == ("CH-ZH", ((540, 720),))
    assert kept.own_days == (OwnDay(date(2027, 12, 24), "free", "Betriebsferien"),)


def test_the_next_free_days_are_those_on_which_work_would_be_done() -> None:
    days = special_days(Calendar(region="CH-ZH"), date(2026, 12, 20), 3)

    assert [(one.day, one.kind) for one in days] == [
        (date(2026, 12, 24), "half"), (date(2026, 12, 25), "free"), (date(2026, 12, 31), "half"),
    ]  # fmt: skip  # the 26th is a Saturday


def test_an_effect_names_the_first_and_counts_the_others() -> None:
    effect = LevelEffect(end=[(f"Kunde {n}", "Visio") for n in range(7)])

    (sentence,) = effect_sentences(effect, "en")

    assert sentence.startswith("7 licences would be no shortages any more: Visio ")
    assert sentence.endswith("and 2 more.")
    assert effect_sentences(LevelEffect(), "en") == ["This changes nothing about today's figures and intervals."]


# The commands


@pytest.fixture
def here(small: World, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(small.settings.data_dir))
    monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(small.settings.data_dir / "logs"))
    return small


def run(capsys: pytest.CaptureFixture[str], *words_: str, code: int = 0) -> Any:
    capsys.readouterr()
    with restored_loggers():
        assert main([*words_, "--json"]) == code
    out = capsys.readouterr()
    return json.loads(out.out) if code == 0 else out.err


def test_the_commands_set_assign_and_delete(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    gold = ("levels", "set", "Gold", "--minutes", "15", "--threshold", "30", "--reaction", "critical=1.5")
    assert run(capsys, *gold, "--dry-run")["saved"] is False
    assert "gold" not in levels.levels(here.engine)
    assert run(capsys, *gold)["level"]["reaction_hours"]["critical"] == 1.5

    tried = run(capsys, "levels", "assign", "gold", "--tenant", "schule höri", "--dry-run")
    assert [license_[0] for license_ in tried["effect"]["begin"]] == ["Schule Höri"]
    assert tried["effect"]["intervals"] == [{"before": None, "after": 15, "tenants": ["Schule Höri"]}]
    assert run(capsys, "levels", "assign", "gold", "--tenant", tenant_id(here, "hoeri"))["assigned"] == ["Schule Höri"]
    assert run(capsys, "levels", "assign", "Basis", "--from", "standard")["assigned"] == ["Bau AG Chur"]
    assert level_ids(here) == {"hoeri": "gold", "chur": "basis"}
    assert {one["key"]: one["tenants"] for one in run(capsys, "levels", "list")}["gold"] == 1

    assert "Tenants mit dieser Stufe: 1" in run(capsys, "levels", "delete", "Gold", code=2)
    assert run(capsys, "levels", "set", "Gold", "--threshold", "-", "--minutes", "-")["level"]["threshold"] is None
    run(capsys, "levels", "assign", "Standard", "--from", "Gold")
    assert run(capsys, "levels", "delete", "Gold")["deleted"]


def test_the_commands_say_what_is_wrong(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert here
    assert "100000 geht nicht" in run(capsys, "levels", "set", "Gold", "--minutes", "100000", code=2)
    assert "Es gibt: Basis" in run(capsys, "levels", "assign", "Platin", "--from", "basis", code=2)
    assert "«niemand» gibt es nicht" in run(capsys, "levels", "assign", "Basis", "--tenant", "niemand", code=2)
    assert "CH-QQ" in run(capsys, "calendars", "set", "Neu", "--region", "CH-QQ", code=2)
    assert "überschneiden sich" in run(capsys, "calendars", "set", "Neu", "--hours", "mon=8-12,11-13", code=2)
    assert "gibt es nicht" in run(capsys, "calendars", "days", "Neu", code=2)


def test_a_calendar_by_command(here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here
    days = tmp_path / "tage.txt"
    days.write_text("2030-01-07 frei Inventur\n", "utf-8")
    hours = ("--hours", "mon-fri=09:00-12:00", "--hours", "fri=", "--half-day-until", "11:00")
    made = run(capsys, "calendars", "set", "Bern", "--region", "CH-BE", *hours, "--own-days", str(days))

    assert (made["region"], made["week"]["thu"], made["week"]["fri"]) == ("CH-BE", "09:00-12:00", "")
    assert made["own_days"] == [{"day": "2030-01-07", "kind": "free", "name": "Inventur"}]
    assert run(capsys, "calendars", "days", "bern")
    assert [one["key"] for one in run(capsys, "calendars", "list")] == ["bern", "standard"]
    assert run(capsys, "calendars", "delete", "Bern") == {"calendar": "bern", "deleted": True}
