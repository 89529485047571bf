"""The page Protokoll: what the rows say, what is found, what leaves as a file, and whether all is as it was written."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql
from streamlit.testing.v1 import AppTest

from core import audit
from core.access import accounts
from core.audit import Search, find
from core.cache.calendar_rows import StoredCalendar
from core.cache.channel_rows import Channel
from core.cache.distributor_rows import Distributor
from core.cache.level_rows import Level
from core.cases.transitions import TRANSITIONS
from core.licenses.alarm_rules import Rule
from core.roles import Actor
from core.tenants import tenant_rules
from core.texts import has_text
from tests.actors import ADMIN, SUPPORT
from tests.html_tables import ShownTable, click, html_table
from tests.page_world import HOSTILE, NOW, World, sku_of
from tests.test_pages import asked, hardened, no_runtime_left, open_page, small, words  # noqa: F401
from ui.audit import audit_table
from ui.audit.audit_change import action_words, difference, origin_words, result_words, target_words
from ui.frame.view import View
from ui.tables.table_export import to_csv

AUDIT = "pages/audit_log.py"
VIEW = View(NOW, "de", ZoneInfo("Europe/Zurich"), 30)


# What a row says


@pytest.mark.parametrize(
    ("before", "after", "german"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param({"role": "admin"}, {"role": "admin"}, "", id="the-same"),
        pytest.param({"role": "support"}, {"role": "admin"}, "Rolle: support → admin", id="one-field"),
        pytest.param({"role": "", "disabled": False}, {"role": "", "disabled": True}, "gesperrt: nein → ja", id="yes"),
        pytest.param({"threshold": 2}, {"threshold": 2, "warn": 5}, "knapp ab: – → 5", id="more"),
        pytest.param({"threshold": 2, "warn": 5}, {"threshold": 2}, "knapp ab: 5 → –", id="less"),
        pytest.param("", {"role": "viewer", "disabled": False}, "Rolle: viewer; gesperrt: nein", id="new"),
        pytest.param({"reason": "Test"}, "", "bisher Grund: Test", id="gone"),
        pytest.param({"author": "a", "threshold": 1}, {"author": "b", "threshold": 0}, "Engpass ab: 1 → 0", id="zero"),
        pytest.param([1, 2], [1], "2 Einträge → 1 Eintrag", id="lists"),
        pytest.param({"expires_at": "2027-01-01T00:00:00+01:00"}, "", "bisher gültig bis: 01.01.2027", id="moment"),
        pytest.param({"unheard_of": {"a": 1}}, "", 'bisher unheard_of: {"a": 1}', id="unknown-field"),
        pytest.param({"enabled": True}, {"enabled": False}, "Aktiv: ja → nein", id="switch"),
        pytest.param({"state": "open"}, {"state": "open", "enabled": 0}, "Verfügbar: – → 0", id="units"),
        pytest.param({"enabled": 1}, "", "bisher Verfügbar: 1", id="units-gone"),
        pytest.param(7, 8, "7 → 8", id="numbers"),
    ],
)  # fmt: skip
def test_a_change_is_told_as_a_difference(before: Any, after: Any, german: str) -> None:
    was, now_is = ("" if value == "" else json.dumps(value) for value in (before, after))

    assert difference(was, now_is, "de") == german


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert difference("{broken", "more", "de") == "{broken → more"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(), inner, max_size=3)), st.text())  # fmt: skip
def test_no_document_breaks_the_page(document: Any, other: str) -> None:
    for pair in ((json.dumps(document), other), (other, json.dumps(document))):
        assert isinstance(difference(*pair, "en"), str)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (action_words("rule.set", "de"), "Ausnahme gesetzt"),
        (action_words("from.tomorrow", "de"), "from.tomorrow"),
        (result_words("refused", "password", "de"), "abgelehnt: falsches Passwort"),
        (result_words("failed", "Any sentence.", "de"), "misslungen: Any sentence."),
        (origin_words("page", "10.0.0.7", "de"), "Dashboard · 10.0.0.7"),
        (origin_words("schedule", "", "en"), "schedule"),
        (target_words("tenant t1, product (all)", {"t1": "ISE School"}, "de"), "ISE School, alle Produkte"),
        (target_words("tenant (all), product s9", {}, "en"), "all tenants, s9"),
        (target_words("entra:1:2", {"entra:1:2": "Anna Muster"}, "de"), "Anna Muster"),
        (target_words("audit", {}, "de"), "Protokoll"),
        (target_words("lizenzen", {}, "de"), "lizenzen"),
    ],
)
def test_codes_are_told_in_words(words: str, shown: str) -> None:
    assert words == shown


def test_every_action_that_core_records_has_words(small: World) -> None:  # noqa: F811
    """What the code writes, found by looking: the page must not show codes."""
    source = "\n".join(path.read_text("utf-8") for path in Path("core").rglob("*.py"))
    codes = set(re.findall(r'(?:Entry|record)\([^()]*(?:\([^()]*\))?[^()"]*"([a-z]+\.[a-z_]+)"', source)) | {"export"}
    codes |= {f"case.{row.kind}" for row in TRANSITIONS if row.who != ("product",)}

    assert len(codes) > 10
    assert {code for code in codes if not has_text(f"audit.action.{code}")} == set()


def test_every_field_of_cases_and_of_what_admins_set_has_words() -> None:
    recorded = {field.name for kind in (Channel, Distributor, Level, StoredCalendar) for field in fields(kind)}
    recorded |= {name for row in TRANSITIONS for name in row.needs}

    assert {name for name in recorded if not has_text(f"audit.field.{name}")} == set()


# The page


def note(world: World, count: int, actor: Actor = ADMIN, **fields: Any) -> None:
    for number in range(count):
        audit.record(
            world.engine, actor, "test", f"thing {number}", at=NOW - timedelta(minutes=count - number), **fields
        )


def shown(app: AppTest) -> ShownTable:
    return html_table(app, "Protokoll der Änderungen")


def test_the_newest_change_is_on_top_in_words(small: World, open_page: Any) -> None:  # noqa: F811
    tenant = small.known[0]
    tenant_rules.keep(
        small.engine, Rule(tenant.tenant_id, sku_of("SPB"), "Reserve", "anna", NOW, threshold=2), SUPPORT_ADMIN
    )
    tenant_rules.keep(
        small.engine, Rule(tenant.tenant_id, sku_of("SPB"), "Reserve", "anna", NOW, threshold=3), SUPPORT_ADMIN
    )

    app = open_page(small, AUDIT)

    row = shown(app).rows[0]
    assert (row["who"], row["action"], row["change"]) == ("Anna Muster", "Ausnahme gesetzt", "Engpass ab: 2 → 3")
    assert row["target"] == "Schule Höri, Microsoft 365 Business Premium"
    assert (row["result"], row["from_where"]) == ("ausgeführt", "Dashboard · 10.0.0.7")
    assert SUPPORT_ADMIN.request_id not in html_of(app)
    click(app, shown(app), 0, "action")
    assert f"<dd>{SUPPORT_ADMIN.request_id}</dd>" in html_of(app)


def html_of(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


SUPPORT_ADMIN = Actor("anna", "admin", "page", "Anna Muster", "10.0.0.7")


def test_a_hundred_rows_are_a_page_and_the_rest_follows(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 230)
    app = open_page(small, AUDIT)
    assert "**230** Einträge" in words(app)
    assert shown(app).column("target") == [f"thing {number}" for number in range(229, 129, -1)]

    pages = app.get("pagination")[0].proto.id.split("-", 2)[-1]  # Streamlit hides the key in the id
    app.session_state[pages] = 3
    app.run()

    assert shown(app).column("target") == [f"thing {number}" for number in range(29, -1, -1)]
    assert asked(app, "p") == ["3"]
    app.text_input(key="audit_q").set_value("thing").run()
    assert asked(app, "p") == []


def test_a_page_that_is_no_longer_there_is_the_last_one(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 130)

    app = open_page(small, AUDIT, p="99")

    assert len(shown(app).rows) == 30


def test_filters_narrow_the_rows_and_stand_in_the_address(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 3)
    note(small, 2, SUPPORT, result="failed", reason="away")
    app = open_page(small, AUDIT)

    app.multiselect(key="audit_result").set_value(["failed"])
    app.multiselect(key="audit_who").set_value(["anna"])
    app.text_input(key="audit_q").set_value("thing 1").run()

    assert shown(app).column("target") == ["thing 1"]
    assert (asked(app, "result"), asked(app, "who"), asked(app, "q")) == (["failed"], ["anna"], ["thing 1"])
    app.button(key="audit_reset").click().run()
    assert len(shown(app).rows) == 5


def test_a_link_opens_what_it_was_made_of(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 3)
    audit.record(small.engine, ADMIN, "export", "lizenzen", at=NOW - timedelta(days=40))
    day = (NOW - timedelta(days=40)).astimezone(VIEW.zone).date().isoformat()

    found = shown(open_page(small, AUDIT, **{"from": day, "to": day, "action": ["export", "nonsense"]}))

    assert found.column("action") == ["Heruntergeladen"]


@pytest.mark.parametrize(
    "wrong", [{"from": "gestern"}, {"p": "-1"}, {"p": "x"}, {"who": "nobody"}, {"to": "9999-99-99"}]
)
def test_what_a_link_asks_for_and_cannot_be_is_left_out(wrong: dict[str, str], small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 3)

    app = open_page(small, AUDIT, **wrong)

    assert not app.exception
    assert len(shown(app).rows) == 3


def test_without_a_match_the_next_step_is_told(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 1)

    app = open_page(small, AUDIT, q="gibt es nicht")

    assert "Filter zurücksetzen" in app.info[0].value


@pytest.mark.of_a_file
def test_whether_the_chain_is_whole_is_said_on_demand(small: World, open_page: Any) -> None:  # noqa: F811
    note(small, 4)
    app = open_page(small, AUDIT)
    assert not app.success

    app.button(key="audit_verify").click().run()
    assert "Unverändert: 4 Zeilen" in app.success[0].value

    with small.engine.begin() as connection:
        connection.execute(sql("DROP TRIGGER audit_no_update"))
        connection.execute(sql("UPDATE audit SET target = 'other' WHERE seq = 3"))
    app.button(key="audit_verify").click().run()
    assert "Zeile 3" in app.error[0].value


def test_the_file_holds_what_was_found_and_is_harmless(small: World) -> None:  # noqa: F811
    note(small, 2)
    audit.record(small.engine, ADMIN, "test", "=cmd|x", after={"name": HOSTILE}, at=NOW)

    export = audit_table.audit_export(audit.export(small.engine, ADMIN, Search()), {}, VIEW)
    content = to_csv(export, VIEW.language, VIEW.zone)

    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0][:5] == ["Nr.", "Wann", "Wer", "Aktion", "Ziel"]
    assert [row[4] for row in rows[1:]] == ["'=cmd|x", "thing 1", "thing 0"]
    assert find(small.engine, ADMIN, Search(), limit=1)[0][0].action == "export"


def test_old_and_new_accounts_are_told_by_their_names(small: World, open_page: Any) -> None:  # noqa: F811
    accounts.add(small.engine, ADMIN, "beat", "Birke-Nachthemd-27x", "viewer", datetime.now(UTC))

    row = html_table(open_page(small, AUDIT, lang="en"), "Record of changes").rows[0]

    assert (row["action"], row["target"]) == ("Account added", "beat")
    assert row["change"] == "disabled: no; sign-in: password; role: viewer"
