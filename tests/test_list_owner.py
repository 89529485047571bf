"""One installation writes the lists; every other one reads, says whose they are, and sends no message."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.audit import Search, find
from core.cache.lists_read import sharepoint_status, stored_alarms
from core.cache.place import folder_place, host_name, is_same_place
from core.licenses.alarm_rules import Rule
from core.refresh.list_owner import NotOwner
from core.refresh.list_take_over import take_over_lists
from core.refresh.tenant_switches import SwitchChange, apply_switches
from core.roles import NotAllowed
from core.sharepoint.owner_mark import PARAMETER, Mark, Own, mark_of, needs_renewal, verdict
from core.tenants.tenant_rules import keep
from simulator import Fault
from tests.actors import actor
from tests.loggers import restored_loggers
from tests.office import Office, further_office, open_office

TENANTS = 6
MARKED_BY = host_name()
ADMIN = actor("anna", "admin")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MARK = Mark("0123456789ab", "11111111", "aaaaaaaa", NOW - timedelta(days=2), NOW, "srv-01.example")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Six tenants, each with a shortage that was told."""
    with open_office(tmp_path / "first") as opened:
        for number in range(TENANTS):
            opened.m365.add_tenant(f"Kunde {number}", skus={"SPB": (10, 10), "SPE_E3": (5, 4)})
        opened.settle()
        assert len(opened.messages) == TENANTS
        yield opened


@pytest.fixture
def second(office: Office, tmp_path: Path) -> Iterator[Office]:
    with further_office(tmp_path / "second", office) as opened:
        yield opened


def marks(office: Office) -> list[Mark]:
    rows = office.sharepoint.parameters.find(Parameter=PARAMETER)
    read = [mark_of(row.fields["Parameterwert"]) for row in rows]
    return [mark for mark in read if mark]


def codes(office: Office) -> list[str]:
    return [problem.code for problem in sharepoint_status(office.engine).problems]


def in_turns(*offices: Office, times: int = 3) -> None:
    for _ in range(times):
        for office in offices:
            office.refresh()
            office.m365.flow.run()


# Two installations


def test_of_two_installations_one_writes_and_nobody_is_told_twice(office: Office, second: Office) -> None:
    for tenant in office.m365.tenants:
        tenant.set_sku("SPE_E3", consumed=5)

    in_turns(second, office)

    assert len(office.messages) == 2 * TENANTS
    assert len(marks(office)) == 1
    assert codes(office) == []
    (problem,) = sharepoint_status(second.engine).problems
    assert (problem.code, problem.params["installation"]) == ("sharepoint.other_owner", marks(office)[0].installation)
    assert problem.params["host"] in problem.text("de")


def test_where_only_the_second_knows_a_rule_they_do_not_take_turns_in_the_alarm(office: Office, second: Office) -> None:
    second.refresh()
    rule = Rule("", "", threshold=4, reason="a few are needed in reserve", author="anna", created_at=second.now())
    keep(second.engine, rule, ADMIN)
    office.settle()
    office.m365.reset_requests()

    in_turns(office, second)

    assert len(office.messages) == TENANTS
    assert office.m365.count("PATCH") == office.m365.count("POST", "/items") == 0


def test_the_second_reads_and_shows_what_was_told(office: Office, second: Office) -> None:
    summary = second.refresh()

    assert (summary["ok"], summary["shortages"]) == (TENANTS, TENANTS)
    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.other_owner"
    assert sum(alarm.told_at is not None for alarm in stored_alarms(second.engine).values()) == TENANTS


def test_the_second_changes_no_switch_in_the_list(office: Office, second: Office) -> None:
    second.refresh()
    tenant_id = office.m365.tenants[0].tenant_id

    (result,) = apply_switches(second.services, [SwitchChange(tenant_id, (True, True), (False, True))], ADMIN)

    assert result.problem is not None
    assert result.problem.code == "sharepoint.other_owner"
    assert office.sharepoint.tenants.by_id[1].fields["enabled"] is True


@pytest.mark.parametrize("unique", [False, True], ids=["two-rows", "one-row-is-refused"])
def test_two_that_mark_the_lists_at_once_agree_on_the_older_row(tmp_path: Path, *, unique: bool) -> None:
    with open_office(tmp_path / "first") as office, further_office(tmp_path / "second", office) as second:
        office.sharepoint.parameters.change_column("Parameter", indexed=True, unique=unique)
        for number in range(TENANTS):
            office.m365.add_tenant(f"Kunde {number}", skus={"SPB": (10, 10)})
        together = threading.Barrier(2)
        office.m365.faults.add(Fault(r"POST .*/\$batch", before=lambda: together.wait(20), times=2))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Office.refresh, (office, second)))
        office.m365.flow.run()
        in_turns(office, second)

        assert len(office.messages) == TENANTS
        assert len(marks(office)) == 1
        assert sorted([codes(office), codes(second)]) == [[], ["sharepoint.other_owner"]]


# Taking over


def test_a_take_over_passes_the_lists_on_and_tells_each_shortage_once(office: Office, second: Office) -> None:
    second.refresh()
    tenants = office.m365.tenants
    tenants[0].set_sku("SPB", consumed=9)
    in_turns(office, second, times=1)
    tenants[0].set_sku("SPB", consumed=10)
    tenants[1].set_sku("SPE_E3", consumed=5)
    in_turns(office, second, times=2)
    assert len(office.messages) == TENANTS + 2

    before = take_over_lists(second.services, ADMIN)
    tenants[2].set_sku("SPE_E3", consumed=5)
    in_turns(office, second)

    assert len(office.messages) == TENANTS + 3
    assert before is not None
    assert marks(office)[0].installation != before.installation
    assert (codes(office), codes(second)) == (["sharepoint.other_owner"], [])
    take_over_lists(office.services, ADMIN)
    tenants[3].set_sku("SPE_E3", consumed=5)
    in_turns(second, office)
    assert len(office.messages) == TENANTS + 4


def test_only_an_admin_takes_over_and_it_is_in_the_audit(office: Office, second: Office) -> None:
    with pytest.raises(NotAllowed):
        take_over_lists(second.services, actor("sam", "support"))

    take_over_lists(second.services, ADMIN)

    (entry,), _ = find(second.engine, ADMIN, Search(actions=["list.owner_changed"]), limit=5)
    assert json.loads(entry.before)["installation"]


def test_a_push_that_is_under_way_stops_when_somebody_takes_over(office: Office, second: Office) -> None:
    owner, lists = office.services.publisher.owner, lists_of(office)
    owner.confirm(lists)
    take_over_lists(second.services, ADMIN)
    owner._clock = lambda: 1e9

    with pytest.raises(NotOwner):
        owner.confirm(lists)


def lists_of(office: Office) -> Any:
    profile = office.services.profiles.load(office.now()).sharepoint
    assert profile is not None
    return office.services.publisher.lists(profile)


def test_a_deleted_mark_goes_to_the_next_that_writes(office: Office, second: Office) -> None:
    second.refresh()
    (row,) = office.sharepoint.parameters.find(Parameter=PARAMETER)
    office.sharepoint.parameters.delete(row.id)
    office.m365.tenants[0].set_sku("SPE_E3", consumed=5)

    in_turns(second, office)

    assert (codes(office), codes(second)) == (["sharepoint.other_owner"], [])
    assert len(office.messages) == TENANTS + 1


# Copies and restored databases


def test_a_copy_of_the_data_folder_takes_over_and_the_first_one_stops(office: Office, tmp_path: Path) -> None:
    office.stop()
    office.engine.dispose()
    shutil.copytree(office.settings.data_dir, tmp_path / "copy" / "data")
    office.reopen()
    with further_office(tmp_path / "copy", office) as copy:
        office.m365.tenants[0].set_sku("SPE_E3", consumed=5)

        in_turns(copy, office)

        assert (codes(office), codes(copy)) == (["sharepoint.copied_database"], [])
        assert len(office.messages) == TENANTS + 1
        take_over_lists(office.services, ADMIN)
        in_turns(copy, office)
        assert (codes(office), codes(copy)) == ([], ["sharepoint.copied_database"])
        assert len(office.messages) == TENANTS + 1


def test_an_older_database_in_the_same_place_goes_on_without_asking(office: Office, tmp_path: Path) -> None:
    data = office.settings.data_dir
    office.engine.dispose()
    older = Path(shutil.copy(data / "lizenztool.db", tmp_path / "older.db"))
    office.reopen()
    office.later(hours=2)
    office.settle()
    office.later(hours=2)
    office.settle()
    office.stop()
    office.engine.dispose()
    shutil.copy(older, data / "lizenztool.db")
    office.reopen()
    office.m365.tenants[0].set_sku("SPE_E3", consumed=5)

    in_turns(office)

    assert codes(office) == []
    assert len(office.messages) == TENANTS + 1


# The mark


def test_the_mark_is_renewed_once_an_hour_and_costs_nothing_in_between(office: Office) -> None:
    office.refresh()
    turn = marks(office)[0].turn
    office.m365.reset_requests()
    office.later(minutes=30)
    office.refresh()
    assert (marks(office)[0].turn, office.m365.count("POST", "batch")) == (turn, 0)

    office.later(minutes=31)
    office.refresh()

    assert marks(office)[0].turn != turn
    assert office.m365.count("POST", "batch") == 1


@pytest.mark.parametrize("kind", ["status", "lost_answer"])
def test_a_mark_that_cannot_be_renewed_for_hours_stays_ours(office: Office, kind: str) -> None:
    office.refresh()
    (row,) = office.sharepoint.parameters.find(Parameter=PARAMETER)
    path = f"PATCH /sites/{office.sharepoint.site_id}/lists/{office.sharepoint.parameters.id}/items/{row.id}/fields"
    fault = Fault(
        path if kind == "status" else r"POST .*/\$batch", kind, status=503, sub_response=kind == "status", times=None
    )
    office.m365.faults.add(fault)
    for _ in range(4):
        office.later(hours=2)
        office.refresh()
    office.m365.faults.clear()
    office.m365.tenants[0].set_sku("SPE_E3", consumed=5)

    in_turns(office)

    assert fault.hits
    assert codes(office) == []
    assert len(office.messages) == TENANTS + 1


def test_a_refresh_that_only_reads_marks_nothing(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})

        office.refresh(read_only=True)

        assert marks(office) == []


def test_without_the_right_to_mark_the_lists_a_sentence_says_so_and_messages_go_on(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        to_mark = f"POST /sites/{office.sharepoint.site_id}/lists/{office.sharepoint.parameters.id}/items"
        office.m365.faults.add(Fault(to_mark, "status", status=403, sub_response=True, times=None))

        office.settle()

        assert codes(office) == ["sharepoint.mark_refused"]
        assert len(office.messages) == 1


def test_a_mark_that_somebody_has_overwritten_is_written_again(office: Office) -> None:
    (row,) = office.sharepoint.parameters.find(Parameter=PARAMETER)
    office.sharepoint.parameters.update(row.id, {"Parameterwert": "bitte nicht löschen"})

    office.refresh()

    assert len(marks(office)) == 1
    assert codes(office) == []


@pytest.mark.parametrize(
    "text",
    [MARK.text(), f'<div class="x">{MARK.text()}</div>', f"  {MARK.text()}\n"],
    ids=["plain", "rich-text", "blanks"],
)
def test_a_mark_is_read_as_it_was_written(text: str) -> None:
    assert mark_of(text) == MARK


@pytest.mark.parametrize("text", ["", "x", MARK.text()[1:], MARK.text().replace("2026-03-02", "2026-33-02")])
def test_what_is_no_mark_is_none(text: str) -> None:
    assert mark_of(text) is None


@pytest.mark.parametrize(
    ("change", "own", "expected"),
    [
        pytest.param({}, Own(MARK.installation, MARK.place, ["aaaaaaaa"]), "ours", id="own-turn"),
        pytest.param({}, Own("", "22222222", ["aaaaaaaa"]), "ours", id="moved-to-another-place"),
        pytest.param({}, Own(MARK.installation, MARK.place, ["bbbbbbbb"]), "restored", id="older-database"),
        pytest.param({}, Own("", MARK.place, []), "restored", id="database-deleted"),
        pytest.param({}, Own(MARK.installation, MARK.place, ["b"], settled=True), "copy", id="clone-of-the-machine"),
        pytest.param({}, Own(MARK.installation, "22222222", ["b"]), "copy", id="copy-elsewhere"),
        pytest.param({}, Own("ffffffffffff", "22222222", ["b"]), "other", id="another-installation"),
        pytest.param({"place": "22222222"}, Own("ffffffffffff", "11111111", []), "other", id="first-start-beside-one"),
    ],
)
def test_whose_the_lists_are(change: dict[str, str], own: Own, expected: str) -> None:
    assert verdict(replace(MARK, **change), own) == expected  # type: ignore[arg-type]


def test_lists_without_a_mark_are_for_whoever_comes() -> None:
    assert verdict(None, Own("", "11111111", [])) == "unmarked"


@pytest.mark.parametrize(
    ("age", "place", "due"),
    [(59, "11111111", False), (60, "11111111", True), (0, "22222222", True), (-60, "11111111", True)],
)
def test_a_mark_is_due_after_an_hour_in_another_place_or_when_the_clock_was_set_back(
    age: int, place: str, due: bool
) -> None:
    assert needs_renewal(MARK, Own(MARK.installation, place, ["aaaaaaaa"]), NOW + timedelta(minutes=age)) is due


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        pytest.param({"id": "a", "host": "one", "path": "/data", "inode": 7}, True, id="unchanged"),
        pytest.param({"id": "a", "host": "two", "path": "/data", "inode": 7}, True, id="container-started-again"),
        pytest.param({"id": "a", "host": "one", "path": "/data", "inode": 8}, True, id="folder-restored"),
        pytest.param({"id": "a", "host": "two", "path": "/data", "inode": 8}, False, id="copied-to-another-machine"),
        pytest.param({"id": "a", "host": "one", "path": "/other", "inode": 8}, False, id="copied-beside"),
        pytest.param({}, False, id="empty"),
        pytest.param([], False, id="no-object"),
    ],
)
def test_a_place_is_the_same_as_long_as_its_file_was_not_copied(stored: Any, same: bool) -> None:
    assert is_same_place(stored, {"host": "one", "path": "/data", "inode": 7}) is same


def test_a_folder_keeps_its_place_and_a_copy_gets_its_own(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    place = folder_place(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")

    assert folder_place(tmp_path / "one") == place
    assert folder_place(tmp_path / "two") != place


def test_a_folder_that_cannot_be_written_still_has_a_place(tmp_path: Path) -> None:
    assert folder_place(tmp_path / "missing") == folder_place(tmp_path / "missing")


# The command line


def command(office: Office, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """`python -m core` with the settings of `office`; return its exit code."""
    values = office.m365.environment() | {"LIZENZTOOL_DATA_DIR": str(office.settings.data_dir)}
    values |= {"LIZENZTOOL_LOG_DIR": str(office.settings.data_dir / "logs")}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with restored_loggers():
        return main(arguments)


def test_the_command_takes_the_lists_over_and_says_from_whom(
    office: Office, second: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(second, monkeypatch, "sync") == 1
    assert "schreibt eine andere Installation" in capsys.readouterr().err

    assert command(second, monkeypatch, "lists", "take-over") == 0

    assert f"{MARKED_BY} hört vor seinem nächsten Schreiben auf" in capsys.readouterr().out
    assert command(second, monkeypatch, "sync") == 0
    assert command(office, monkeypatch, "check") == 1
    assert "schreibt eine andere Installation" in capsys.readouterr().out


def test_the_command_refills_a_list_only_if_it_was_emptied(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(office, monkeypatch, "lists", "refill") == 2
    assert "nichts neu zu füllen" in capsys.readouterr().err
    for item in list(office.sharepoint.licenses.items):
        office.sharepoint.licenses.delete(item.id)
    assert command(office, monkeypatch, "sync") == 1

    assert command(office, monkeypatch, "lists", "refill") == 0

    assert f"({2 * TENANTS} Zeilen)" in capsys.readouterr().out
    assert command(office, monkeypatch, "sync") == 0
    assert len(office.rows()) == 2 * TENANTS
    assert len(office.messages) == TENANTS
