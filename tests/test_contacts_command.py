"""`python -m core contacts`: what each action prints and stores, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.audit import Search, find
from tests.actors import ADMIN
from tests.loggers import restored_loggers
from tests.page_world import World, small_world

ADD = ("add", "chur", "--name", "Petra Muster", "--email", "petra@example.ch")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = small_world(tmp_path)
    monkeypatch.setenv("LIZENZTOOL_DATABASE_URL", made.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(tmp_path / "logs"))
    return made


def run(*arguments: str) -> int:
    with restored_loggers():
        return main(["contacts", *arguments])


def told(capsys: Capture, *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_contact_is_added_changed_ended_and_removed(world: World, capsys: Capture) -> None:
    (added,) = told(capsys, *ADD, "--phone", "+41 44 123 45 67", "--until", "2199-12-31")
    assert run(*ADD, "--phone", "+41 44 123 45 67", "--until", "2199-12-31") == 0  # again

    assert added == {
        "tenant": "Bau AG Chur", "contact_id": added["contact_id"], "tenant_id": world.known[1].tenant_id,
        "name": "Petra Muster", "email": "petra@example.ch", "phone": "+41 44 123 45 67", "language": "de",
        "role": "approver", "from": None, "until": "2199-12-31", "state": "valid",
    }  # fmt: skip
    (changed,) = told(capsys, "change", "Bau AG Chur", "PETRA@example.ch", "--language", "fr", "--until", "")
    assert changed == {**added, "language": "fr", "until": None}
    (ended,) = told(capsys, "end", "chur", added["contact_id"], "--on", "2020-01-31")
    assert (ended["until"], ended["state"]) == ("2020-01-31", "ended")
    assert told(capsys, "list", "chur") == told(capsys, "list") == [ended]
    assert told(capsys, "list", "hoeri") == []
    assert run("remove", "chur", added["contact_id"]) == 0
    assert told(capsys, "list") == []
    assert [row.action for row in find(world.engine, ADMIN, Search(words="Petra"), limit=9)[0]] == [
        "contact.removed", "contact.changed", "contact.changed", "contact.added",
    ]  # fmt: skip


def test_the_list_for_people_is_a_line_each(world: World, capsys: Capture) -> None:
    (added,) = told(capsys, *ADD, "--from", "2020-01-01")

    assert run("list") == 0

    line = f"Bau AG Chur  {added['contact_id']}  Petra Muster <petra@example.ch>  de  approver  gültig  2020-01-01 – …"
    assert capsys.readouterr().out.splitlines() == [line]


def test_the_same_address_in_the_same_role_is_said(world: World, capsys: Capture) -> None:
    assert run(*ADD) == 0

    assert run("add", "chur", "--name", "P. Muster", "--email", "Petra@example.ch") == 0

    said = capsys.readouterr().err
    assert "Die Adresse petra@example.ch gibt es bei diesem Tenant schon in derselben Rolle: Petra Muster." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "chur", "--name", " ", "--email", "x", "--phone", "1"),
         ["Der Name fehlt.", "«x» ist keine E-Mail-Adresse.", "«1» ist keine Telefonnummer."]),
        ((*ADD, "--until", "31.1.2027"), ["«31.1.2027» ist kein Datum."]),
        ((*ADD, "--from", "0001-01-01", "--until", "9999-12-31"), ["ausserhalb der Jahre 1990 bis 2199"] * 2),
        (("add", "nowhere", *ADD[2:]), ["Es gibt keinen Tenant «nowhere»."]),
        (("end", "chur", "petra@example.ch"), ["Bau AG Chur hat keinen Kontakt «petra@example.ch»."]),
        (("list", "nowhere\x00"), ["Es gibt keinen Tenant «nowhere\\x00»."]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_stored(
    world: World, capsys: Capture, arguments: tuple[str, ...], said: list[str]
) -> None:
    assert run(*arguments) == 2

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True)), lines
    assert told(capsys, "list") == []


def test_a_contact_of_another_tenant_and_an_address_of_several_are_refused(world: World, capsys: Capture) -> None:
    (first,) = told(capsys, *ADD)
    (second,) = told(capsys, *ADD, "--role", "substitute")

    assert run("remove", "hoeri", first["contact_id"]) == 2
    assert run("remove", "chur", "petra@example.ch") == 2

    assert f"{first['contact_id']}, {second['contact_id']}" in capsys.readouterr().err
    assert told(capsys, "list") == [first, second]
