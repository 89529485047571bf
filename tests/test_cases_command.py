"""`python -m core cases`: what each action prints and stores, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.access import accounts
from core.cache.contact_rows import Contact
from core.cache.shared_frames import newest_figures
from core.cases.ahead import AheadRequest, open_ahead
from core.tenants import contacts
from tests.actors import ADMIN
from tests.loggers import restored_loggers
from tests.page_world import World, small_world

TODAY = datetime.now(UTC).date()
YEAR = TODAY.year
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A case of Schule Höri, opened ahead of time."""
    made = small_world(tmp_path)
    monkeypatch.setenv("LIZENZTOOL_DATABASE_URL", made.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIZENZTOOL_LOG_DIR", str(tmp_path / "logs"))
    row = newest_figures(made.engine, made.settings).licenses.iloc[0]
    wanted = AheadRequest(row["tenant_id"], row["sku_id"], 10, TODAY + timedelta(days=60), "neue Lehrpersonen")
    open_ahead(made.engine, ADMIN, wanted, datetime.now(UTC), made.settings.zone)
    return made


def run(*arguments: str) -> int:
    with restored_loggers():
        return main(["cases", *arguments])


def told(capsys: Capture, *arguments: str) -> Any:
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_case_is_listed_given_commented_and_moved(world: World, capsys: Capture) -> None:
    (listed,) = told(capsys, "list")
    number = listed["number"]
    assert (number, listed["state"], listed["quantity"]) == (f"{YEAR}-0001", "open", 10)
    accounts.add(world.engine, ADMIN, "anna", "Ein-gutes-Passwort-7", "support")

    given = told(capsys, "give", number, "anna", "--note", "bitte", "--seen", "1")
    assert (given["owner"], given["version"], given["events"][-1]["data"]["note"]) == ("anna", 2, "bitte")
    assert told(capsys, "list", "--owner", "anna", "--tenant", listed["tenant"])[0]["number"] == number
    assert told(capsys, "list", "--owner", "") == told(capsys, "list", "--overdue") == []
    assert told(capsys, "comment", number, "so")["events"][-1]["data"] == {"text": "so"}
    until = (TODAY + timedelta(days=9)).isoformat()
    assert told(capsys, "move", number, "postponed", "--until", until, "--note", "x")["postponed_until"] == until
    assert told(capsys, "move", number, "open")["state"] == "open"
    assert told(capsys, "take", number, "--seen", "5")["owner"] != "anna"
    assert told(capsys, "move", number, "approved", "--quantity", "4", "--note", "x")["quantity"] == 4
    assert told(capsys, "move", number, "closed", "--note", "x")["outcome"] == "closed"
    assert told(capsys, "list") == []
    assert told(capsys, "list", "--all")[0]["case_id"] == told(capsys, "show", listed["case_id"])["case_id"]


def test_a_customer_is_asked_and_an_order_noted(world: World, capsys: Capture) -> None:
    number = f"{YEAR}-0001"
    tenant_id = told(capsys, "show", number)["tenant_id"]
    contacts.add(world.engine, ADMIN, Contact("", tenant_id, "Petra", "petra@example.ch"), datetime.now(UTC))

    asked = told(capsys, "ask", number, "petra@example.ch", "--quantity", "4", "--seen", "1")
    assert (asked["state"], asked["quantity"], "/freigabe/" in asked["url"]) == ("asked", 4, True)
    assert run("move", number, "open", "--note", "x") == run("move", number, "approved", "--note", "x") == 0
    assert run("order", number, "Nord") == run("order", number) == run("ask", number, "nobody") == 2
    ordered = told(capsys, "order", number, "--note-only", "--quantity", "3")
    assert (ordered["state"], ordered["under_way"], ordered["how"]) == ("ordered", 3, "outside")
    again = told(capsys, "order", number, "--note-only", "--quantity", "3", "--key", ordered["order_key"])
    assert again["under_way"] == 3


def test_for_people_a_case_is_a_line_and_each_event_another(world: World, capsys: Capture) -> None:
    (listed,) = told(capsys, "list")

    assert run("show", listed["number"]) == 0

    case, event = capsys.readouterr().out.splitlines()
    start = [listed["number"], listed["tenant"], listed["sku_part_number"], "open", "low", "10", "-"]
    assert case.split("  ")[:7] == start
    assert case.split("  ")[7].startswith("take ")
    assert "opened" in event
    assert "note=neue Lehrpersonen" in event


@pytest.mark.parametrize(("arguments", "said"), [
    (("show", "2020-0001"), "Einen Fall «2020-0001» gibt es nicht"), (("list", "--tenant", "nirgends"), "nirgends"),
    (("give", "{}", "nobody"), "nobody"), (("move", "{}", "closed"), "Es fehlt der Grund"),
    (("move", "{}", "ordered"), "Möglich ist: approved, postponed, closed"),
    (("move", "{}", "postponed", "--note", "x"), "Es fehlt der Tag"),
    (("move", "{}", "postponed", "--note", "x", "--until", "morgen"), "morgen"),
    (("move", "{}", "postponed", "--note", "x", "--until", "2020-01-01"), "2020"),
    (("move", "{}", "closed", "--note", "x", "--quantity", "3"), "Menge"),
    (("take", "{}", "--seen", "7"), "geändert"), (("comment", "{}", " "), "ist leer"),
])  # fmt: skip
def test_what_is_refused_says_why_and_changes_nothing(
    world: World, capsys: Capture, arguments: tuple[str, ...], said: str
) -> None:
    number = f"{YEAR}-0001"

    assert run(*(one.replace("{}", number) for one in arguments)) == 2

    assert said in capsys.readouterr().err
    assert told(capsys, "show", number)["version"] == 1
