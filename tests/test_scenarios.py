"""The support team's world, told as stories: what happens in a tenant, and what the team is told."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.cache.lists_read import stored_alarms
from core.cache.readings import stored_licenses
from core.cache.tenant_rows import tenant_rows
from simulator import Fault
from tests.office import ON_SQLITE, Office

PREMIUM = "Microsoft 365 Business Premium (SPB)"


# One shortage, one message


@pytest.mark.parametrize(
    ("enabled", "consumed"),
    [
        pytest.param(10, 10, id="none-left"),
        pytest.param(10, 12, id="below-zero"),
        pytest.param(0, 3, id="all-seats-gone"),
    ],
)
def test_a_tenant_that_runs_out_is_told_once(office: Office, enabled: int, consumed: int) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
    office.settle()
    assert office.messages == []

    tenant.set_sku("SPB", enabled=enabled, consumed=consumed)
    for _ in range(4):
        office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]
    assert office.row("Schule Höri") == {
        "Lizenzname": PREMIUM,
        "Verfügbar": enabled,
        "Gebraucht": consumed,
        "Frei": enabled - consumed,
        "tenant": "Schule Höri",
        "trigger_inform_supporter": False,
        "technician_informed": True,
    }


def test_a_shortage_at_the_very_first_reading_is_told_once(office: Office) -> None:
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    for _ in range(3):
        office.settle()

    assert office.messages == [f"Bau AG Chur: {PREMIUM}"]


def test_refilled_and_out_again_is_told_once_more(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()

    tenant.set_sku("SPB", enabled=12)
    office.settle()
    assert office.row("Schule Höri")["technician_informed"] is False
    assert len(office.messages) == 1

    tenant.set_sku("SPB", consumed=12)
    office.settle()
    assert len(office.messages) == 2


def test_a_shortage_that_gets_worse_is_not_told_again(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()

    tenant.set_sku("SPB", consumed=14)
    office.settle()

    assert len(office.messages) == 1
    assert office.row("Schule Höri")["Frei"] == -4


@ON_SQLITE
@pytest.mark.parametrize(
    "sku",
    [
        pytest.param({"FLOW_FREE": (10_000, 10_000)}, id="free"),
        pytest.param({"SPB": {"enabled": 5, "consumed": 5, "applies_to": "Company"}}, id="not-per-user"),
        pytest.param({"SPB": (0, 0)}, id="nothing-bought"),
    ],
)
def test_what_cannot_hit_anybody_is_listed_but_not_told(office: Office, sku: dict[str, object]) -> None:
    office.m365.add_tenant("Schule Höri", skus=sku)

    office.settle()

    assert len(office.rows("Schule Höri")) == 1
    assert office.messages == []


def test_a_trial_is_not_told_on_its_first_reading_either(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (25, 25)})
    tenant.add_subscription("SPB", total=25, is_trial=True)

    office.settle()

    assert office.messages == []


@ON_SQLITE
@pytest.mark.parametrize("units", ["warning", "suspended"])
def test_grace_and_suspended_with_holders_are_told(office: Office, units: str) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
    office.settle()

    tenant.set_sku("SPB", enabled=0, consumed=8, **{units: 10})
    office.settle()

    assert len(office.messages) == 1


# Monitoring and the tenant list


def test_a_tenant_that_is_not_monitored_is_told_when_monitoring_is_switched_on(office: Office) -> None:
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)}, monitoring=False)
    office.settle()
    office.settle()
    assert office.messages == []
    assert office.row("Bau AG Chur")["Frei"] == 0

    (entry,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.update(entry.id, {"monitoring": True})
    office.settle()

    assert office.messages == [f"Bau AG Chur: {PREMIUM}"]


def test_switching_monitoring_off_takes_a_trigger_back(office: Office) -> None:
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    office.refresh()
    assert office.row("Bau AG Chur")["trigger_inform_supporter"] is True

    (entry,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.update(entry.id, {"monitoring": False})
    office.refresh()

    assert office.row("Bau AG Chur")["trigger_inform_supporter"] is False


def test_a_disabled_tenant_is_not_read_and_its_item_stays(office: Office) -> None:
    tenant = office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 3)})
    office.settle()
    (entry,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.update(entry.id, {"enabled": False})
    tenant.set_sku("SPB", consumed=5)
    office.m365.reset_requests()

    summary = office.refresh()

    assert summary["skipped"] == [{"tenant": "Bau AG Chur", "reason": "disabled"}]
    assert office.m365.count("GET", "/subscribedSkus") == 0
    assert office.row("Bau AG Chur")["Frei"] == 2


def test_a_tenant_missing_in_the_tenant_list_is_read_but_writes_nothing(office: Office) -> None:
    office.m365.add_tenant("Neu GmbH", skus={"SPB": (5, 5)}, listed=False)

    summary = office.refresh()

    assert (summary["ok"], summary["shortages"]) == (1, 1)
    assert office.rows() == []


@ON_SQLITE
def test_cert_expires_follows_the_real_certificate(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={})
    (entry,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.update(entry.id, {"cert_expires": "2020-01-01T12:00:00Z"})

    office.refresh()
    first = office.sharepoint.tenants.by_id[entry.id].fields["cert_expires"]
    version = office.sharepoint.tenants.by_id[entry.id].version
    office.refresh()
    assert office.sharepoint.tenants.by_id[entry.id].version == version

    tenant.renew_certificate(days=20)
    office.refresh()

    assert not first.startswith("2020")
    assert office.sharepoint.tenants.by_id[entry.id].fields["cert_expires"] < first


@ON_SQLITE
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_site_in_another_zone_is_not_written_at_every_refresh(office: Office, zone: str) -> None:
    office.m365.add_tenant("Schule Höri", skus={})
    (entry,) = office.sharepoint.tenants.items
    office.sharepoint.tenants.zone = ZoneInfo(zone)
    office.sharepoint.tenants.update(entry.id, {"cert_expires": "2020-01-01T12:00:00Z"})

    versions = []
    for _ in range(3):
        office.refresh()
        versions.append(office.sharepoint.tenants.by_id[entry.id].version)

    assert versions[0] > 1
    assert versions == versions[:1] * 3


def test_a_renamed_tenant_keeps_its_items_and_is_not_told_again(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()

    tenant.rename("Schulgemeinde Höri")
    office.settle()

    assert office.row("Schulgemeinde Höri")["technician_informed"] is True
    assert [item.fields["Title"] for item in office.sharepoint.tenants.items] == ["Schulgemeinde Höri"]
    assert len(office.messages) == 1


# Unknown is not empty


def test_a_tenant_that_cannot_be_read_keeps_its_rows_and_closes_nothing(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 2)})
    office.settle()
    before = stored_licenses(office.engine)[tenant.tenant_id]

    permissions, tenant.permissions = tenant.permissions, set()
    office.m365.expire_tokens()
    summary = office.settle()

    assert [(entry["tenant"], entry["code"]) for entry in summary["failed"]] == [("Schule Höri", "graph.forbidden")]
    assert summary["ok"] == 1
    assert stored_licenses(office.engine)[tenant.tenant_id] == before
    assert tenant_rows(office.engine)[tenant.tenant_id].failing_since is not None
    assert office.row("Schule Höri")["technician_informed"] is True

    tenant.permissions = permissions
    office.settle()
    assert tenant_rows(office.engine)[tenant.tenant_id].problem is None
    assert len(office.messages) == 1


@ON_SQLITE
def test_broken_product_names_neither_miss_nor_repeat_a_shortage(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10), "VISIOCLIENT": (5, 4)})
    office.settle()
    before = office.rows()
    monkeypatch.setattr("core.cache.catalogue.SKU_MAPPINGS", tmp_path / "is-not-there.json")

    tenant.set_sku("VISIOCLIENT", enabled=5, consumed=5)
    for _ in range(3):
        office.settle()

    assert [message.partition(" (")[2] for message in office.messages] == ["SPB)", "VISIOCLIENT)"]
    assert [row["Lizenzname"] for row in office.rows()] == [row["Lizenzname"] for row in before]


@ON_SQLITE
def test_a_broken_profile_stops_nobody_else(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 1)})
    (office.m365.profiles_dir / "config-kaputt-profile.json").write_text('{"tenant_id": ')

    summary = office.refresh()

    assert summary["ok"] == 1
    assert [(entry["tenant"], entry["code"]) for entry in summary["failed"]] == [("kaputt", "profile.json_broken")]


def test_a_profile_dropped_in_is_taken_at_the_next_refresh(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 1)})
    assert office.refresh()["ok"] == 1

    late = office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})
    assert office.refresh()["ok"] == 2

    late.profile_path.unlink()
    assert office.refresh()["ok"] == 1
    assert list(tenant_rows(office.engine)) != []
    assert late.tenant_id not in tenant_rows(office.engine)


def test_a_sku_that_vanishes_ends_its_shortage_and_returns_as_a_new_one(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()

    tenant.remove_sku("SPB")
    office.settle()
    row = office.row("Schule Höri")
    assert (row["Verfügbar"], row["Frei"], row["technician_informed"]) == (0, 0, False)

    tenant.set_sku("SPB", enabled=10, consumed=10)
    office.settle()
    assert len(office.messages) == 2


# The lists


def test_equal_rows_are_not_written(office: Office) -> None:
    for number in range(12):
        office.m365.add_tenant(f"Firma {number}", skus={"SPB": (10, number), "FLOW_FREE": (10_000, 3)})
    office.settle()
    versions = {item.id: item.version for item in office.sharepoint.licenses.items}

    summary = office.refresh()

    assert summary["sharepoint"]["unchanged"] == 24
    assert {item.id: item.version for item in office.sharepoint.licenses.items} == versions


@ON_SQLITE
def test_a_list_of_450_items_stays_free_of_duplicates(office: Office) -> None:
    skus = {f"PART_{number:02}": (10, 3) for number in range(50)}
    for number in range(9):
        office.m365.add_tenant(f"Firma {number}", skus=skus)

    for _ in range(3):
        summary = office.refresh()

    assert len(office.rows()) == 450
    assert len({(row["tenant"], row["Lizenzname"]) for row in office.rows()}) == 450
    assert summary["sharepoint"]["unchanged"] == 450


@ON_SQLITE
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("SPB", id="bare-part-number"),
        pytest.param("Business Premium (alt) (SPB)", id="other-name-same-brackets"),
        pytest.param(PREMIUM, id="our-own"),
    ],
)
def test_items_of_the_older_tool_are_adopted(office: Office, name: str) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    old = _older_item(office, name, informed=True)

    office.settle()

    assert [item.id for item in office.sharepoint.licenses.items] == [old]
    assert office.row("Schule Höri")["Gebraucht"] == 10
    assert office.messages == []


@ON_SQLITE
def test_duplicates_of_the_older_tool_are_merged_and_the_one_that_was_told_stays(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    _older_item(office, "SPB")
    told = _older_item(office, PREMIUM, informed=True)
    _older_item(office, PREMIUM)

    summary = office.refresh()
    office.m365.flow.run()

    assert summary["sharepoint"]["merged"] == 2
    assert [item.id for item in office.sharepoint.licenses.items] == [told]
    assert office.messages == []


@ON_SQLITE
def test_rows_of_other_people_are_left_alone(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 1)})
    _older_item(office, "Drucker im Lehrerzimmer")
    _older_item(office, "SPB", tenant="Nicht unser Tenant")
    before = {item.id: item.version for item in office.sharepoint.licenses.items}

    office.refresh()

    after = {item.id: item.version for item in office.sharepoint.licenses.items}
    assert before.items() <= after.items()
    assert len(after) == 3


def _older_item(office: Office, name: str, *, tenant: str = "Schule Höri", informed: bool = False) -> int:
    fields = {"Title": name, office.sharepoint.column("tenant"): tenant, office.sharepoint.column("Gebraucht"): 9}
    item = office.sharepoint.licenses.add({**fields, office.sharepoint.column("technician_informed"): informed})
    return item.id


# Whatever breaks


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("POST .*/\\$batch", "lost_answer"), id="answer-lost"),
        pytest.param(Fault("POST .*/\\$batch", "lost_answer", times=2), id="answer-lost-twice"),
        pytest.param(Fault("POST .*/\\$batch", "reset"), id="connection-reset"),
        pytest.param(Fault("POST .*/\\$batch", "status", status=429, retry_after="0.01"), id="throttled"),
        pytest.param(
            Fault("POST .*/items$", "status", status=503, retry_after="0.01", sub_response=True), id="one-503"
        ),
        pytest.param(Fault("PATCH .*", "status", status=429, retry_after="0.01", sub_response=True), id="one-429"),
        pytest.param(Fault("GET .*/items", "truncate"), id="list-truncated"),
        pytest.param(Fault("GET .*/subscribedSkus", "expired_token"), id="token-expired"),
    ],
)
def test_a_fault_neither_loses_nor_doubles_an_alarm(office: Office, fault: Fault) -> None:
    for name in ("Schule Höri", "Bau AG Chur"):
        office.m365.add_tenant(name, skus={"SPB": (5, 5), "FLOW_FREE": (10_000, 1)})
    office.m365.faults.add(fault)

    for _ in range(3):
        office.settle()

    assert sorted(office.messages) == [f"Bau AG Chur: {PREMIUM}", f"Schule Höri: {PREMIUM}"]
    assert len(office.rows()) == 4


@ON_SQLITE
def test_what_the_flow_changes_between_our_read_and_our_write_is_not_overwritten(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.refresh()
    tenant.set_sku("SPB", consumed=11)
    office.m365.faults.add(Fault("PATCH .*/fields", "slow", sub_response=True, before=office.m365.flow.run))

    office.refresh()
    office.settle()

    assert len(office.messages) == 1
    row = office.row("Schule Höri")
    assert (row["Gebraucht"], row["technician_informed"], row["trigger_inform_supporter"]) == (11, True, False)


def test_a_silent_flow_is_asked_again_after_its_time_and_told_about(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.refresh()
    (item,) = office.sharepoint.licenses.items
    version = item.version

    office.later(minutes=59)
    assert office.refresh()["sharepoint"]["triggers_set"] == 0
    assert office.sharepoint.licenses.by_id[item.id].version == version

    office.later(minutes=2)
    assert office.refresh()["sharepoint"]["triggers_set"] == 1
    assert office.sharepoint.licenses.by_id[item.id].version == version + 1

    office.settle()
    assert len(office.messages) == 1


def test_an_hour_without_sharepoint_loses_no_alarm(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 8)})
    office.settle()
    away = office.m365.faults.add(Fault(".* .*/sites/.*", "status", status=404, times=None))
    tenant.set_sku("SPB", consumed=10)

    summary = office.refresh()
    assert summary["sharepoint"]["problem"]["code"] == "graph.not_found"
    assert summary["shortages"] == 1

    tenant.permissions = set()  # and now the tenant itself cannot be read
    office.m365.expire_tokens()
    away.times = 0
    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"]


def test_a_shortage_that_ended_and_came_back_without_sharepoint_is_told_once_more(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()
    away = office.m365.faults.add(Fault(".* .*/sites/.*", "status", status=404, times=None))
    tenant.set_sku("SPB", enabled=12)
    office.refresh()
    office.later(hours=-5)  # also when the clock is set back
    tenant.set_sku("SPB", consumed=12)
    office.refresh()

    away.times = 0
    for _ in range(3):
        office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"] * 2
    assert office.row("Schule Höri")["technician_informed"] is True


def test_a_shortage_told_after_its_end_does_not_swallow_the_next_one(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.refresh()
    tenant.set_sku("SPB", enabled=12)
    office.m365.faults.add(Fault("PATCH .*/fields", "status", status=403, sub_response=True, times=2))
    office.refresh()  # cannot take the trigger back
    office.m365.flow.run()
    assert len(office.messages) == 1

    tenant.set_sku("SPB", consumed=12)
    for _ in range(3):
        office.settle()

    assert len(office.messages) == 2


def test_what_a_crash_must_not_forget_is_in_the_database_before_the_trigger_is_set(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()
    away = office.m365.faults.add(Fault(".* .*/sites/.*", "status", status=404, times=None))
    for enabled in (12, 10):
        tenant.set_sku("SPB", enabled=enabled)
        office.refresh()
    away.times = 0
    known: list[datetime | None] = []  # at each write: which shortage the alarm is believed to be about
    look = lambda: known.extend(alarm.short_since for alarm in stored_alarms(office.engine).values())  # noqa: E731
    office.m365.faults.add(Fault("PATCH .*/fields", times=None, sub_response=True, before=look))

    office.refresh()

    (present,) = (row["short_since"] for row in stored_licenses(office.engine)[tenant.tenant_id].values())
    first, second = known  # first the old mark is taken back, then the trigger set
    assert None not in (first, second, present)
    assert first != present
    assert second == present


@pytest.mark.parametrize("twin", [False, True], ids=["alone", "with-a-twin"])
def test_an_item_deleted_after_it_was_told_of_comes_back_without_a_second_message(office: Office, twin: bool) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()
    (item,) = office.sharepoint.licenses.items
    office.sharepoint.licenses.delete(item.id)
    if twin:
        _older_item(office, "SPB")
    office.settle()

    assert office.row("Schule Höri")["technician_informed"] is True
    assert len(office.messages) == 1

    for consumed in (9, 10):
        tenant.set_sku("SPB", consumed=consumed)
        office.settle()
    assert len(office.messages) == 2


def test_a_column_that_goes_missing_tells_nobody_again(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()
    (item,) = office.sharepoint.licenses.items
    column = office.sharepoint.licenses.columns["technician_informed"]
    office.sharepoint.licenses.remove_column("technician_informed")
    version = item.version
    tenant.set_sku("SPB", consumed=11)

    summary = office.refresh()

    assert summary["sharepoint"]["problem"]["code"] == "sharepoint.column_missing"
    assert item.version == version, "something was written"

    office.sharepoint.licenses.columns[column.name] = column
    office.sharepoint.licenses.update(item.id, {column.name: True})
    office.settle()
    assert len(office.messages) == 1


def test_an_item_deleted_meanwhile_comes_back_and_is_told_of(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 9)})
    office.settle()
    (item,) = office.sharepoint.licenses.items
    delete = lambda: office.sharepoint.licenses.delete(item.id)  # noqa: E731
    tenant.set_sku("SPB", consumed=10)
    office.m365.faults.add(Fault("PATCH .*/fields", "slow", sub_response=True, before=delete))

    office.settle()

    assert office.row("Schule Höri")["Frei"] == 0
    assert len(office.messages) == 1
