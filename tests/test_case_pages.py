"""Shortage cases as support meets them on the pages: the list with its filters, one case, and what one can do there."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from core.cache.case_lists import CaseFilter, case_page
from core.cache.case_read_rows import unread_cases
from core.cache.case_rows import Case, stored_case
from core.cache.open_cases import open_cases
from core.cache.shared_frames import newest_figures
from core.cache.sql import transaction
from core.cases import changes
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.writing import need_case, write
from core.roles import Actor
from tests.html_tables import click, html_table, html_tables, send
from tests.page_world import NOW, World, sku_of
from tests.people import add_person
from tests.served import PASSWORD
from tests.test_pages import (  # noqa: F401 - fixtures
    asked,
    button,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui import snapshots
from ui.cases.cases_table import cases_export
from ui.tables.license_table import with_cases
from ui.tables.table_export import export_of, to_csv
from web.jump_targets import case_targets

CASES, CASE = "pages/cases.py", "pages/case.py"
ANNA, BEN = Actor("anna", "support", "page", "Anna"), Actor("ben", "support", "page", "Ben")
SIGNED_IN = {"name": "anna", "shown": "Anna", "role": "support", "sid": "1"}
VIEWER = {"name": "vera", "role": "viewer", "sid": "2"}
NEXT_YEAR = date(NOW.year + 1, 8, 1)


def opened(world: World, slug: str, part: str, quantity: int = 5, note: str = "") -> Case:
    """A case that Ben has opened ahead of time."""
    tenant_id = next(one.tenant_id for one in world.known if one.slug == slug)
    request = AheadRequest(tenant_id, sku_of(part), quantity, NEXT_YEAR, note)
    return open_ahead(world.engine, BEN, request, NOW, world.settings.zone)


@pytest.fixture
def desk(small: World) -> World:  # noqa: F811
    """Two cases, one of each tenant."""
    opened(small, "hoeri", "SPB", 10, "10 neue Lehrpersonen")
    opened(small, "chur", "POWER_BI_PRO", 2)
    return small


def state_of(world: World, number: str) -> str:
    case = stored_case(world.engine, number)
    assert case is not None
    return case.state


def number_of(world: World, place: int) -> str:
    return case_page(world.engine, CaseFilter(), sort="number", limit=9)[0][place].case.number


def shown_cases(app: AppTest) -> list[str]:
    return html_table(app, "Fälle").column("tenant") if html_tables(app) else []


# The list


@pytest.mark.parametrize(
    ("params", "tenants"),
    [
        ({}, ["Schule Höri", "Bau AG Chur"]),
        ({"q": "hori"}, ["Schule Höri"]),  # without its accent
        ({"q": "POWER bi"}, ["Bau AG Chur"]),  # words of the product
        ({"q": "lehrpersonen"}, ["Schule Höri"]),  # of the note
        ({"q": "0002"}, ["Bau AG Chur"]),
        ({"tenants": "chur"}, ["Bau AG Chur"]),
        ({"priority": "critical"}, []),
        ({"show": "mine"}, ["Bau AG Chur"]),
        ({"owner": ".nobody"}, ["Schule Höri"]),
        ({"owner": "anna"}, ["Bau AG Chur"]),
        ({"state": "closed"}, []),
        ({"overdue": "1"}, []),
        ({"sort": "-number"}, ["Bau AG Chur", "Schule Höri"]),
        ({"sort": "nonsense", "owner": "gone", "state": "x"}, ["Schule Höri", "Bau AG Chur"]),
    ],
)
def test_the_address_filters_the_cases(
    desk: World, open_page: Any, params: dict[str, str], tenants: list[str]  # noqa: F811
) -> None:  # fmt: skip
    changes.take(desk.engine, ANNA, number_of(desk, 1), NOW)
    app = open_page(desk, CASES, SIGNED_IN, **params)

    assert sorted(shown_cases(app)) == sorted(tenants)
    if params.get("sort") == "-number":
        assert shown_cases(app) == tenants
    if not tenants:
        assert "Kein Fall passt" in words(app)


@pytest.mark.parametrize("page", [CASES, "pages/case_figures.py"])
def test_a_tenant_of_the_address_that_is_gone_is_named(desk: World, open_page: Any, page: str) -> None:  # noqa: F811
    app = open_page(desk, page, SIGNED_IN, tenants=["chur", "alte-firma"])

    assert [info.value for info in app.info] == [
        "Diese Tenants sind nicht mehr da oder werden nicht gelesen: alte\\-firma. Der Filter gilt ohne sie."
    ]
    if page == CASES:
        assert shown_cases(app) == ["Bau AG Chur"]
        button(app, "case_filter_reset").click().run()
        assert not app.info


def test_what_others_did_since_one_read_a_case_is_new(desk: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(desk, CASES, SIGNED_IN)
    assert html_table(app, "Fälle").column("case.sub") == ["neu", "neu"]

    open_page(desk, CASE, SIGNED_IN, nummer=number_of(desk, 0))
    changes.comment(desk.engine, ANNA, number_of(desk, 0), "I know", NOW)
    ids = {one.case.case_id: one.case.number for one in case_page(desk.engine, CaseFilter(), limit=9)[0]}
    assert {ids[one] for one in unread_cases(desk.engine, "anna", ids)} == {number_of(desk, 1)}

    changes.close(desk.engine, BEN, number_of(desk, 0), "not needed", NOW)
    changes.close(desk.engine, BEN, number_of(desk, 1), "not needed", NOW)
    assert {ids[one] for one in unread_cases(desk.engine, "anna", ids)} == {number_of(desk, 0)}  # which she has read
    assert unread_cases(desk.engine, "carla", ids) == set()  # what has ended is new to nobody else


def test_the_board_has_a_column_for_each_state_with_its_cases(desk: World, open_page: Any) -> None:  # noqa: F811
    until = NOW.date() + timedelta(days=5)
    changes.postpone(desk.engine, ANNA, number_of(desk, 1), until, "holidays", NOW, desk.settings.zone)
    app = open_page(desk, CASES, SIGNED_IN, show="board")

    assert [(table.name, table.total) for table in html_tables(app)] == [("offen", 1), ("zurückgestellt", 1)]
    assert html_table(app, "zurückgestellt").column("tenant") == ["Bau AG Chur"]


def test_a_click_on_a_name_opens_the_page_of_the_case(desk: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(desk, CASES, SIGNED_IN)
    click(app, html_table(app, "Fälle"), 0, "tenant")

    assert asked(app, "nummer") == [number_of(desk, 0)]
    assert f"Fall {number_of(desk, 0)}" in words(app).replace("\\", "")


# One case


@pytest.fixture
def shown(desk: World, open_page: Any) -> AppTest:  # noqa: F811
    found: AppTest = open_page(desk, CASE, SIGNED_IN, nummer=number_of(desk, 0))
    return found


def choose(app: AppTest, label: str) -> None:
    """Choose a line of the menu of actions."""
    (menu,) = [found for found in app.get("menu_button") if "case_menu" in found.proto.id]
    place = list(menu.proto.options).index(label)
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id, state.string_trigger_value.data = menu.proto.id, menu.proto.options[place]
    app._run(states)


def menu_of(app: AppTest) -> list[str]:
    return [label for found in app.get("menu_button") if "case_menu" in found.proto.id for label in found.proto.options]


def test_the_page_says_who_what_how_many_since_when_and_what_is_next(shown: AppTest) -> None:
    said = words(shown).replace("\\", "")
    assert "10 Lizenzen · tief · niemand · offen seit" in said
    assert "**Übernehmen bis" in said
    assert "h Arbeitszeit)" in said
    (timeline,) = [found.value for found in shown.get("html") if "<ol" in found.value]
    assert "<b>Ben</b> eröffnet den Fall im Voraus: 10 Lizenzen auf den 01.08." in timeline
    assert "<blockquote>10 neue Lehrpersonen</blockquote>" in timeline


def test_the_one_button_is_the_next_step_and_it_moves_on(shown: AppTest, desk: World) -> None:
    button(shown, "case_take").click().run()

    case = stored_case(desk.engine, number_of(desk, 0))
    assert case is not None
    assert (case.owner, case.owner_name) == ("anna", "Anna")
    assert "übernommen" in shown.success[0].value
    choose(shown, "Ohne Anfrage freigeben")
    next(one for one in shown.text_input if "reason" in str(one.key)).set_value("agreed by frame contract").run()
    button(shown, "case_now").click().run()
    assert state_of(desk, case.number) == "approved"


def test_the_second_of_two_who_click_at_once_is_told_and_sees_the_new_state(shown: AppTest, desk: World) -> None:
    changes.take(desk.engine, BEN, number_of(desk, 0), NOW)
    button(shown, "case_take").click().run()

    assert "Ben hat den Fall" in shown.error[0].value.replace("\\", "")
    assert "tief · Ben ·" in words(shown).replace("\\", "")
    assert stored_case(desk.engine, number_of(desk, 0)).owner == "ben"  # type: ignore[union-attr]


def test_a_form_that_was_opened_before_another_changed_the_case_closes_with_a_sentence(
    shown: AppTest, desk: World
) -> None:
    choose(shown, "Ohne Lieferung abschliessen")
    next(one for one in shown.text_input if "reason" in str(one.key)).set_value("too late").run()
    changes.set_quantity(desk.engine, BEN, number_of(desk, 0), 4, NOW)
    button(shown, "case_now").click().run()

    assert state_of(desk, number_of(desk, 0)) == "open"
    assert "Ben hat den Fall" in shown.error[0].value.replace("\\", "")
    assert "4 Lizenzen" in words(shown)


def test_a_wrong_value_is_told_in_the_form_which_keeps_what_was_typed(shown: AppTest, desk: World) -> None:
    choose(shown, "Ohne Lieferung abschliessen")
    button(shown, "case_now").click().run()
    assert "Es fehlt der Grund" in shown.error[0].value
    assert state_of(desk, number_of(desk, 0)) == "open"

    next(one for one in shown.text_input if "reason" in str(one.key)).set_value("not needed").run()
    button(shown, "case_now").click().run()
    assert state_of(desk, number_of(desk, 0)) == "closed"
    assert menu_of(shown) == ["Wieder öffnen"]


def test_a_comment_is_kept_and_the_field_is_empty_for_the_next(shown: AppTest, desk: World) -> None:
    shown.text_area[0].set_value("Zeile 1\n<b>Zeile 2</b>").run()
    button(shown, "case_comment_now").click().run()

    assert shown.text_area[0].value == ""
    (timeline,) = [found.value for found in shown.get("html") if "<ol" in found.value]
    assert "<blockquote>Zeile 1\n&lt;b&gt;Zeile 2&lt;/b&gt;</blockquote>" in timeline
    button(shown, "case_comment_now").click().run()
    assert "Der Kommentar ist leer" in shown.error[0].value


def test_it_is_given_to_somebody_who_may_work_on_cases(desk: World, open_page: Any) -> None:  # noqa: F811
    for name, role in (("ben", "support"), ("carla", "admin"), ("vera", "viewer")):
        add_person(desk.engine, name, PASSWORD, role)
    app = open_page(desk, CASE, SIGNED_IN, nummer=number_of(desk, 0))
    choose(app, "Übergeben")
    box = next(one for one in app.selectbox if "owner" in str(one.key))
    assert list(box.options) == ["ben", "carla"]
    box.set_value("ben").run()
    button(app, "case_now").click().run()

    assert stored_case(desk.engine, number_of(desk, 0)).owner == "ben"  # type: ignore[union-attr]


def test_several_of_one_customer_are_bundled(desk: World, open_page: Any) -> None:  # noqa: F811
    second = opened(desk, "hoeri", "POWER_BI_PRO", 3)
    app = open_page(desk, CASE, SIGNED_IN, nummer=number_of(desk, 0))
    choose(app, "Bündeln")
    (box,) = app.checkbox  # the other tenant's is no choice
    box.check().run()
    button(app, "case_now").click().run()

    links = [link.proto.label.replace("\\", "") for link in app.get("page_link")]
    assert f"Gebündelt mit {second.number} · Power BI Pro" in links
    assert "Aus dem Bündel nehmen" in menu_of(app)


def test_who_only_looks_is_offered_nothing(desk: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(desk, CASE, VIEWER, nummer=number_of(desk, 0))

    assert menu_of(app) == []
    assert not [one for one in app.button if str(one.key).startswith(("case_take", "case_comment"))]
    assert not app.text_area
    assert "10 Lizenzen" in words(app)


@pytest.mark.parametrize("number", ["", "2026-9999", "<b>x</b>", "' OR 1=1"])
def test_an_unknown_number_gets_a_sentence_and_the_way_back(desk: World, open_page: Any, number: str) -> None:  # noqa: F811
    app = open_page(desk, CASE, SIGNED_IN, **({"nummer": number} if number else {}))

    assert "Alle Fälle" in words(app)
    assert ("gibt es nicht" in words(app)) == bool(number)
    assert not app.exception


def test_the_table_tells_what_it_has_and_who_clicks_on_a_row_that_is_gone(desk: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(desk, CASES, SIGNED_IN)
    send(app, html_table(app, "Fälle"), "open", {"row": "2020-0001", "column": "case"})

    assert "nicht mehr" in words(app)


# Where else cases are seen


START, TENANT = "pages/start.py", "pages/tenant.py"
SHORTAGES = "Engpässe jetzt"


PREMIUM = "Microsoft 365 Business Premium"


def of_premium(app: AppTest, column: str = "case") -> str:
    """A cell in the row of the shortage of that product."""
    table = html_table(app, SHORTAGES)
    return table.rows[table.column("product").index(PREMIUM)].get(column, "")


def act(app: AppTest) -> None:
    """Press the button in the column of cases of this shortage, as the browser tells it."""
    table = html_table(app, SHORTAGES)
    send(app, table, "act", {"row": table.ids[table.column("product").index(PREMIUM)], "column": "case"})


@pytest.fixture
def short(small: World) -> World:  # noqa: F811
    """One of the two shortages has a case."""
    opened(small, "chur", "SPB", 3)
    return small


def test_start_shows_the_case_of_each_shortage_and_takes_it_with_one_click(short: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(short, START, SIGNED_IN)
    cell = of_premium(app)
    assert cell.startswith("offen · bis ")
    assert cell.endswith("[Übernehmen]")

    act(app)

    cell = of_premium(app)
    assert cell.startswith("offen · Anna · Freigabe einholen bis ")
    assert "[" not in cell
    assert stored_case(short.engine, number_of(short, 0)).owner == "anna"  # type: ignore[union-attr]
    assert not app.error


def test_start_tells_that_somebody_else_was_faster(short: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(short, START, SIGNED_IN)
    changes.take(short.engine, BEN, number_of(short, 0), NOW)
    act(app)

    assert "inzwischen Ben übernommen" in app.error[0].value.replace("\\", "")
    assert of_premium(app).startswith("offen · Ben · ")


def test_a_shortage_without_a_case_gets_one_through_the_form(small: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(small, START, SIGNED_IN)
    assert of_premium(app) == "[Fall eröffnen]"
    act(app)
    assert [one for one in app.selectbox if "case_new" in str(one.key)]

    app = open_page(small, CASES, SIGNED_IN, neu=f"chur/{sku_of('SPB')}")
    boxes = {str(one.key).rsplit("_", 1)[0]: one.value for one in app.selectbox if "case_new" in str(one.key)}
    assert boxes == {"case_new_tenant": "chur", "case_new_product": sku_of("SPB")}
    button(app, "case_new_now").click().run()
    assert f"Fall {number_of(small, 0)} eröffnet" in app.success[0].value.replace("\\", "")
    assert asked(app, "nummer") == [number_of(small, 0)]


def test_who_only_looks_sees_the_case_and_no_button(short: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(short, START, VIEWER)
    cell = of_premium(app)
    assert cell.startswith("offen · Übernehmen bis ")
    assert "[" not in cell
    act(app)
    assert stored_case(short.engine, number_of(short, 0)).owner == ""  # type: ignore[union-attr]


def test_tables_tell_what_is_under_way_and_who_waits(short: World, open_page: Any) -> None:  # noqa: F811
    number = number_of(short, 0)
    changes.set_quantity(short.engine, BEN, number, 5, NOW, waiting=2)
    changes.approve(short.engine, BEN, number, 5, "frame contract", NOW)
    with transaction(short.engine) as connection:
        write(connection, need_case(connection, number), "ordered", {"quantity": 5}, BEN, NOW)

    app = open_page(short, TENANT, SIGNED_IN, tenant="chur")
    licences = html_table(app, "Lizenzen von Bau AG Chur")
    assert [row.get("free.sub", "") for row in licences.rows if row["product_and_sku.sub"] == "SPB"] == [
        "5 unterwegs, 2 warten"
    ]
    assert html_table(app, "Fälle von Bau AG Chur").column("state") == ["bestellt"]
    assert "1 offen" in words(app)

    app = open_page(short, START, SIGNED_IN)
    assert (of_premium(app, "under_way"), of_premium(app, "free_now.sub")) == ("5", "2 warten")


def test_the_file_of_licences_has_the_cases_if_there_are_any(desk: World, open_page: Any) -> None:  # noqa: F811
    open_page(desk, START, SIGNED_IN)
    snapshot = snapshots.newest(desk.runtime)
    table = with_cases(pa.table({"x": [0] * len(snapshot.licenses)}), snapshot, None, open_cases(desk.engine))

    assert sorted(filter(None, table.column("case").to_pylist())) == [number_of(desk, 0), number_of(desk, 1)]
    assert with_cases(table.select(["x"]), snapshot, None, {}).column_names == ["x"]


def test_all_rows_of_all_sessions_share_one_query_for_each_version(desk: World) -> None:
    first = open_cases(desk.engine)
    assert open_cases(desk.engine) is first
    changes.take(desk.engine, ANNA, number_of(desk, 0), NOW)

    assert {case.owner for case in open_cases(desk.engine).values()} == {"anna", ""}


def test_the_jump_box_names_the_open_cases(desk: World) -> None:
    changes.close(desk.engine, ANNA, number_of(desk, 1), "not needed", NOW)
    figures = newest_figures(desk.engine, desk.settings)

    number = number_of(desk, 0)
    assert case_targets(figures, open_cases(desk.engine)) == [(f"{number} · Schule Höri", number)]


def test_the_files_have_all_that_match_and_no_formulas(desk: World, open_page: Any) -> None:  # noqa: F811
    opened(desk, "hoeri", "POWER_BI_PRO", 1, '=HYPERLINK("https://evil.example")')
    open_page(desk, CASES, SIGNED_IN)
    table = cases_export(desk.engine, CaseFilter(), snapshots.newest(desk.runtime), NOW, "number")
    lines = to_csv(export_of(table, "de"), "de", desk.settings.zone).decode("utf-8-sig").splitlines()

    assert lines[0].startswith("Fall;Tenant;Produkt;Zustand;Priorität;Bearbeitung;Anzahl;")
    assert len(lines) == 4
    assert "'=HYPERLINK" in lines[3]
