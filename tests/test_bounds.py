"""Foreign values out of all bounds, on both databases: what is wrong with one row or file costs that row or file."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from core import audit
from core.access import sign_in
from core.access.sessions import IDLE, LONGEST, start_session
from core.bounds import bounded_text, clipped, visible
from core.cache import run_rows
from core.cache.account_rows import Account, add_account
from core.cache.attention_queries import broken_profiles
from core.cache.lists_read import ListedTenant, save_tenant_list, tenant_list_rows
from core.cache.open_sessions import open_sessions
from core.cache.product_names import imported_names, save_names
from core.cache.readings import stored_licenses
from core.cache.rule_rows import all_rules
from core.cache.schema import subscriptions
from core.licenses.alarm_rules import Rule
from core.licenses.product_names_csv import parse_product_names
from core.operations.checks import check_all
from core.profiles.certificates import read_certificate
from core.roles import Actor
from core.runtime import Runtime
from core.tenants.tenant_rules import keep
from simulator import Fault, Tenant
from simulator.certificates import rsa_key
from tests.actors import ADMIN, entry
from tests.office import Office
from tests.profile_files import pair_pem
from tests.started_runs import start_run
from ui import snapshots
from ui.tables.license_columns import license_table

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
NASTY = "Ä\x00\x1b[31m\ud800\u202e\ufeff\U0001f600" + "x" * 500


@pytest.fixture
def school(office: Office) -> Tenant:
    """Two products, one of them used up and told; a neighbour that has enough."""
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (10, 4)})
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10), "POWER_BI_PRO": (10, 4)})
    office.settle()
    assert len(office.messages) == 1
    return tenant


def stored(office: Office, tenant: Tenant) -> dict[str, tuple[int, int, bool]]:
    """Part number -> seats, used ones, and whether it is listed."""
    rows = stored_licenses(office.engine)[tenant.tenant_id].values()
    return {row["sku_part_number"]: (row["enabled"], row["consumed"], row["present"]) for row in rows}


def answered(office: Office, tenant: Tenant, *rows: Any, times: int | None = 1) -> None:
    """The next answer of the tenant about its licences."""
    office.m365.faults.add(
        Fault("subscribedSkus", "status", 200, tenant=tenant, body={"value": list(rows)}, times=times)
    )


def sku(tenant: Tenant, part: str, enabled: Any, consumed: Any, **others: Any) -> dict[str, Any]:
    known = {"skuId": tenant.skus[part].sku_id, "skuPartNumber": part, "appliesTo": "User"}
    return {**known, "prepaidUnits": {"enabled": enabled}, "consumedUnits": consumed, **others}


# Licences


@pytest.mark.parametrize("units", [True, "10", 2**31, -5, 10**400, 1e308])
def test_a_row_that_cannot_be_understood_keeps_its_last_row_and_the_others_are_taken(
    office: Office, school: Tenant, units: Any
) -> None:
    answered(office, school, sku(school, "SPB", units, 10), sku(school, "POWER_BI_PRO", 10, 9))

    summary = office.refresh()

    assert stored(office, school) == {"SPB": (10, 10, True), "POWER_BI_PRO": (10, 9, True)}
    assert [(failed["tenant"], failed["code"]) for failed in summary["failed"]] == [
        ("Schule Höri", "graph.rows_unreadable")
    ]
    assert (summary["ok"], summary["shortages"]) == (1, 1)
    office.settle()
    assert len(office.messages) == 1


def test_while_a_row_does_not_name_its_sku_none_is_gone(office: Office, school: Tenant) -> None:
    answered(office, school, {"skuPartNumber": "SPB"}, sku(school, "POWER_BI_PRO", 10, 9))

    office.refresh()

    assert stored(office, school) == {"SPB": (10, 10, True), "POWER_BI_PRO": (10, 9, True)}


def test_a_tenant_with_such_a_row_is_told_everywhere_and_well_again_afterwards(office: Office, school: Tenant) -> None:
    answered(office, school, sku(school, "SPB", "x", 10), sku(school, "POWER_BI_PRO", 10, 4), times=2)
    office.refresh()

    snapshot = snapshots.newest(Runtime(office.settings, office.engine))
    row = snapshot.tenants[snapshot.tenants["tenant"] == "Schule Höri"].iloc[0]
    assert json.loads(row["problem"])["code"] == "graph.rows_unreadable"
    found = [(finding.subject, finding.level, finding.problem.code) for finding in check_all(office.services)
             if finding.problem and finding.problem.code.startswith("graph")]  # fmt: skip
    assert found == [("Schule Höri", "error", "graph.rows_unreadable")]

    office.refresh()

    snapshot = snapshots.newest(Runtime(office.settings, office.engine))
    assert snapshot.tenants["problem"].isna().all()


def test_texts_of_microsoft_fit_their_columns(office: Office, school: Tenant) -> None:
    texts = {"skuPartNumber": NASTY, "capabilityStatus": NASTY, "appliesTo": "User"}
    answered(office, school, {**sku(school, "SPB", 10, 4), **texts})

    assert office.refresh()["failed"] == []

    assert stored(office, school)[bounded_text(NASTY, 255)] == (10, 4, True)


# Dates


@pytest.mark.parametrize("year", [1, 9999])
def test_a_date_that_nobody_means_leaves_every_page_standing(office: Office, school: Tenant, year: int) -> None:
    moment = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    school.add_subscription("SPB", moment)
    office.later(days=2)

    office.refresh()

    snapshot = snapshots.newest(Runtime(office.settings, office.engine))
    assert license_table(snapshot, "de", "Asia/Tokyo").num_rows == 3
    assert snapshot.licenses["renews_at"].isna().any()


def test_a_date_that_an_older_version_has_stored_comes_out_as_none(office: Office, school: Tenant) -> None:
    never = {"created_at": None, "next_lifecycle_at": datetime(9999, 12, 31, tzinfo=UTC)}
    row = {"tenant_id": school.tenant_id, "subscription_id": "old", "sku_id": "x", "sku_part_number": "X"}
    with office.engine.begin() as connection:
        connection.execute(insert(subscriptions), {**row, **never, "status": "", "total": 1, "is_trial": False})
        found = select(subscriptions.c.next_lifecycle_at).where(subscriptions.c.subscription_id == "old")
        assert connection.execute(found).scalar() is None


def test_a_certificate_without_an_end_ends_as_late_as_a_calendar_reaches(tmp_path: Path) -> None:
    file = tmp_path / "never.pem"
    days = (datetime(9999, 12, 31, tzinfo=UTC) - NOW).days
    file.write_bytes(pair_pem(rsa_key(1), days=days))

    assert read_certificate(file).expires.year == 2199


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_clipped_is_a_time_in_every_zone(moment: datetime) -> None:
    assert 1990 <= clipped(moment).year <= 2199


# Profiles


@pytest.mark.parametrize(
    ("name", "code"),
    [("ä" * 256, "profile.too_long"), ("\U0001f600" * 128, "profile.too_long"),
     ("Schule\x00Höri", "profile.control_sign"), ("Schule\ud800", "profile.control_sign")],
    ids=["256-letters", "128-emoji", "nul", "half-a-surrogate-pair"],
)  # fmt: skip
def test_a_name_that_fits_no_list_is_a_fault_of_its_file(office: Office, school: Tenant, name: str, code: str) -> None:
    profile = json.loads(school.profile_path.read_text())
    school.profile_path.write_text(json.dumps({**profile, "tenant_name": name}))

    summary = office.refresh()

    assert summary["ok"] == 1
    assert [failed["code"] for failed in summary["failed"]] == [code]
    assert [problem.code for problem in broken_profiles(office.engine)[school.profile_path.name]] == [code]
    assert ("error", code) in [(f.level, f.problem.code) for f in check_all(office.services) if f.problem]


@pytest.mark.parametrize(
    ("slug", "code"),
    [(b"a" * 150, "profile.name_too_long"), (b"h\xf6ri", "profile.name_unreadable"),
     (b"a\nb", "profile.name_spelling"), (b"\xff" * 200, "profile.name_unreadable")],
    ids=["long", "latin-1", "two-lines", "long-and-no-utf-8"],
)  # fmt: skip
def test_a_file_name_that_fits_no_database_is_a_fault_of_its_file(
    office: Office, school: Tenant, slug: bytes, code: str
) -> None:
    other = os.fsencode(school.profile_path.parent) + b"/config-" + slug + b"-profile.json"
    os.rename(school.profile_path, other)

    summary = office.refresh()

    assert summary["ok"] == 1
    ((_file, problems),) = broken_profiles(office.engine).items()
    assert code in [problem.code for problem in problems]
    for finding in check_all(office.services):
        f"{finding.subject} {finding.problem.text('de') if finding.problem else ''}".encode()


# Lists


def test_an_item_whose_id_is_no_number_is_told_and_nothing_breaks(office: Office, school: Tenant) -> None:
    office.sharepoint.licenses.expire_delta_tokens()
    body = {"value": [{"id": "abc", "fields": {}}], "@odata.deltaLink": "x"}
    office.m365.faults.add(Fault("items", "status", 200, body=body, times=None))

    summary = office.refresh()

    assert summary["ok"] == 2
    assert summary["sharepoint"]["problem"]["code"] == "graph.unreadable"


# Whoever else writes


def test_every_writer_takes_any_text(database: Engine) -> None:
    add_account(database, Account("anna", "", "admin", False, NOW, NOW, display_name=NASTY), entry())
    start_session(database, "anna", NOW, address=NASTY, user_agent=NASTY, entry=entry())
    run_id = start_run(database, "page", NASTY, [NASTY], NOW)
    run_rows.finish_run(database, run_id, "done", {"failed": [{"tenant": NASTY}]}, 1.0, NOW)
    save_tenant_list(database, [ListedTenant("1", NASTY, True, True)], {}, NOW)
    keep(database, Rule("", "", "Grund \x00\ud800", NASTY, NOW, threshold=1), ADMIN)
    actor = Actor(NASTY, "admin", "page", NASTY, NASTY)
    audit.record(database, actor, "test", NASTY, before={"a": NASTY}, after=[NASTY], reason=NASTY, at=NOW)

    (session,) = open_sessions(database, created_after=NOW - LONGEST, seen_after=NOW - IDLE, until=NOW)
    found = run_rows.run(database, run_id)
    (listed,), (rule,) = tenant_list_rows(database), all_rules(database)
    shown = bounded_text(NASTY, 1000)
    assert session.user_agent == shown[:200]
    assert found is not None
    assert found.requested_by == shown[:100]
    assert (listed.title, rule.author, rule.reason) == (shown[:255], shown[:100], "Grund ")
    assert audit.verify(database, ADMIN).broken_at is None
    assert audit.find(database, ADMIN, audit.Search(words="\x00"), limit=5)[1] >= 0


def test_a_name_with_nul_is_nobodys(database: Engine) -> None:
    refused = sign_in.sign_in(database, "admin\x00" + "x" * 300, "secret", now=NOW, user_agent=NASTY)

    assert isinstance(refused, sign_in.SignInRefused)


def test_product_names_fit_their_columns(database: Engine) -> None:
    guid = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
    raw = f"Product_Display_Name,String_Id,GUID\nNa\x00me {'x' * 300},SPB{'y' * 300},{guid}\n".encode()

    names, _ = parse_product_names(raw)
    save_names(database, names)

    (name,) = imported_names(database)
    assert (len(name.display_name), len(name.sku_part_number)) == (255, 255)
    assert "\x00" not in name.display_name
    assert names == [name]


TEXTS = st.text(
    st.characters() | st.sampled_from("\x00\ud800\udfff\u202e\u2066\u200f\ufeff\u00a0\x85\u2028é\U0001f468")
)


@given(TEXTS, st.integers(0, 300))
def test_a_bounded_text_fits_and_stays_as_it_is_when_bounded_again(text: str, length: int) -> None:
    found = bounded_text(text, length)

    found.encode()
    assert len(found) <= length
    assert not any(sign < " " or sign in "\x7f\x85\u202e\u2066\u200f" for sign in found)
    assert bounded_text(found, length) == found


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn", "Co"])))
def test_a_decent_text_is_left_alone(text: str) -> None:
    assert bounded_text(text, 1000) == text == visible(text)
