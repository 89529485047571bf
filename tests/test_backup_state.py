"""Is there a backup, is it young enough, was the restore rehearsed: conditions, timetable, page, health and metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from core.attention.backup_conditions import BackupFacts, backup_conditions
from core.audit import Entry
from core.backup import creation
from core.backup.backup_folder import BackupFile, backups_in, created_at, new_name, to_delete
from core.backup.backup_keys import new_key_file
from core.backup.manifest import is_safe
from core.backup.page_queries import QUERIES
from core.cache.backup_rows import BackupRow, LatestBackups, backup_rows, latest_backups, save_backup_row
from core.operations.health import Health
from core.operations.timed_backup import back_up_if_due
from core.problems import Problem
from core.roles import command_actor
from core.setting_faults import SettingsError
from core.settings import Settings, load_settings
from tests.html_tables import html_table
from tests.page_world import World
from tests.test_pages import hardened, no_runtime_left, open_page, small, words  # noqa: F401 - fixtures
from ui.frame import navigation
from web.health import HealthPages
from web.metrics_page import MetricsPage
from web.tabs import Tabs

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
FULL = Problem("backup.not_written", {"place": "/backups", "why": "No space left on device"})


def row(kind: Any, hours: float, problem: Problem | None = None, **values: Any) -> BackupRow:
    """A backup or drill of so many hours ago."""
    return BackupRow(kind, NOW - timedelta(hours=hours), 2.0, "schedule", problem=problem, **values)


def facts(*rows: BackupRow, hours: float = 1) -> BackupFacts:
    """The facts if these rows, newest first, are all that there are."""

    def latest(kind: str) -> tuple[BackupRow | None, BackupRow | None]:
        of_kind = [one for one in rows if one.kind == kind]
        good = [one for one in of_kind if one.problem is None]
        return next(iter(of_kind), None), next(iter(good), None)

    return BackupFacts((), hours, LatestBackups(*latest("backup"), *latest("drill")))


@pytest.mark.parametrize(
    ("known", "said"),
    [
        pytest.param(BackupFacts(("A", "B"), off=True), ["note check.no_backup"], id="not set up"),
        pytest.param(BackupFacts(("A",)), ["error check.backup_half_set_up"], id="half set up"),
        pytest.param(facts(), ["warning check.backup_never"], id="none yet"),
        pytest.param(facts(row("backup", 1)), ["notice check.drill_never"], id="never rehearsed"),
        pytest.param(facts(row("backup", 1.9), row("drill", 24)), [], id="all well"),
        pytest.param(facts(row("backup", 2.1), row("drill", 24)), ["error check.backup_overdue"], id="old"),
        pytest.param(facts(row("backup", -1), row("drill", 24)), ["error check.backup_overdue"], id="from the future"),
        pytest.param(facts(row("backup", 900), row("drill", 24), hours=0), [], id="by hand"),
        pytest.param(
            facts(row("backup", 0, FULL), row("backup", 1), row("drill", 1)), ["error check.backup_failed"], id="failed"
        ),
        pytest.param(facts(row("backup", 1), row("drill", 841)), ["warning check.drill_overdue"], id="old drill"),
        pytest.param(
            facts(row("backup", 1), row("drill", 1, FULL), row("drill", 9)),
            ["error check.drill_failed"],
            id="bad drill",
        ),
    ],
)
def test_what_is_said_about_backups(known: BackupFacts, said: list[str]) -> None:
    found = list(backup_conditions(known, NOW))

    assert [f"{condition.level} {condition.problem.code}" for condition in found] == said
    for condition in found:
        sentence = condition.settled("de", str).text("de")
        assert "{" not in sentence


def test_a_backup_is_noted_with_its_entry_in_the_audit(database: Engine) -> None:
    good, bad = row("backup", 2, file="a.age", sha256="0" * 64, bytes=2**40, rows=7), row("backup", 1, FULL)
    for one in (good, bad):
        save_backup_row(database, one, Entry(command_actor(), "backup.created", one.file))

    assert backup_rows(database, "backup", 9) == [bad, good]
    assert latest_backups(database) == LatestBackups(bad, good)


# ---------------------------------------------------------------- which to keep


def test_the_newest_of_each_period_is_kept() -> None:
    every_hour = [BackupFile(Path(str(hours)), NOW - timedelta(hours=hours)) for hours in range(24 * 400)]

    old = set(to_delete(every_hour, ("48h", "14d", "8w", "12m")))

    kept = [one.created_at for one in every_hour if one not in old]
    assert kept[:48] == [NOW - timedelta(hours=hours) for hours in range(48)]
    assert {(NOW - timedelta(days=days)).date() for days in range(14)} <= {moment.date() for moment in kept}
    assert len(kept) == 75
    assert kept[-1] == datetime(2025, 12, 31, 23, tzinfo=UTC)


def test_a_pause_deletes_nothing_that_has_no_successor() -> None:
    old = [BackupFile(Path(name), NOW - timedelta(days=days)) for name, days in (("a", 500), ("b", 501), ("c", 800))]

    assert to_delete(old, ("2h",)) == old[2:]
    assert to_delete(old[:1], ("1m",)) == []


def test_only_backups_are_found_in_the_folder(tmp_path: Path) -> None:
    for name in (new_name(NOW), "lizenztool-20261126T120000Z-abcd.age.part", "notes.txt", "lizenztool.age"):
        (tmp_path / name).touch()

    assert [one.created_at for one in backups_in(tmp_path)] == [NOW]
    assert created_at("lizenztool-20261399T120000Z-abcd.age") is None


@pytest.mark.parametrize("value", ["", "48", "48x", "0h", "-1d", "48h 14d", "h"])
def test_a_faulty_rule_about_what_to_keep_is_told(value: str) -> None:
    if value:
        with pytest.raises(SettingsError):
            load_settings({"LIZENZTOOL_BACKUP_KEEP": value}, None)
    assert load_settings({"LIZENZTOOL_BACKUP_KEEP": "1h, 2d"}, None).backup_keep == ("1h", "2d")


def test_a_private_key_in_the_place_of_the_public_one_is_refused_and_not_shown(tmp_path: Path) -> None:
    new_key_file(tmp_path / "key")
    private = (tmp_path / "key").read_text().split()[-1]

    with pytest.raises(SettingsError) as caught:
        load_settings({"LIZENZTOOL_BACKUP_RECIPIENTS": private}, None)

    assert private not in str(caught.value)


# ---------------------------------------------------------------- names in a backup


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("database.sqlite", True), ("profiles/config-höri-profile.json", True), ("certs/hoeri/own.pem", True),
        ("../evil", False), ("/etc/passwd", False), ("profiles/../../evil", False), ("profiles//x", False),
        ("profiles\\..\\evil", False), ("C:/evil", False), ("elsewhere/x", False), (".ssh/authorized_keys", False),
        ("profiles/x\0y", False), ("profiles/" + "x" * 1000, False), ("profiles/.", False), ("", False),
    ],
)  # fmt: skip
def test_only_names_within_our_folders_are_taken(name: str, safe: bool) -> None:
    assert is_safe(name) == safe


def test_a_drill_asks_for_the_data_of_every_page() -> None:
    assert set(navigation.PAGES_BY_ADDRESS) <= set(QUERIES)


# ---------------------------------------------------------------- timetable


@pytest.fixture
def set_up(small: World, tmp_path: Path) -> Settings:  # noqa: F811
    """The settings of a small world with backups."""
    recipient = new_key_file(tmp_path / "backup.key")
    return replace(small.runtime.settings, backup_dir=str(tmp_path / "backups"), backup_recipients=(recipient,))


def test_the_timetable_makes_a_backup_when_one_is_due(small: World, set_up: Settings) -> None:  # noqa: F811
    for _ in range(3):
        back_up_if_due(small.engine, set_up)

    (made,) = backup_rows(small.engine, "backup", 9)
    assert (made.actor, made.problem) == ("schedule", None)
    assert made.rows > 10
    assert not creation.is_due(small.engine, set_up, made.started_at + timedelta(minutes=59))
    assert creation.is_due(small.engine, set_up, made.started_at + timedelta(minutes=60))
    assert not creation.is_due(small.engine, replace(set_up, backup_hours=0), made.started_at + timedelta(days=9))


def test_a_failed_backup_is_noted_and_tried_again_soon(small: World, set_up: Settings, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "file").touch()
    broken = replace(set_up, backup_dir=str(tmp_path / "file" / "backups"))

    back_up_if_due(small.engine, broken)

    (failed,) = backup_rows(small.engine, "backup", 9)
    assert failed.problem is not None
    assert failed.problem.code == "backup.not_written"
    assert not creation.is_due(small.engine, set_up, failed.started_at + timedelta(minutes=14))
    assert creation.is_due(small.engine, set_up, failed.started_at + timedelta(minutes=15))


# ---------------------------------------------------------------- page, health, metrics


def test_the_page_shows_backups_with_their_result(small: World, set_up: Settings, open_page: Any) -> None:  # noqa: F811
    for one in (row("backup", 1, file="lizenztool-x.age", bytes=12_300_000, rows=1234), row("drill", 30, FULL)):
        save_backup_row(small.engine, one, Entry(command_actor(), "backup.created", one.file))
    small.settings = set_up

    app = open_page(small, "pages/operations.py")

    table = html_table(app, "Sicherungen und Übungen")
    assert table.column("backup_result") == ["gelungen", "gescheitert"]
    assert table.column("backup_file") == ["lizenztool-x.age", ""]
    assert "Die Übung der Rückkehr" in words(app)
    assert "Jede Stunde entsteht eine Sicherung. Behalten wird je die neueste von 48 Stunden" in words(app)


def test_who_is_no_admin_is_not_told_about_backups(small: World, open_page: Any) -> None:  # noqa: F811
    assert "keine Sicherung eingerichtet" in words(open_page(small))
    assert "Sicherung" not in words(open_page(small, user={"name": "vera", "role": "viewer", "sid": "2"}))


def test_health_and_metrics_tell_the_age_of_backup_and_drill(small: World, set_up: Settings) -> None:  # noqa: F811
    now = datetime.now(UTC)
    made = replace(row("backup", 0), started_at=now - timedelta(hours=3))
    save_backup_row(small.engine, made, Entry(command_actor(), "backup.created"))
    current = replace(small.runtime, settings=set_up)

    metrics = MetricsPage(Tabs(), lambda: current).text(current, now, 0).decode()
    health = HealthPages(Tabs(), lambda: current)._backups(Health("ok", backups=latest_backups(small.engine)))

    assert 'lizenztool_backup_age_seconds{kind="backup"} 10800.0' in metrics
    assert 'lizenztool_backup_ok{kind="backup"} 0.0' in metrics
    assert 'lizenztool_backup_ok{kind="drill"} 0.0' in metrics
    assert health == {
        "backup": {"state": "late", "last": made.started_at.isoformat()},
        "drill": {"state": "never", "last": None},
    }
