"""Ordering as support meets it on the page of a case: preview, warnings, sent once, number and day, taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.channel_rows import Channel, add_channel
from core.cache.message_rows import list_messages
from core.cases import changes, orders
from core.cases.distributors import Article, Distributor, keep
from core.cases.order_texts import default_templates
from core.messages.routes import MAIL
from tests.actors import ADMIN, entry
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
