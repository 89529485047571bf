"""A tenant leaves: hidden at once, undone while there is time, then removed everywhere, with a proof in the audit."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import JSON, Connection, Engine, Table, insert, select

from core import audit
from core.attention.conditions import leaving_conditions
from core.attention.facts import known_facts
from core.audit import Search
from core.cache.catalogue import load_catalogue
from core.cache.leaving_rows import all_leavings, leaving_of
from core.cache.mentions import TenantKeys
from core.cache.onboarding_rows import unseen_summaries
from core.cache.readings import stored_licenses
from core.cache.schema import DayNumber, metadata, onboardings, rules
from core.cache.tenant_data import ByColumn, ByName, Finder, Through, count_rows, find_keys
from core.cache.tenant_rows import tenant_rows
from core.leaving import removal
from core.leaving.leave import LEAVING_DAYS, LeavingRefused, start_leaving, undo
from core.leaving.removal import finish_due
from core.leaving.tenant_export import ExportFailed, write_export
from core.leaving.tenant_files import export_folder
from core.onboarding.request import Request
from core.onboarding.start import OnboardingRefused, start
from core.problems import Problem
from core.profiles.certificate_uses import find_use
from core.refresh.lock import RefreshLock
from core.roles import NotAllowed
from core.rotation.job import RotationRefused
from core.rotation.rotating import rotate
from core.tenants.data import TENANT_TABLES
from simulator.faults import Fault
from simulator.tenants import Tenant
from tests.actors import ADMIN, SUPPORT
from tests.office import Office, open_office
from web.metrics_page import moving_tenants

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SKUS = {"SPB": (10, 10), "VISIOCLIENT": (4, 1)}
NAME, OTHER, OTHER_SLUG = "Schule Höri", "Schule Höri Nord", "schule-hoeri-nord"


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Two tenants, of which one has the name of the other in its own; both have been read and told."""
    with open_office(tmp_path, LIZENZTOOL_DATABASE_URL=database_url) as opened:
        for name in (NAME, OTHER):
            opened.m365.add_tenant(name, SKUS)
        opened.settle()
        yield opened


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Office]:
    """One tenant that has been read, in SQLite."""
    with open_office(tmp_path) as opened:
        opened.m365.add_tenant(NAME, SKUS)
        opened.settle()
        yield opened


def the(office: Office, name: str = NAME) -> Tenant:
    return office.m365.find_tenant(name)


def leave(office: Office) -> None:
    start_leaving(office.services, the(office).slug, "schule  höri", ADMIN)


def after_the_days(office: Office) -> list[Problem | None]:
    """Let the time pass and look; return what the removal waits for."""
    office.later(days=LEAVING_DAYS, seconds=1)
    return [one.problem for one in finish_due(office.services)]


def rows_with(engine: Engine, *words: str) -> list[str]:
    """ "table.column: value" of all values of the database that have one of the words in them, but the audit."""
    found = []
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.name != "audit":
                for row in connection.execute(select(table)).mappings():
                    for name, value in row.items():
                        text = json.dumps(value, ensure_ascii=False, default=str)
                        if any(word in text.replace(OTHER, "").replace(OTHER_SLUG, "") for word in words):
                            found.append(f"{table.name}.{name}: {text}")
    return found


def files_with(folder: Path, *words: str) -> list[str]:
    """Files whose name or content has one of the words, but logs and the database itself."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("x.db") and "lizenztool.db" not in path.name
        and any(word in path.name or word.encode() in path.read_bytes() for word in words)
    ]  # fmt: skip


def hold_something_everywhere(office: Office) -> None:
    """Fill what the refreshes have left empty: each table of core/tenants/data.py, also one that is still to come."""
    office.m365.faults.add(Fault("subscribedSkus", "status", status=403, tenant=the(office)))
    office.refresh(tenants=[NAME])
    office.refresh()
    keys = find_keys(office.engine, NAME)
    assert keys is not None
    with office.engine.begin() as connection:
        for line in TENANT_TABLES:
            table = metadata.tables[line.name]
            to_go = line.at_leaving != "kept" and line.name != "leavings"
            if to_go and not count_rows(connection, line.name, line.finder, keys):
                connection.execute(insert(table).values(made_up(connection, table, line.finder, keys)))
                assert count_rows(connection, line.name, line.finder, keys) == 1, line.name


def made_up(connection: Connection, table: Table, finder: Finder, keys: TenantKeys) -> dict[str, Any]:
    """A row that the finder finds."""
    row = {column.name: a_value(connection, column) for column in table.columns}
    if isinstance(finder, ByColumn):
        row[finder.column] = keys.tenant_id if finder.key == "tenant_id" else keys.slug
    elif isinstance(finder, Through):
        parent = metadata.tables[finder.parent]
        of_tenant = select(parent.c[finder.column]).where(parent.c.tenant_id == keys.tenant_id)
        row[finder.column] = connection.execute(of_tenant.limit(1)).scalar_one()
    elif isinstance(finder, ByName):
        row[finder.column] = {finder.fields[0]: keys.name} if finder.fields else keys.name
    else:
        row[finder.columns[0]] = [keys.name] if isinstance(table.c[finder.columns[0]].type, JSON) else keys.name
    return row


def a_value(connection: Connection, column: Any) -> Any:
    """Return a value for any column: of what it refers to, or by its type."""
    for foreign in column.foreign_keys:
        referred = foreign.column.table
        found = connection.execute(select(foreign.column).limit(1)).scalar()
        if found is None:
            found = a_value(connection, foreign.column)
            values = {one.name: a_value(connection, one) for one in referred.columns}
            connection.execute(insert(referred).values(values | {foreign.column.name: found}))
        return found
    by_type = {bool: False, int: 1, float: 1.0, date: NOW.date(), datetime: NOW, str: "x"}
    if isinstance(column.type, DayNumber):
        return NOW.date()
    return by_type.get(getattr(column.type, "impl", column.type).python_type, [])


def test_after_the_days_nothing_holds_the_tenant_and_the_audit_proves_it(office: Office) -> None:
    hold_something_everywhere(office)
    tenant = the(office)
    words = (tenant.tenant_id, tenant.slug, NAME)
    others = office.rows(OTHER)
    folders = (office.settings.data_dir, office.settings.profiles_dir.resolve().parent)
    leave(office)
    digest = all_leavings(office.engine)[0].export_sha256

    assert after_the_days(office) == []

    assert rows_with(office.engine, *words) == []
    assert [found for folder in folders for found in files_with(folder, tenant.tenant_id, f"{tenant.slug}.")] == []
    assert (office.rows(NAME), office.rows(OTHER)) == ([], others)
    assert [item.fields["Title"] for item in office.sharepoint.tenants.items] == [OTHER]
    (proof,), _ = audit.find(office.engine, ADMIN, Search(actions=["tenant.removed"]), limit=9)
    after = json.loads(proof.after)
    assert (proof.target, after["tenant_id"], after["export_sha256"]) == (NAME, tenant.tenant_id, digest)
    assert after["rows"] | {"licenses": 2, "tenants": 1, "license_numbers": 2, "policies": 1} == after["rows"]
    assert after["removed"] == {"keys": 1, "profiles": 1, "exports": 1, "items": 2, "rows": 1}
    assert audit.verify(office.engine, ADMIN).broken_at is None


def test_a_tenant_that_leaves_is_neither_read_nor_told_nor_shown(small: Office) -> None:
    leave(small)
    the(small).set_sku("VISIOCLIENT", enabled=1, consumed=2)
    told, before = list(small.messages), small.rows()
    small.m365.reset_requests()

    summary = small.settle()

    assert (summary["tenants"], tenant_rows(small.engine)) == (0, {})
    assert small.m365.count("GET", "subscribedSkus") == 0
    assert (small.messages, small.rows()) == (told, before)
    assert list(stored_licenses(small.engine)) == [the(small).tenant_id]  # its data stays


def test_undone_it_is_as_it_was(small: Office) -> None:
    before = stored_licenses(small.engine)
    leave(small)
    small.later(days=LEAVING_DAYS, seconds=-60)
    assert finish_due(small.services) == []

    undo(small.services, the(small).slug, ADMIN)

    assert stored_licenses(small.engine) == before
    assert [row.name for row in tenant_rows(small.engine).values()] == [NAME]
    assert list(export_folder(small.settings).iterdir()) == []
    small.refresh()
    assert len(small.rows(NAME)) == 2
    assert len(small.messages) == 1  # told once, before it left


def test_what_is_due_cannot_be_undone(small: Office) -> None:
    leave(small)
    small.later(days=LEAVING_DAYS)

    with pytest.raises(LeavingRefused, match="can no longer be undone"):
        undo(small.services, the(small).slug, ADMIN)

    assert [one.state for one in all_leavings(small.engine)] == ["leaving"]  # nobody has looked yet


def test_undo_and_removal_at_the_same_moment_never_both_happen(office: Office) -> None:
    """Several times around the moment: either the tenant stays whole, or it is gone whole."""
    for seconds in (-0.02, -0.005, 0.0):
        if leaving_of(office.engine, the(office).tenant_id) is None and find_keys(office.engine, NAME):
            leave(office)
        office.later(days=LEAVING_DAYS, seconds=seconds)
        ends: list[str] = []

        def stay(ends: list[str] = ends) -> None:
            try:
                undo(office.services, the(office).slug, ADMIN)
                ends.append("stays")
            except LeavingRefused:
                ends.append("refused")

        threads = [threading.Thread(target=stay), threading.Thread(target=lambda: finish_due(office.services))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        finish_due(office.services)

        assert (find_keys(office.engine, NAME) is not None) == (ends == ["stays"])
        assert the(office).profile_path.exists() == (ends == ["stays"])
        if ends != ["stays"]:
            return


STEPS = ("remove_files", "remove_from_lists", "save_progress", "finish_leaving")


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_it_goes_on_and_never_comes_back(
    small: Office, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(small)
    whole = getattr(removal, step)

    def dies(*arguments: Any) -> Any:
        if when == "after":
            whole(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(removal, step, dies)
        with pytest.raises(Killed):
            after_the_days(small)
    summary = small.refresh()  # the profile may be there still

    assert (summary["tenants"], tenant_rows(small.engine)) == (0, {})
    assert finish_due(small.services) == []
    assert rows_with(small.engine, the(small).tenant_id, NAME) == []
    assert small.rows() == []
    assert len(audit.find(small.engine, ADMIN, Search(actions=["tenant.removed"]), limit=9)[0]) == 1


def test_added_anew_it_starts_clean(small: Office) -> None:
    profile, certificate = the(small).profile_path, small.m365.folder / the(small).profile()["cert_path"]
    kept = {path: path.read_bytes() for path in (profile, certificate)}
    leave(small)
    assert after_the_days(small) == []
    went = small.now()
    for path, content in kept.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    small.refresh()

    (row,) = tenant_rows(small.engine).values()
    assert (row.name, row.former_names, row.listed) == (NAME, [], False)
    (licenses,) = stored_licenses(small.engine).values()
    assert {one["first_seen_at"] >= went for one in licenses.values()} == {True}
    with small.engine.begin() as connection:
        assert len(connection.execute(select(metadata.tables["history"])).all()) == 2


def test_while_a_refresh_runs_nothing_is_removed(small: Office) -> None:
    leave(small)
    lock = RefreshLock(small.settings.data_dir, small.engine)
    assert lock.take()
    try:
        assert after_the_days(small) == []
        assert the(small).profile_path.exists()
    finally:
        lock.release()

    assert finish_due(small.services) == []
    assert all_leavings(small.engine) == []


def test_it_waits_for_sharepoint_and_goes_on_an_hour_later(small: Office) -> None:
    leave(small)
    small.m365.faults.add(Fault("DELETE", "status", status=403, times=None, sub_response=True))

    assert [one and one.code for one in after_the_days(small)] == ["leaving.items_left"]
    assert not the(small).profile_path.exists()  # the key does not wait
    assert finish_due(small.services) == []  # not again at once
    assert [one.problem and one.problem.code for one in all_leavings(small.engine)] == ["leaving.items_left"]
    facts = known_facts(small.engine, small.settings, load_catalogue(small.engine)[0], small.now())
    (condition,) = leaving_conditions(facts)
    (moving,) = moving_tenants(small.engine).samples[2:]
    assert (moving.labels, moving.value) == ({"state": "stuck"}, 1)
    assert condition.cause is not None
    assert (condition.problem.code, condition.cause.code) == ("leaving.stuck", "leaving.items_left")
    small.m365.faults.clear()
    small.later(hours=1)

    assert finish_due(small.services) == []
    assert (all_leavings(small.engine), small.rows()) == ([], [])


def test_a_profile_that_cannot_be_deleted_is_told_and_does_not_come_back(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(small)
    unlink = Path.unlink

    def refuse(path: Path, **options: Any) -> None:
        if path.name.endswith("-profile.json"):
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        (problem,) = after_the_days(small)
    assert problem is not None
    assert (problem.code, problem.params["place"]) == ("leaving.file_stays", str(the(small).profile_path))
    assert small.refresh()["tenants"] == 0
    small.later(hours=1)

    assert finish_due(small.services) == []
    assert not the(small).profile_path.exists()


def test_what_somebody_else_has_deleted_already_is_no_problem(small: Office) -> None:
    the(small).profile_path.unlink()
    for item in list(small.sharepoint.licenses.items):
        small.sharepoint.licenses.delete(item.id)
    leave(small)

    assert after_the_days(small) == []
    assert (all_leavings(small.engine), rows_with(small.engine, NAME)) == ([], [])


def test_another_tenant_that_takes_its_name_and_file_keeps_them(small: Office) -> None:
    leave(small)
    mine = the(small)
    other = small.m365.add_tenant("Andere", SKUS, listed=False)
    taken = json.loads(other.profile_path.read_text("utf-8")) | {"tenant_name": NAME}
    other.profile_path.unlink()
    mine.profile_path.write_text(json.dumps(taken), "utf-8")
    small.refresh()
    assert [row.tenant_id for row in tenant_rows(small.engine).values()] == [other.tenant_id]

    assert after_the_days(small) == []

    small.refresh()
    assert [(row.tenant_id, row.name) for row in tenant_rows(small.engine).values()] == [(other.tenant_id, NAME)]
    assert mine.profile_path.exists()
    assert len(small.rows(NAME)) == 2  # those are the other one's now
    assert rows_with(small.engine, mine.tenant_id) == []


def test_a_key_that_another_tenant_uses_stays(small: Office) -> None:
    """Two profiles name one file; the folder of the one that leaves holds both the shared key and an own one."""
    mine, other = the(small), small.m365.add_tenant("Andere", SKUS, listed=False)
    shared = small.m365.folder / mine.profile()["cert_path"]
    (shared.parent / "alt.pem").write_text("an older key", "utf-8")
    fields = json.loads(other.profile_path.read_text("utf-8"))
    other.profile_path.write_text(json.dumps(fields | {"cert_path": mine.profile()["cert_path"]}), "utf-8")
    leave(small)

    assert after_the_days(small) == []

    assert [path.name for path in shared.parent.iterdir()] == [shared.name]


@pytest.mark.parametrize(
    ("wanted", "name", "code"),
    [
        ("schule-hoeri", "Schule Hori", "leaving.wrong_name"),
        ("schule-hoeri", "", "leaving.wrong_name"),
        ("schule-hoeri", "schule-hoeri", "leaving.wrong_name"),
        ("niemand", NAME, "command.tenant_unknown"),
    ],
)
def test_a_wrong_name_changes_nothing(small: Office, wanted: str, name: str, code: str) -> None:
    with pytest.raises(LeavingRefused) as refused:
        start_leaving(small.services, wanted, name, ADMIN)

    assert refused.value.problem.code == code
    assert (all_leavings(small.engine), export_folder(small.settings).exists()) == ([], False)


def test_leaving_twice_is_told(small: Office) -> None:
    leave(small)

    with pytest.raises(LeavingRefused, match="leaving already"):
        leave(small)

    assert len(list(export_folder(small.settings).iterdir())) == 1


def test_a_full_disk_leaves_everything_as_it_is(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ZipFile, "writestr", full)
        with pytest.raises(ExportFailed, match="No space left"):
            leave(small)

    assert (list(export_folder(small.settings).iterdir()), all_leavings(small.engine)) == ([], [])
    assert small.refresh()["tenants"] == 1


def test_only_admins(small: Office) -> None:
    for call in (
        lambda: start_leaving(small.services, NAME, NAME, SUPPORT),
        lambda: undo(small.services, "x", SUPPORT),
    ):
        with pytest.raises(NotAllowed):
            call()


def test_the_export_has_every_table_with_digests_and_without_formulas(small: Office, tmp_path: Path) -> None:
    the(small).set_sku("SPB", enabled=3)
    with small.engine.begin() as connection:
        rule = {"sku_id": "", "reason": '=HYPERLINK("x")', "author": "x", "created_at": small.now()}
        connection.execute(insert(rules).values(tenant_id=the(small).tenant_id, **rule))
    keys = find_keys(small.engine, NAME)
    assert keys is not None

    written = write_export(small.engine, keys, tmp_path / "x.zip", small.now())

    assert written.sha256 == hashlib.sha256((tmp_path / "x.zip").read_bytes()).hexdigest()
    assert (tmp_path / "x.zip").stat().st_mode & 0o077 == 0
    with ZipFile(tmp_path / "x.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        for one in manifest["files"]:
            assert hashlib.sha256(archive.read(one["file"])).hexdigest() == one["sha256"]
        assert {one["file"] for one in manifest["files"]} == {
            f"{line.name}.{ending}" for line in TENANT_TABLES if line.exported for ending in ("csv", "json")
        }
        (rule_row,) = csv.DictReader(io.StringIO(archive.read("policies.csv").decode("utf-8-sig")), delimiter=";")
        assert rule_row["reason"] == '\'=HYPERLINK("x")'
        assert json.loads(archive.read("policies.json"))[0]["reason"] == '=HYPERLINK("x")'
        assert len(json.loads(archive.read("licenses.json"))) == 2
        assert "consent_hash" not in archive.read("onboardings.csv").decode()


# A tenant that leaves, for what else goes on


def test_a_certificate_of_a_tenant_that_leaves_is_not_renewed(small: Office) -> None:
    use = find_use(small.services.profiles, "tenant", the(small).slug)
    assert use is not None
    rotate(small.services, use, ADMIN, "prepare")
    files = sorted(use.certificate.path.parent.iterdir())  # type: ignore[union-attr]
    leave(small)

    with pytest.raises(RotationRefused, match="tenant undo schule-hoeri"):
        rotate(small.services, use, ADMIN, "prove")

    assert sorted(use.certificate.path.parent.iterdir()) == files  # type: ignore[union-attr]
    undo(small.services, the(small).slug, ADMIN)
    assert rotate(small.services, use, ADMIN, "prepare").is_open


def test_who_adds_a_tenant_that_leaves_is_told_how_it_stays(small: Office) -> None:
    leave(small)

    for name in (NAME, "Ein anderer Name"):
        with pytest.raises(OnboardingRefused) as refused:
            start(small.services, Request(name, the(small).tenant_id), ADMIN)
        assert [one.code for one in refused.value.faults] == ["onboarding.known_leaving"]
        assert refused.value.problem.params["slug"] == "schule-hoeri"


def test_the_application_of_a_tenant_that_leaves_is_still_its_own(small: Office) -> None:
    leave(small)

    with pytest.raises(OnboardingRefused) as refused:
        start(small.services, Request("Bau AG", "f4660fb5-4bca-5f1d-a1b4-b5f657580cbc", the(small).client_id), ADMIN)

    assert "onboarding.client_of_another" in [one.code for one in refused.value.faults]


def test_the_first_reading_of_a_tenant_that_leaves_needs_nobody(small: Office) -> None:
    engine, tenant = small.engine, the(small)
    with engine.begin() as connection:
        connection.execute(insert(onboardings).values(
            onboarding_id="1", tenant_id=tenant.tenant_id, name=NAME, slug=tenant.slug, app="own", client_id="",
            cert_path="", made=[], level="", contact="", state="done", created_by="x", created_at=NOW, acted_at=NOW,
            summary={"shortages": [{"product": "Business Premium"}]},
        ))  # fmt: skip
    assert [one.name for one in unseen_summaries(engine)] == [NAME]

    leave(small)

    assert unseen_summaries(engine) == []
