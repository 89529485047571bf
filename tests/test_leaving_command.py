"""`tenant remove`, `undo`, `export` and `list`, and `privacy show`: what they print and do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from sqlalchemy import update

from core.__main__ import main
from core.cache.leaving_rows import all_leavings
from core.cache.onboarding_rows import add_onboarding, delete_cancelled
from core.cache.schema import leavings
from core.cache.tenant_rows import tenant_rows
from core.leaving.tenant_files import drop_strays, export_folder
from core.tenants.data import TENANT_TABLES
from tests.actors import entry
from tests.loggers import restored_loggers
from tests.office import Office
from tests.test_onboarding_rows import NEW, NOW
from tests.test_tenant_command import Capture, office, run

__all__ = ["office"]

NAME, SLUG = "Bau AG Chur", "bau-ag-chur"


def read_once(office: Office) -> None:
    office.m365.add_tenant(NAME, {"SPB": (10, 2)})
    office.refresh()


def listed(capsys: Capture) -> Any:
    assert run("list", "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_tenant_leaves_and_stays_by_command(office: Office, tmp_path: Path, capsys: Capture) -> None:
    read_once(office)
    assert run("remove", SLUG, "--confirm", "bau ag chur", "--export", str(tmp_path / "x.zip")) == 0
    assert f"python -m core tenant undo {SLUG}" in capsys.readouterr().out
    assert "manifest.json" in ZipFile(tmp_path / "x.zip").namelist()
    assert [(one["slug"], one["state"], one["problem"]) for one in listed(capsys)] == [(SLUG, "leaving", None)]
    assert run("list") == 0
    assert f"{NAME} ({SLUG}): scheidet aus, bis" in capsys.readouterr().out

    assert run("undo", SLUG, "--json") == 0

    assert json.loads(capsys.readouterr().out)["state"] == "done"
    assert [(one["slug"], one["state"]) for one in listed(capsys)] == [(SLUG, "done")]
    assert [row.name for row in tenant_rows(office.engine).values()] == [NAME]


def test_an_export_that_cannot_be_written_lets_nobody_leave(office: Office, tmp_path: Path, capsys: Capture) -> None:
    read_once(office)
    (tmp_path / "file").touch()

    assert run("remove", SLUG, "--confirm", NAME, "--export", str(tmp_path / "file" / "x.zip")) == 2

    assert "lässt sich nicht nach" in capsys.readouterr().err
    assert all_leavings(office.engine) == []


def test_an_export_at_any_time(office: Office, tmp_path: Path, capsys: Capture) -> None:
    read_once(office)

    assert run("export", NAME, "--out", str(tmp_path / "x.zip"), "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["rows"]["licenses"], len(said["sha256"])) == (1, 64)
    assert all_leavings(office.engine) == []


def test_prune_removes_what_is_due_where_only_a_timer_calls(office: Office, capsys: Capture) -> None:
    read_once(office)
    assert run("remove", SLUG, "--confirm", NAME) == 0
    with office.engine.begin() as connection:
        connection.execute(update(leavings).values(due_at=office.now() - timedelta(seconds=1)))

    with restored_loggers():
        assert main(["prune"]) == 0

    capsys.readouterr()
    assert listed(capsys) == []


def privacy(*arguments: str) -> int:
    with restored_loggers():
        return main(["privacy", "show", *arguments])


def test_privacy_tells_every_table_and_file_and_never_a_key(office: Office, capsys: Capture) -> None:
    read_once(office)

    assert privacy(NAME) == 0
    out = capsys.readouterr().out
    assert [line.name for line in TENANT_TABLES if f"\n{line.name} " not in out] == []
    assert f"config-{SLUG}-profile.json" in out
    assert "gültig bis 20" in out

    assert privacy(SLUG, "--json") == 0
    raw = capsys.readouterr().out
    said = json.loads(raw)
    assert "PRIVATE" not in raw
    assert "consent_hash" not in raw
    assert {one["table"]: len(one["rows"]) for one in said["tables"]} == {
        one["table"]: one["count"] for one in said["tables"]
    }
    assert [one["rows"][0]["name"] for one in said["tables"] if one["table"] == "tenants"] == [NAME]
    assert {one["kind"] for one in said["files"]} == {"profile", "certificate"}
    assert privacy("niemand") == 2


def test_exports_that_belong_to_nobody_go_after_a_day(office: Office) -> None:
    folder = export_folder(office.settings)
    folder.mkdir()
    (folder / ".half.zip.part").touch()

    drop_strays(office.services)
    assert len(list(folder.iterdir())) == 1
    office.later(days=2)
    drop_strays(office.services)

    assert list(folder.iterdir()) == []


def test_cancelled_onboardings_go_with_time(office: Office) -> None:
    for number, (state, ended) in enumerate([("cancelled", NOW), ("done", NOW), ("open", None)]):
        add_onboarding(office.engine, replace(NEW, onboarding_id=f"{number}", tenant_id=f"{number}", slug=f"{number}",
                                              state=state, ended_at=ended), entry())  # fmt: skip

    with office.engine.begin() as connection:
        assert delete_cancelled(connection, NOW) == 0
        assert delete_cancelled(connection, NOW.replace(year=NOW.year + 1)) == 1
