"""The page Benachrichtigungen: channels are set up and tried, the outbox says what waits and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from core.cache.channel_rows import all_channels
from core.cache.message_rows import list_messages, mark_failed
from core.messages import channels
from core.problems import Problem
from tests.actors import ADMIN
from tests.html_tables import click, html_table
from tests.page_world import World
from tests.test_messages import NOW, certificate, put, server, smtp
from tests.test_pages import button, hardened, key_of, no_runtime_left, open_page, small, words  # noqa: F401

__all__ = ["certificate", "server"]
Open = Callable[..., AppTest]
PAGE = "pages/notifications.py"
ADMIN_USER = {"name": "anna", "role": "admin", "sid": "1"}


def opened(world: World, open_page: Open) -> AppTest:  # noqa: F811
    return open_page(world, PAGE, user=ADMIN_USER)


def type_in(app: AppTest, **values: Any) -> None:
    for name, value in values.items():
        app.text_input(key=key_of(app, f"channel_{name}")).set_value(value)


def open_channel(app: AppTest) -> AppTest:
    """Open the dialog of the first channel."""
    return click(app, html_table(app, "Kanäle"), 0, "channel")


def kept(engine: Engine, port: int = 25) -> str:
    """Store a channel of a mail server; return its id."""
    wanted = replace(smtp(port), channel_id="")
    return channels.keep(engine, ADMIN, wanted, {"password": "geheim-1"}, NOW, NOW.tzinfo)[0].channel_id  # type: ignore[arg-type]


def test_a_mail_server_is_set_up_after_its_faults_are_told_at_their_fields(
    small: World, open_page: Open  # noqa: F811
) -> None:  # fmt: skip
    app = opened(small, open_page)
    assert "erfährt niemand" in app.info[0].value
    app = button(app, "channel_add_smtp").click().run()
    type_in(app, name="Pikett", host="mail.example.ch", sender="lizenzen", user="l", password="geheim-1")
    app = button(app, "channel_save").click().run()
    assert ("«lizenzen» ist keine" in words(app), all_channels(small.engine)) == (True, [])

    type_in(app, sender="lizenzen@example.ch")
    app.text_area(key="channel_recipients").set_value("anna@example.ch\nben@example.ch")
    app = button(app, "channel_save").click().run()

    (stored,) = all_channels(small.engine)
    assert (stored.recipients, stored.routes) == (["anna@example.ch", "ben@example.ch"], ["urgent", "digest"])
    (row,) = html_table(app, "Kanäle").rows
    assert row["channel_where"] == "anna@example.ch, ben@example.ch"
    assert (row["channel"], row["channel_routes"]) == ("Pikett", "dringende Fälle, Überblick 07:00")


def test_a_stored_secret_is_never_shown_and_stays_when_its_field_is_empty(
    small: World, open_page: Open  # noqa: F811
) -> None:  # fmt: skip
    kept(small.engine)
    before = all_channels(small.engine)[0].secret
    app = open_channel(opened(small, open_page))

    assert app.text_input(key="channel_password").value == ""
    type_in(app, name="Pikett Bern")
    app = button(app, "channel_save").click().run()

    (stored,) = all_channels(small.engine)
    assert (stored.name, stored.secret == before) == ("Pikett Bern", True)


def test_a_new_key_of_a_webhook_is_shown_once(small: World, open_page: Open) -> None:  # noqa: F811
    app = button(opened(small, open_page), "channel_add_webhook").click().run()
    type_in(app, name="Programm", url="https://example.ch/hook/x")
    app = button(app, "channel_save").click().run()
    assert app.code[0].value.startswith("whsec_")

    assert [code.value for code in opened(small, open_page).code] == []


def test_what_was_given_up_says_why_and_is_sent_again(small: World, open_page: Open) -> None:  # noqa: F811
    channel_id = kept(small.engine)
    put(small.engine, "a", channel_id, subject="Engpass: <b>E3</b>")
    (message,) = list_messages(small.engine, limit=9)
    mark_failed(small.engine, message, Problem("message.refused", {"channel": "Pikett"}, "550 no such user"))
    app = opened(small, open_page)
    assert "1 ist aufgegeben." in words(app)
    (row,) = html_table(app, "Postausgang").rows
    assert (row["message_subject"], "550 no such user" in row["message_problem"]) == ("Engpass: <b>E3</b>", True)

    app = button(app, "outbox_all_again").click().run()

    assert list_messages(small.engine, limit=9)[0].state == "waiting"
    assert "1 Nachricht wird gleich gesendet." in app.success[0].value


@pytest.mark.parametrize("act", ["switch", "remove"])
def test_a_channel_is_switched_off_and_removed_after_a_question(
    small: World, open_page: Open, act: str  # noqa: F811
) -> None:  # fmt: skip
    kept(small.engine)
    app = open_channel(opened(small, open_page))
    app = button(app, f"channel_{act}").click().run()
    if act == "remove":
        assert "entfernen?" in words(app)
        app = button(app, "channel_remove_now").click().run()

    assert [one.active for one in all_channels(small.engine)] == ([] if act == "remove" else [False])
