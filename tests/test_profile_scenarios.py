"""Profiles as operators write them, from the file to the message of the flow: `sync` and `check` as a whole."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from simulator import Microsoft365
from simulator.site import SharePoint
from simulator.tenants import Tenant
from tests.loggers import restored_loggers

Capture = pytest.CaptureFixture[str]
NAME = "Schule Höri"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run works below tmp_path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(tmp_path / "logs"))


@pytest.fixture
def m365(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Microsoft365]:
    """A cloud with two schools, each with a shortage, and the settings pointing at it."""
    with Microsoft365(tmp_path / "m365") as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        running.add_tenant(NAME, skus={"SPB": (10, 10)})
        running.add_tenant("Bau AG Chur", skus={"SPE_E3": (5, 5)})
        yield running


@pytest.fixture
def sp(m365: Microsoft365) -> SharePoint:
    """The site with the lists."""
    return m365.add_sharepoint(parameters={"sendermail": "a@x.example", "recipientmail": "b@x.example",
                                           "communication": "Teams"})  # fmt: skip


@pytest.fixture
def school(m365: Microsoft365) -> Tenant:
    """Schule Höri."""
    return m365.find_tenant(NAME)


def run(capsys: Capture, *arguments: str) -> tuple[int, Any]:
    """(exit code, what --json prints) of a command in this process."""
    capsys.readouterr()
    with restored_loggers():
        code = main([*arguments, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def told(capsys: Capture) -> tuple[int, list[tuple[str, str, str]]]:
    """(exit code, (level, subject, code) of every finding about a profile) of `check`."""
    code, findings = run(capsys, "check")
    found = [(entry["level"], entry["subject"], entry["code"]) for entry in findings]
    return code, [entry for entry in found if entry[2].startswith("profile.")]


def rewrite(path: Path, **changes: Any) -> dict[str, Any]:
    """Change fields of a profile; ... takes one away."""
    content = {**json.loads(path.read_text("utf-8")), **changes}
    content = {name: value for name, value in content.items() if value is not ...}
    path.write_text(json.dumps(content), encoding="utf-8")
    return content


# Control, not condition


def test_profiles_without_expires_and_thumbprint_are_read_and_their_shortage_is_told(
    capsys: Capture, m365: Microsoft365, sp: SharePoint, school: Tenant
) -> None:
    for path in (school.profile_path, sp.profile_path):
        rewrite(path, expires=..., thumbprint=...)

    code, summary = run(capsys, "sync")
    m365.flow.run()

    assert (code, summary["tenants"], summary["ok"], summary["failed"]) == (0, 2, 2, [])
    assert sorted(message.tenant for message in m365.flow.messages) == ["Bau AG Chur", NAME]
    assert told(capsys) == (
        0,
        [
            ("warning", school.profile_path.name, "profile.control_missing"),
            ("warning", school.profile_path.name, "profile.control_missing"),
            ("warning", f"sharepoint/{sp.profile_path.name}", "profile.control_missing"),
            ("warning", f"sharepoint/{sp.profile_path.name}", "profile.control_missing"),
        ],
    )


def test_the_usual_columns_stand_in_for_a_mapping_that_is_missing(
    capsys: Capture, m365: Microsoft365, sp: SharePoint
) -> None:
    infos = json.loads(sp.profile_path.read_text("utf-8"))["sharepoint_infos"]
    del infos["field_mapping"], infos["tenant_field"]
    rewrite(sp.profile_path, sharepoint_infos=infos)

    code, summary = run(capsys, "sync")

    assert (code, summary["sharepoint"]["created"], summary["sharepoint"]["triggers_set"]) == (0, 2, 2)


# What counts as a tenant


@pytest.mark.parametrize("scope", [[], ["--tenant", NAME]])
def test_a_broken_sharepoint_profile_is_no_tenant_and_is_told(
    capsys: Capture, sp: SharePoint, scope: list[str]
) -> None:
    rewrite(sp.profile_path, client_id="x", note="y")

    code, summary = run(capsys, "sync", *scope)

    assert (code, summary["tenants"], summary["failed"]) == (1, 1 if scope else 2, [])
    assert summary["sharepoint"]["problem"]["code"] == "profile.guid_invalid"


def test_a_broken_sign_in_profile_is_no_tenant(capsys: Capture, m365: Microsoft365, sp: SharePoint) -> None:
    (m365.profiles_dir / "auth").mkdir()
    (m365.profiles_dir / "auth" / "anmeldung.json").write_text("{", encoding="utf-8")

    code, summary = run(capsys, "sync")

    assert (code, summary["tenants"], summary["failed"]) == (0, 2, [])


def test_a_good_sharepoint_profile_works_behind_a_broken_one_which_is_told(
    capsys: Capture, m365: Microsoft365, sp: SharePoint
) -> None:
    (sp.profile_path.parent / "sp-config-aaa-profile.json").write_text("{", encoding="utf-8")

    code, summary = run(capsys, "sync")

    assert (code, summary["tenants"], summary["sharepoint"]["created"]) == (1, 2, 2)
    assert summary["sharepoint"]["problem"]["code"] == "profile.json_broken"
    assert told(capsys)[0] == 1


@pytest.mark.parametrize("scope", [[], ["--tenant", NAME], ["--tenant", "schule-hoeri"]])
def test_a_broken_tenant_is_told_by_its_name_with_what_stops_it(
    capsys: Capture, sp: SharePoint, school: Tenant, scope: list[str]
) -> None:
    run(capsys, "sync")
    rewrite(school.profile_path, client_id="x", note="told first, stops nothing")

    code, summary = run(capsys, "sync", *scope)

    assert [(entry["tenant"], entry["code"]) for entry in summary["failed"]] == [(NAME, "profile.guid_invalid")]
    assert (code, summary["tenants"]) == (1, 1 if scope else 2)


def test_a_scope_without_the_broken_tenant_does_not_tell_it(capsys: Capture, sp: SharePoint, school: Tenant) -> None:
    school.profile_path.write_text("{", encoding="utf-8")

    code, summary = run(capsys, "sync", "--tenant", "bau-ag-chur")

    assert (code, summary["tenants"], summary["failed"]) == (0, 1, [])


def test_a_profile_whose_name_was_spoiled_fails_as_its_tenant(capsys: Capture, sp: SharePoint, school: Tenant) -> None:
    school.profile_path.rename(f"{school.profile_path}.txt")

    code, summary = run(capsys, "sync")

    assert (code, summary["tenants"], summary["ok"]) == (1, 2, 1)
    assert [(entry["tenant"], entry["code"]) for entry in summary["failed"]] == [
        ("schule-hoeri", "profile.name_ending")
    ]


# A folder that is away


def test_a_folder_that_is_away_takes_nothing_from_what_is_known(
    capsys: Capture, m365: Microsoft365, sp: SharePoint
) -> None:
    run(capsys, "sync")
    away = m365.profiles_dir.rename(m365.profiles_dir.with_name("away"))

    assert main(["sync"]) == 2
    assert str(m365.profiles_dir) in capsys.readouterr().err
    assert ("error", "profiles", "profile.no_folder") in told(capsys)[1]

    shutil.move(away, m365.profiles_dir)
    code, summary = run(capsys, "sync")
    assert (code, summary["ok"], summary["changed"]["rows"]) == (0, 2, 0)


# Spelling


@pytest.mark.parametrize(
    "named",
    [
        pytest.param(unicodedata.normalize("NFD", NAME), id="decomposed"),
        pytest.param("schule\u00a0HÖRI\u200b", id="blanks-and-hidden-signs"),
        pytest.param("Schule-Hoeri", id="short-name-in-capitals"),
    ],
)
def test_a_tenant_is_found_however_its_name_is_typed(capsys: Capture, sp: SharePoint, named: str) -> None:
    code, summary = run(capsys, "sync", "--tenant", named)

    assert (code, summary["tenants"], summary["ok"]) == (0, 1, 1)


def test_a_tenant_is_found_by_its_id_in_braces(capsys: Capture, sp: SharePoint, school: Tenant) -> None:
    code, summary = run(capsys, "sync", "--tenant", "{" + school.tenant_id.upper() + "}")

    assert (code, summary["ok"]) == (0, 1)


def test_a_name_is_written_composed_and_without_hidden_signs(capsys: Capture, sp: SharePoint, school: Tenant) -> None:
    rewrite(school.profile_path, tenant_name="\u200e" + unicodedata.normalize("NFD", NAME) + "\u00a0")

    code, summary = run(capsys, "sync")

    column = sp.column("tenant")
    assert (code, summary["ok"]) == (0, 2)
    assert NAME in {item.fields[column] for item in sp.licenses.items}
