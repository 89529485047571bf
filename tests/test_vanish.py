"""What vanishes is not what was switched off: rows, lists, profiles, licences that are suddenly not there any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.__main__ import main
from core.audit import Search, find
from core.cache.lists_read import ListedTenant, stored_alarms, switches_after
from core.cache.shared_frames import newest_figures
from core.cache.tenant_rows import tenant_rows
from core.operations.health import Health, health_of
from core.refresh.next_push import take_over
from core.refresh.tenant_switches import add_to_list, end_monitoring
from simulator import Fault
from tests.actors import ADMIN
from tests.loggers import restored_loggers
from tests.office import Office, open_office

PREMIUM = "Microsoft 365 Business Premium (SPB)"
HOERI, CHUR, EMMEN = "Schule Höri", "Bau AG Chur", "Treuhand Emmen"


class Shell:
    """The command line, pointed at the office."""

    def __init__(self, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
        self.office, self._capsys = office, capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return (exit code, stdout, stderr)."""
        self._capsys.readouterr()
        with restored_loggers():
            code = main(arguments)
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def sync(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        code, out, _ = self.run("sync", "--json", *arguments)
        return code, json.loads(out)

    def check(self) -> tuple[int, dict[str, tuple[str, str]]]:
        """Return (exit code, code of a finding -> (level, sentence))."""
        code, out, _ = self.run("check", "--json")
        return code, {found["code"]: (found["level"], found["message"]) for found in json.loads(out)}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Three tenants, read and settled: Höri and Chur are monitored, Emmen is not; nothing is short."""
    monkeypatch.chdir(tmp_path)
    with open_office(tmp_path) as opened:
        for name, value in opened.m365.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(opened.settings.data_dir))
        for name, monitoring in ((HOERI, True), (CHUR, True), (EMMEN, False)):
            opened.m365.add_tenant(name, skus={"SPB": (10, 8), "SPE_E3": (5, 2)}, monitoring=monitoring)
        opened.settle()
        yield opened


@pytest.fixture
def shell(office: Office, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(office, capsys)


def empty(office: Office) -> None:
    for item in office.sharepoint.tenants.items:
        office.sharepoint.tenants.delete(item.id)


def delete_row(office: Office, title: str) -> None:
    (item,) = office.sharepoint.tenants.find(Title=title)
    office.sharepoint.tenants.delete(item.id)


def tenant_id(office: Office, name: str) -> str:
    return office.m365.find_tenant(name).tenant_id


def switches(office: Office) -> dict[str, tuple[bool, bool]]:
    return {row.name: (row.enabled, row.monitored) for row in tenant_rows(office.engine).values()}


# The tenant list

rows = st.none() | st.builds(ListedTenant, st.just("1"), st.just(HOERI), st.booleans(), st.booleans())


@dataclass
class Switched:
    """A tenant in the database."""

    listed: bool = False
    enabled: bool = True
    monitored: bool = True
    missing_since: datetime | None = None


@given(st.lists(rows, min_size=1, max_size=6))
def test_whatever_comes_and_goes_the_last_row_that_was_seen_holds(readings: list[ListedTenant | None]) -> None:
    tenant, at = Switched(), datetime(2026, 11, 25, tzinfo=UTC)
    for number, row in enumerate(readings):
        tenant = Switched(*switches_after(tenant, row, at + timedelta(hours=number)))

    seen = [row for row in readings if row is not None]
    assert tenant.listed == (readings[-1] is not None)
    if seen:
        assert (tenant.enabled, tenant.monitored) == (seen[-1].enabled, seen[-1].monitoring)
        last = max(number for number, row in enumerate(readings) if row is not None)
        assert tenant.missing_since == (None if tenant.listed else at + timedelta(hours=last + 1))
    else:
        assert (tenant.enabled, tenant.monitored, tenant.missing_since) == (True, False, None)


def test_an_emptied_tenant_list_switches_nothing_off(office: Office, shell: Shell) -> None:
    before = switches(office)
    empty(office)
    for name in (HOERI, EMMEN):
        office.m365.find_tenant(name).set_sku("SPB", consumed=10)

    code, summary = shell.sync()
    office.m365.flow.run()

    assert switches(office) == before
    assert office.messages == [f"{HOERI}: {PREMIUM}"]
    assert code == 1
    assert (summary["vanished"], summary["not_listed"]) == ([CHUR, HOERI, EMMEN], 0)
    assert [(one["level"], one["code"]) for one in summary["problems"]] == [("error", "check.rows_vanished")]


def test_it_is_said_until_it_is_settled_and_on_stderr_with_names(office: Office, shell: Shell) -> None:
    delete_row(office, HOERI)

    for _ in range(3):
        code, out, err = shell.run("sync")
        assert code == 1
        assert f"Aus der Tenantliste verschwunden: {HOERI} (1, bemerkt " in err
        assert "verschwunden" not in out

    office.sharepoint.list_tenant(office.m365.find_tenant(HOERI), enabled=True, monitoring=True)
    assert shell.sync()[0] == 0


@pytest.mark.parametrize("seen_by_a_refresh", [True, False])
def test_check_says_it_as_an_error_also_before_a_refresh_has_seen_it(
    office: Office, shell: Shell, seen_by_a_refresh: bool
) -> None:
    delete_row(office, HOERI)
    if seen_by_a_refresh:
        office.refresh()

    code, found = shell.check()

    assert code == 1
    level, sentence = found["check.rows_vanished"]
    assert (level, HOERI in sentence, CHUR in sentence) == ("error", True, False)
    assert "check.not_listed" not in found


def test_health_and_metrics_count_the_vanished(office: Office) -> None:
    def look() -> tuple[Health, int]:
        health = health_of(office.engine, 30, office.now() - timedelta(hours=1), office.now())
        missing = newest_figures(office.engine, office.settings).tenants["missing_since"]
        return health, int(missing.notna().sum())

    assert (look()[0].tenants, look()[1]) == ("ok", 0)
    empty(office)
    office.refresh()

    health, count = look()
    assert (health.tenants, health.ready, count) == ("degraded", True, 3)
    assert set(health.vanished) == {HOERI, CHUR, EMMEN}


def test_a_title_that_was_garbled_is_a_row_that_vanished(office: Office, shell: Shell) -> None:
    (item,) = office.sharepoint.tenants.find(Title=HOERI)
    office.sharepoint.tenants.update(item.id, {"Title": "Schul3 H"})
    office.m365.find_tenant(HOERI).set_sku("SPB", consumed=10)

    code, _ = shell.sync()
    office.m365.flow.run()

    # Found again by its id, or told: never silent.
    assert office.messages == [f"{HOERI}: {PREMIUM}"]
    assert code == (1 if office.sharepoint.tenants.find(Title="Schul3 H") else 0)


def test_a_row_that_vanished_comes_back_with_the_last_switches(office: Office, shell: Shell) -> None:
    empty(office)
    office.refresh()

    results = add_to_list(office.services, [tenant_id(office, EMMEN), tenant_id(office, CHUR)], ADMIN)

    assert [result.problem for result in results] == [None, None]
    rows = {item.fields["Title"]: item.fields for item in office.sharepoint.tenants.items}
    assert (rows[EMMEN]["enabled"], rows[EMMEN]["monitoring"]) == (True, False)
    assert (rows[CHUR]["enabled"], rows[CHUR]["monitoring"]) == (True, True)
    assert shell.sync()[1]["vanished"] == [HOERI]


def test_who_accepts_that_a_row_is_gone_ends_the_alarms_and_it_is_recorded(office: Office, shell: Shell) -> None:
    tenant = office.m365.find_tenant(HOERI)
    tenant.set_sku("SPB", consumed=10)
    office.refresh()
    delete_row(office, HOERI)
    office.refresh()

    end_monitoring(office.services, [tenant.tenant_id], ADMIN)
    code, summary = shell.sync()
    office.m365.flow.run()

    assert (code, summary["vanished"], summary["not_listed"]) == (0, [], 1)
    assert office.messages == [], "the trigger that was set is taken back"
    (entry,), _ = find(office.engine, ADMIN, Search(actions=["tenant.unlisted"]), limit=9)
    assert (entry.target, entry.result) == (HOERI, "done")


def test_a_tenant_that_was_switched_off_before_its_row_went_is_no_news(office: Office, shell: Shell) -> None:
    (item,) = office.sharepoint.tenants.find(Title=HOERI)
    office.sharepoint.tenants.update(item.id, {"enabled": False})
    office.refresh()
    delete_row(office, HOERI)

    code, summary = shell.sync()

    assert (code, summary["vanished"]) == (0, [])
    assert summary["skipped"] == [{"tenant": HOERI, "reason": "disabled"}]


def test_a_tenant_that_never_had_a_row_is_told_and_fails_nothing(office: Office, shell: Shell) -> None:
    office.m365.add_tenant("Neu GmbH", skus={"SPB": (5, 5)}, listed=False)

    before, found = shell.check()
    code, summary = shell.sync()
    _, _, err = shell.run("sync")
    office.m365.flow.run()

    assert (before, found["check.not_listed"][0]) == (0, "warning")
    assert "Neu GmbH" in found["check.not_listed"][1]
    assert (code, summary["not_listed"], summary["vanished"]) == (0, 1, [])
    assert "Neu GmbH" in err
    assert office.messages == []
    assert shell.check()[1]["check.not_listed"][0] == "warning"


def test_a_refresh_of_one_tenant_tells_of_that_tenant(office: Office, shell: Shell) -> None:
    delete_row(office, HOERI)

    assert shell.sync("--tenant", CHUR)[0] == 0
    assert shell.sync("--tenant", HOERI)[0] == 1


# Its siblings


def test_an_emptied_parameter_list_fails_the_refresh(office: Office, shell: Shell) -> None:
    for item in office.sharepoint.parameters.items:
        office.sharepoint.parameters.delete(item.id)

    code, summary = shell.sync()

    assert code == 1
    assert {one["code"] for one in summary["problems"]} == {"sharepoint.parameter_missing"}


def test_a_profile_that_was_removed_is_said_for_a_month(office: Office, shell: Shell) -> None:
    office.m365.find_tenant(HOERI).profile_path.unlink()

    code, summary = shell.sync()

    assert (code, [one["code"] for one in summary["problems"]]) == (0, ["check.profiles_gone"])
    assert HOERI in summary["problems"][0]["message"]
    assert shell.check()[1]["check.profiles_gone"][0] == "warning"
    office.later(days=31)
    assert office.refresh()["problems"] == []


def test_a_profile_that_comes_back_finds_its_switches(office: Office, shell: Shell) -> None:
    profile = office.m365.find_tenant(HOERI).profile_path
    text = profile.read_text("utf-8")
    profile.unlink()
    office.refresh()
    empty(office)
    office.refresh()
    profile.write_text(text, "utf-8")

    assert shell.sync()[1]["vanished"] == [CHUR, HOERI, EMMEN]
    assert switches(office)[HOERI] == (True, True)


def test_a_sharepoint_profile_that_vanished_fails_check_and_refresh(office: Office, shell: Shell) -> None:
    office.sharepoint.profile_path.unlink()

    for _ in range(2):
        code, summary = shell.sync()
        assert (code, [one["code"] for one in summary["problems"]]) == (1, ["check.sharepoint_gone"])
    assert shell.check()[1]["check.sharepoint_gone"][0] == "error"
    office.later(days=31)
    assert office.refresh()["problems"] == []


def test_all_licences_of_a_tenant_gone_at_once_are_not_believed_for_a_day(office: Office, shell: Shell) -> None:
    tenant = office.m365.find_tenant(HOERI)
    tenant.set_sku("SPB", consumed=10)
    office.settle()
    for part in tenant.skus:
        tenant.remove_sku(part)

    code, summary = shell.sync()
    checked, found = shell.check()

    assert (code, summary["failed"][0]["code"]) == (1, "graph.nothing_left")
    assert (checked, found["graph.nothing_left"][0]) == (0, "warning")
    assert office.rows(HOERI)[0]["technician_informed"] is True

    tenant.set_skus({"SPB": (10, 10), "SPE_E3": (5, 2)})
    office.settle()
    assert len(office.messages) == 1, "it was the same shortage all the time"


def test_all_licences_gone_for_a_day_are_gone(office: Office) -> None:
    tenant = office.m365.find_tenant(HOERI)
    for part in tenant.skus:
        tenant.remove_sku(part)
    assert office.refresh()["failed"] != []

    office.later(hours=25)

    assert office.refresh()["failed"] == []
    assert {row["Verfügbar"] for row in office.rows(HOERI)} == {0}


def test_missing_product_names_are_said_by_the_refresh(
    office: Office, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cache.catalogue.SKU_MAPPINGS", tmp_path / "nowhere.json")

    code, summary = shell.sync()

    assert (code, [one["code"] for one in summary["problems"]]) == (0, ["check.names"])


# A first push, and taking it over


@pytest.fixture
def short(office: Office) -> Office:
    """A shortage of two products at Höri and of one at Chur, since the last refresh; Emmen's does not alarm."""
    for name in (HOERI, CHUR, EMMEN):
        office.m365.find_tenant(name).set_sku("SPB", consumed=10)
    office.m365.find_tenant(HOERI).set_sku("SPE_E3", consumed=6)
    return office


def told(office: Office) -> int:
    for _ in range(3):
        office.settle()
    return len(office.messages)


def marks(office: Office, name: str) -> set[tuple[bool, bool]]:
    rows = [row for row in office.rows(name) if row["Frei"] <= 0]
    return {(row["trigger_inform_supporter"], row["technician_informed"]) for row in rows}


@pytest.mark.parametrize("after", ["nothing", "read-only"])
def test_check_says_before_how_many_shortages_are_told(short: Office, shell: Shell, after: str) -> None:
    if after == "read-only":
        shell.sync("--read-only")

    code, found = shell.check()

    assert (code, found["check.first_push"][0]) == (0, "warning")
    assert "meldet dem Support 3 Engpässe, die es schon gibt" in found["check.first_push"][1]
    assert told(short) == 3
    assert "check.first_push" not in shell.check()[1]


def test_check_of_a_new_database_counts_what_the_lists_do_not_know(
    short: Office, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path / "new"))
    assert "Support 3 Engpässe" in shell.check()[1]["check.first_push"][1]
    assert told(short) == 3

    assert "check.first_push" not in shell.check()[1]


def test_taken_over_shortages_are_told_to_nobody_and_later_ones_are(short: Office, shell: Shell) -> None:
    code, summary = shell.sync("--take-over")

    assert (code, summary["sharepoint"]["taken_over"], summary["sharepoint"]["triggers_set"]) == (0, 3, 0)
    assert (marks(short, HOERI), marks(short, CHUR)) == ({(False, True)}, {(False, True)})
    assert marks(short, EMMEN) == {(False, False)}, "would not be told, so it is not taken over"
    again = shell.sync()[1]["sharepoint"]
    assert (again["created"], again["updated"], again["resets"]) == (0, 0, 0)
    assert told(short) == 0

    short.m365.find_tenant(CHUR).set_sku("SPE_E3", consumed=5)
    short.m365.find_tenant(HOERI).set_sku("SPB", consumed=8)
    short.settle()
    short.m365.find_tenant(HOERI).set_sku("SPB", consumed=10)
    assert told(short) == 2


def test_new_items_are_taken_over_too(short: Office, shell: Shell) -> None:
    for item in short.sharepoint.licenses.find(tenant=HOERI):
        short.sharepoint.licenses.delete(item.id)

    shell.sync("--take-over")

    assert marks(short, HOERI) == {(False, True)}
    assert told(short) == 0


def test_only_the_named_tenant_is_taken_over(short: Office, shell: Shell) -> None:
    assert shell.sync("--take-over", "--tenant", HOERI)[1]["sharepoint"]["taken_over"] == 2
    assert told(short) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(r"PATCH .*/fields", "status", status=400, sub_response=True, times=9), id="refused"),
        pytest.param(Fault(r"POST .*/\$batch", "lost_answer", times=1), id="answer-lost"),
        pytest.param(Fault(r"POST .*/\$batch", "status", status=403, times=9), id="not-allowed"),
    ],
)
def test_a_push_that_breaks_off_while_taking_over_tells_nobody_later(short: Office, shell: Shell, fault: Fault) -> None:
    short.m365.faults.add(fault)
    shell.sync("--take-over")
    short.m365.faults.clear()

    assert told(short) == 0
    assert marks(short, HOERI) == {(False, True)}


def test_a_take_over_that_could_not_reach_the_lists_has_done_nothing(short: Office, shell: Shell) -> None:
    grant, short.sharepoint.grant = short.sharepoint.grant, None
    assert shell.sync("--take-over")[0] == 1
    short.sharepoint.grant = grant

    assert told(short) == 3


def test_a_take_over_is_asked_for_with_the_right_words(short: Office, shell: Shell) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.run("sync", "--take-over", "--read-only")
    assert ended.value.code == 2

    short.sharepoint.profile_path.unlink()
    code, _, err = shell.run("sync", "--take-over")
    assert code == 1
    assert "Es gibt kein SharePoint-Profil" in err


def test_a_take_over_from_the_page_is_of_what_is_known_and_is_recorded(short: Office, shell: Shell) -> None:
    shell.sync("--read-only")

    count = take_over(short.engine, short.settings, ADMIN, short.now())
    short.m365.find_tenant(CHUR).set_sku("SPE_E3", consumed=5)  # nobody knew of it at that time

    assert count == 3
    assert {alarm.told_at is not None for alarm in stored_alarms(short.engine).values()} >= {True}
    assert told(short) == 1
    assert marks(short, HOERI) == {(False, True)}
    (entry,), _ = find(short.engine, ADMIN, Search(actions=["alarms.taken_over"]), limit=9)
    assert json.loads(entry.after) == {"shortages": 3}
    assert take_over(short.engine, short.settings, ADMIN, short.now()) == 0
