"""Ordering as support meets it on the page of a case: preview, warnings, sent once, number and day, taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.channel_rows import Channel, add_channel
from core.cache.message_rows import list_messages
from core.cases import changes, orders
from core.cases.distributors import Article, Distributor, keep, numbers_of
from core.cases.distributors import distributors as all_distributors
from core.cases.order_texts import default_templates
from core.cases.orders import OrderRequest
from core.messages.routes import MAIL
from tests.actors import ADMIN, entry
from tests.case_world import ZURICH
from tests.page_world import NOW, World
from tests.test_case_pages import ANNA, CASE, SIGNED_IN, choose, desk, menu_of, number_of, state_of  # noqa: F401
from tests.test_pages import (  # noqa: F401 - fixtures
    asked,
    button,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui.distributors.distributor_lines import article_lines, read_articles

SUBJECT, BODY = default_templates("de")
ALSO = Distributor(name="Also AG", address="bestellung@example.com", subject=SUBJECT, body=BODY, with_file=True,
                   articles={"SPB": Article("AAA-1", 5)})  # fmt: skip


@pytest.fixture
def approved(desk: World, open_page: Any) -> AppTest:  # noqa: F811
    """The page of an approved case for 10 licences, with a distributor that gets mails."""
    channel = Channel("mail", "Mail", "smtp", {"host": "localhost", "sender": "l@example.ch"}, routes=(MAIL,))
    add_channel(desk.engine, channel, lambda: "", entry(), NOW)
    keep(desk.engine, ADMIN, ALSO)
    changes.approve(desk.engine, ANNA, number_of(desk, 0), 10, "Rahmenvertrag", NOW)
    page: AppTest = open_page(desk, CASE, SIGNED_IN, nummer=number_of(desk, 0))
    return page


def field(app: AppTest, kind: str, name: str) -> Any:
    return next(one for one in app.get(kind) if name in str(one.key))


def test_ordered_with_exactly_what_the_preview_shows(approved: AppTest, desk: World) -> None:  # noqa: F811
    button(approved, "case_order").click().run()
    assert "Microsoft Customer Agreement ist nicht" in approved.warning[0].value
    assert "- 10 x Microsoft 365 Business Premium, Artikel AAA-1" in approved.text[0].value
    field(approved, "checkbox", "mca").check().run()
    assert not any("Customer Agreement" in one.value for one in approved.warning)
    shown = approved.text[0].value
    button(approved, "case_now").click().run()

    assert state_of(desk, number_of(desk, 0)) == "ordered"
    (message,) = list_messages(desk.engine, limit=9)
    assert shown == f"{message.subject}\n\n{message.body}".rstrip()
    said = words(approved).replace("\\", "")
    assert "10 Lizenzen · 0 geliefert · erwartet bis" in said
    assert "Wartet auf den Versand an bestellung" in approved.info[0].value
    assert menu_of(approved)[:2] == ["Übernehmen", "Nachbestellen"]


def test_what_is_wrong_is_told_at_its_field(approved: AppTest, desk: World) -> None:  # noqa: F811
    button(approved, "case_order").click().run()
    field(approved, "number_input", "quantity").set_value(7).run()
    assert ":red[Der Artikel wird in Paketen zu 5 verkauft: 5 oder 10 statt 7.]" in words(approved).replace("\\", "")
    field(approved, "number_input", "quantity").set_value(0).run()
    button(approved, "case_now").click().run()

    assert approved.error
    assert state_of(desk, number_of(desk, 0)) == "approved"


def test_ordered_elsewhere_and_the_number_is_noted(approved: AppTest, desk: World) -> None:  # noqa: F811
    button(approved, "case_order").click().run()
    field(approved, "selectbox", "distributor").set_value("").run()
    button(approved, "case_now").click().run()
    choose(approved, "Nummer und Liefertag")
    field(approved, "text_input", "number").set_value("AB-99").run()
    button(approved, "case_now").click().run()

    assert list_messages(desk.engine, limit=9) == []
    assert "Nummer AB-99" in words(approved).replace("\\", "")
    choose(approved, "Bestellung stornieren")
    field(approved, "text_input", "reason").set_value("ausverkauft").run()
    button(approved, "case_now").click().run()
    assert state_of(desk, number_of(desk, 0)) == "approved"
    assert "storniert, 0 geliefert" in words(approved)


def test_who_is_second_is_told(approved: AppTest, desk: World) -> None:  # noqa: F811
    button(approved, "case_order").click().run()
    case_id = number_of(desk, 0)
    elsewhere = orders.OrderRequest({case_id: 10}, send=False)
    orders.place(desk.engine, replace(ANNA, name="ben", shown="Ben"), elsewhere, NOW, desk.settings.zone)
    button(approved, "case_now").click().run()

    assert "Ben hat" in approved.error[0].value.replace("\\", "")
    assert list_messages(desk.engine, limit=9) == []


# Distributors

ADMIN_IN = {"name": "carla", "shown": "Carla", "role": "admin", "sid": "3"}


def said(app: AppTest) -> str:
    return words(app).replace("\\", "")


def typed(app: AppTest, **values: str) -> AppTest:
    for name, value in values.items():
        field(app, "text_area" if name in ("body", "articles", "numbers") else "text_input", name).set_value(value)
    app.run()
    button(app, "distributor_save").click().run()
    return app


def test_a_distributor_is_added_with_its_articles_and_customer_numbers(desk: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(desk, "pages/distributors.py", ADMIN_IN)
    button(app, "distributor_add").click().run()
    typed(app, name="Also AG", body="{{ custumer }}")
    assert "Gemeint ist vielleicht «customer»" in said(app)
    assert "Die Mailadresse fehlt" in said(app)
    typed(app, address="a@example.com", body=BODY, articles="SPB;AAA-1;viele")
    assert "Zeile 1: «viele» ist keine ganze Zahl" in said(app)
    typed(app, articles="SPB;AAA-1;5\nE3\tA", numbers="Schule Höri;K-7")
    assert all_distributors(desk.engine) == []
    typed(app, articles="SPB;AAA-1;5\nE3;AAA-2", numbers="Schule Nirgends;K-7")
    assert "Einen Tenant «Schule Nirgends» gibt es nicht" in said(app)
    typed(app, numbers="schule höri;K-7")

    (stored,) = all_distributors(desk.engine)
    assert dict(stored.articles) == {"SPB": Article("AAA-1", 5), "E3": Article("AAA-2")}
    assert [one.customer_number for one in numbers_of(desk.engine, stored.distributor_id).values()] == ["K-7"]
    assert "Also AG gespeichert" in app.success[0].value


@pytest.mark.parametrize("lines", ["SPB;AAA-1;5\nE3;AAA-2;1\n", "", '"a;b";A;1\n'])
def test_articles_are_read_as_they_are_shown(lines: str) -> None:
    assert article_lines(read_articles(lines)) == lines


def test_start_names_an_overdue_order_until_another_day_is_noted(desk: World, open_page: Any) -> None:  # noqa: F811
    now, case = datetime.now(UTC), number_of(desk, 0)
    changes.approve(desk.engine, ANNA, case, 10, "Rahmenvertrag", NOW)
    wanted = OrderRequest({case: 10}, send=False, articles={case: "A-1"}, expected_at=(now - timedelta(days=2)).date())
    order = orders.place(desk.engine, ANNA, wanted, now - timedelta(days=9), ZURICH)
    start = open_page(desk, "pages/start.py", SIGNED_IN)
    assert "überfällig" in labels(start)

    orders.confirm(desk.engine, ANNA, order.order_key, "AB-1", (now + timedelta(days=5)).date(), now, ZURICH)
    assert "überfällig" not in labels(start.run())


def labels(app: AppTest) -> str:
    """The words of the links on the page."""
    return " ".join(str(one.proto.label) for one in app.get("page_link"))
