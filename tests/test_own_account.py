"""Mein Konto: a new password, the second factor, and one's own sessions; for every role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from core.access import accounts, second_factor
from core.access.accounts import AccessError
from core.access.own_password import change_password
from core.access.reauthentication import WrongPassword
from core.access.sessions import Session, end_for, open_sessions, session_of, start_session
from core.cache.account_rows import Account, add_account
from core.roles import NOBODY, Actor, NotAllowed
from tests.actors import ADMIN, entry
from tests.html_tables import html_table
from tests.page_world import World
from tests.people import add_person
from tests.test_pages import (  # noqa: F401
    button,
    hardened,
    key_of,
    no_runtime_left,
    open_page,
    small,
    words,
)

OWN = "pages/own_account.py"
PASSWORD, NEW = "Birke-Nachthemd-27x", "Kompass-Distel-82y"
ROLES = {"gast": "viewer", "anna": "support", "admin": "admin"}


@pytest.fixture
def world(small: World) -> World:  # noqa: F811
    """One account for each role, and one that signs in with Microsoft."""
    for name, role in ROLES.items():
        add_person(small.engine, name, PASSWORD, role)
    now = datetime.now(UTC)
    add_account(small.engine, Account("entra:1:2", "", "viewer", False, now, now, "entra", "Eva Muster"), entry())
    return small


def user(name: str) -> dict[str, str]:
    return {"name": name, "role": ROLES.get(name, "viewer"), "sid": "1"}


def actor(name: str) -> Actor:
    return Actor(name, ROLES[name], "page")


def signs_in(world: World, name: str, password: str) -> bool:
    found = accounts.sign_in(world.engine, name, password, now=datetime.now(UTC))
    return not isinstance(found, accounts.SignInRefused)


def fill(app: AppTest, current: str, new: str, again: str) -> AppTest:
    for field, value in (("current", current), ("new", new), ("again", again)):
        app.text_input(key=f"own_password_{field}").set_value(value)
    return app.button(key="own_password_now").click().run()


# Password


@pytest.mark.parametrize("name", list(ROLES))
def test_everybody_changes_their_own_password_and_is_signed_out(name: str, world: World, open_page: Any) -> None:  # noqa: F811
    token = start_session(world.engine, name, datetime.now(UTC))

    app = fill(open_page(world, OWN, user=user(name)), PASSWORD, NEW, NEW)

    assert not app.error
    assert session_of(world.engine, token, datetime.now(UTC)) is None
    assert signs_in(world, name, NEW)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param(("falsch", NEW, NEW), "stimmt nicht", id="wrong"),
        pytest.param((PASSWORD, NEW, NEW + "x"), "nicht gleich", id="differs"),
        pytest.param((PASSWORD, "kurz", "kurz"), "mindestens 8 Zeichen", id="weak"),
        pytest.param(("", NEW, NEW), "alle drei Felder", id="empty"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_changes(
    typed: tuple[str, str, str],
    said: str,
    world: World,
    open_page: Any,  # noqa: F811
) -> None:
    app = fill(open_page(world, OWN, user=user("anna")), *typed)

    assert said in app.error[0].value.replace("\\", "")
    assert signs_in(world, "anna", PASSWORD)


def test_whoever_finds_an_open_tab_cannot_try_passwords_for_long(world: World) -> None:
    now = datetime.now(UTC)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            change_password(world.engine, actor("anna"), "geraten", NEW, now)

    with pytest.raises(WrongPassword) as caught:
        change_password(world.engine, actor("anna"), PASSWORD, NEW, now)
    assert caught.value.problem.code == "access.password_wait"

    change_password(world.engine, actor("anna"), PASSWORD, NEW, now + timedelta(minutes=1))
    assert signs_in(world, "anna", NEW)


def test_only_ones_own_password_is_changed_this_way(world: World) -> None:
    with pytest.raises(NotAllowed):
        change_password(world.engine, NOBODY, PASSWORD, NEW, datetime.now(UTC))
    with pytest.raises(AccessError):
        change_password(world.engine, Actor("entra:1:2", "viewer", "page"), "", NEW, datetime.now(UTC))


# Second factor


def begin_factor(app: AppTest, password: str = PASSWORD) -> None:
    app.text_input(key="own_factor_password").set_value(password)
    app.button(key="factor_begin").click().run()


def test_an_open_tab_alone_sets_no_second_factor_up(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, OWN, user=user("anna"))
    begin_factor(app, "geraten")

    assert "stimmt nicht" in app.error[0].value
    assert not app.code
    assert signs_in(world, "anna", PASSWORD)


def test_the_second_factor_is_set_up_with_recovery_codes_shown_once(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, OWN, user=user("anna"))
    begin_factor(app)
    secret = app.code[0].value

    app.text_input(key="factor_confirm_code").set_value(pyotp.TOTP(secret).now())
    app.button(key="factor_confirm_now").click().run()

    codes = app.code[0].value.splitlines()
    assert len(codes) == second_factor.RECOVERY_CODES
    assert second_factor.state(world.engine, "anna").since is not None
    assert secret not in str(app.code)

    app.button(key="secret_close").click().run()
    app.text_input(key="factor_remove_code").set_value(codes[0])
    app.button(key="factor_remove_now").click().run()
    assert second_factor.state(world.engine, "anna").since is None
    assert "entfernt" in app.success[0].value


def test_a_wrong_code_sets_nothing_up(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, OWN, user=user("anna"))
    begin_factor(app)

    app.text_input(key="factor_confirm_code").set_value("000000x")
    app.button(key="factor_confirm_now").click().run()

    assert app.error
    assert second_factor.state(world.engine, "anna").since is None


def test_an_account_of_microsoft_manages_neither_here(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, OWN, user={"name": "entra:1:2", "shown": "Eva Muster", "role": "viewer", "sid": "1"})

    assert "meldet sich mit Microsoft an" in app.info[0].value
    assert not app.text_input


# Sessions


def confirm(app: AppTest, proof: str) -> None:
    """Answer the question before sessions are ended."""
    app.text_input(key=key_of(app, "session_proof")).set_value(proof)
    button(app, "session_now").click().run()


def test_everybody_sees_and_ends_their_own_sessions_alone(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    own, other = start_session(world.engine, "gast", now), start_session(world.engine, "anna", now)
    app = open_page(world, OWN, user=user("gast"))
    assert len(html_table(app, "Eigene Sitzungen").rows) == 1

    button(app, "sessions_end_own").click().run()
    confirm(app, PASSWORD)

    assert session_of(world.engine, own, now) is None
    assert isinstance(session_of(world.engine, other, now), Session)


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_the_sessions_of_others_are_nobodys_business(role: str, world: World) -> None:
    now = datetime.now(UTC)
    token = start_session(world.engine, "admin", now)
    somebody = Actor("gast", role, "page")

    for attempt in (
        lambda: open_sessions(world.engine, somebody, now),
        lambda: open_sessions(world.engine, somebody, now, account="admin"),
        lambda: end_for(world.engine, somebody, now, account="admin", proof=PASSWORD),
    ):
        with pytest.raises(NotAllowed):
            attempt()

    assert isinstance(session_of(world.engine, token, now), Session)


def test_a_session_is_not_ended_under_the_name_of_another_account(world: World) -> None:
    now = datetime.now(UTC)
    token = start_session(world.engine, "admin", now)
    (session,) = open_sessions(world.engine, ADMIN, now, account="admin")

    assert end_for(world.engine, actor("gast"), now, account="gast", session=session.id, proof=PASSWORD) == 0
    assert isinstance(session_of(world.engine, token, now), Session)


def test_open_are_the_sessions_that_still_hold_in_both_databases(database: Engine) -> None:
    now = datetime.now(UTC)
    for name in ("anna", "beat"):
        accounts.add(database, ADMIN, name, PASSWORD, "support")
    kept = start_session(database, "anna", now, address="10.0.0.9", user_agent="curl/8")
    start_session(database, "anna", now - timedelta(hours=9))
    accounts.sign_out(database, start_session(database, "anna", now), now)
    start_session(database, "beat", now - timedelta(minutes=1))

    found = open_sessions(database, ADMIN, now)

    assert [(one.account, one.address) for one in found] == [("anna", "10.0.0.9"), ("beat", "")]
    assert end_for(database, ADMIN, now, account="anna", proof="anna") == 1
    assert end_for(database, ADMIN, now, account="anna", proof="anna") == 0
    assert session_of(database, kept, now) is None
    accounts.disable(database, ADMIN, "beat")
    assert open_sessions(database, ADMIN, now) == []


def test_the_page_says_who_is_signed_in(world: World, open_page: Any) -> None:  # noqa: F811
    assert "gast · Rolle viewer" in words(open_page(world, OWN, user=user("gast")))
