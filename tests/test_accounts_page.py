"""Konten, Sitzungen and Programme as an admin meets them, and what others see of them: nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import runtime
from core.access import accounts, api_tokens, second_factor
from core.access.sessions import Session, open_sessions, session_id, session_of, start_session
from core.audit import Search, find
from core.cache.account_rows import Account, add_account, change_account
from core.roles import Actor, allows
from tests.actors import ADMIN as CHEFIN
from tests.actors import entry
from tests.html_tables import click, html_table, html_tables
from tests.page_world import HOSTILE, World
from tests.people import add_person
from tests.test_pages import (  # noqa: F401
    DASHBOARD,
    START,
    button,
    hardened,
    key_of,
    no_runtime_left,
    open_page,
    small,
    words,
)
from ui.accounts.browser_names import browser_words
from ui.escaping import plain
from ui.frame import navigation

ACCOUNTS, PROGRAMS, AUDIT, OWN = "pages/accounts.py", "pages/programs.py", "pages/audit_log.py", "pages/own_account.py"
PASSWORD = "Birke-Nachthemd-27x"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
USERS = {
    role: {"name": name, "role": role, "sid": "1", "address": "10.0.0.7"}
    for role, name in (("viewer", "gast"), ("support", "anna"), ("admin", "admin"))
}


@pytest.fixture
def world(small: World) -> World:  # noqa: F811
    """Two tenants; the accounts admin and anna, and one that signs in with Microsoft under a hostile name."""
    for name, role in (("admin", "admin"), ("anna", "support")):
        add_person(small.engine, name, PASSWORD, role)
    now = datetime.now(UTC)
    guest = Account("entra:1:2", "", "viewer", False, now, now, provider="entra", display_name=HOSTILE)
    add_account(small.engine, guest, entry())
    return small


def open_account(app: AppTest, name: str) -> AppTest:
    accounts = html_table(app, "Alle Konten")
    return click(app, accounts, accounts.column("account").index(name), "name")


def open_session(app: AppTest, row: int) -> AppTest:
    return click(app, html_table(app, "Offene Sitzungen"), row, "browser")


def account(world: World, name: str) -> Account:
    return next(found for found in accounts.list_accounts(world.engine, CHEFIN) if found.name == name)


def newest(world: World) -> tuple[str, str, str]:
    row = find(world.engine, CHEFIN, Search(), limit=1)[0][0]
    return row.action, row.target, row.actor


# Who sees what


@pytest.mark.parametrize("role", list(USERS))
def test_the_menu_has_the_pages_that_a_role_may_open(role: str) -> None:
    shown = list(navigation.page_entries(Actor("x", role, "page")))

    assert shown == [address for address, place in navigation.PAGES_BY_ADDRESS.items() if allows(role, place.action)]
    assert {"konten", "programme", "protokoll"} & set(shown) == (
        {"konten", "programme", "protokoll"} if role == "admin" else set()
    )


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("viewer", []),
        ("support", []),
        (
            "admin",
            [
                "Tenant aufnehmen",
                "Stufen",
                "Benachrichtigungen",
                "Händler",
                "Konten",
                "Zugang für Programme",
                "Protokoll",
                "Betrieb",
            ],
        ),
    ],
)
def test_administration_is_linked_for_admins_alone(role: str, links: list[str], world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, user=USERS[role])

    assert [link.proto.label for link in app.sidebar.get("page_link")] == [*links, "Mein Konto"]


@pytest.mark.parametrize("role", ["viewer", "support"])
@pytest.mark.parametrize("path", [ACCOUNTS, PROGRAMS, AUDIT])
def test_a_page_that_is_run_all_the_same_refuses(path: str, role: str, world: World) -> None:
    runtime.install(world.runtime)
    app = AppTest.from_file(str(Path(DASHBOARD).with_name("pages") / Path(path).name), default_timeout=30)
    app.user = USERS[role]

    app.run()

    assert "darf diese Seite nicht sehen" in app.error[0].value
    assert not html_tables(app)
    assert not app.title


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("path", [ACCOUNTS, PROGRAMS, AUDIT, OWN])
def test_every_page_opens_for_an_admin(path: str, language: str, world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, path, lang=language)

    assert not app.exception
    assert app.title
    assert all(table.name for table in html_tables(app))
    assert "<img" not in words(app).replace("\\<img", "")


# Accounts


def test_every_account_is_listed_with_what_matters(world: World, open_page: Any) -> None:  # noqa: F811
    start_session(world.engine, "anna", datetime.now(UTC), address="10.0.0.9", user_agent=FIREFOX)

    shown = html_table(open_page(world, ACCOUNTS), "Alle Konten")

    anna = shown.rows[shown.column("account").index("anna")]
    assert (anna["provider"], anna["role"], anna["access"], anna["second_factor"], anna["sessions"]) == (
        "Passwort", "support", "zugelassen", "nein", "1",
    )  # fmt: skip
    assert sorted(shown.column("name")) == sorted(["admin", "anna", HOSTILE])


def test_accounts_are_sorted_as_a_german_reader_expects(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    for number, name in enumerate(("Özkan", "Zora", "oskar", "Änni")):
        guest = Account(f"entra:1:{number + 3}", "", "viewer", False, now, now, provider="entra", display_name=name)
        add_account(world.engine, guest, entry())

    names = html_table(open_page(world, ACCOUNTS), "Alle Konten").column("name")

    assert [name for name in names if name != HOSTILE] == ["admin", "anna", "Änni", "oskar", "Özkan", "Zora"]


def test_a_new_account_is_added_with_a_password_that_is_shown_once(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, ACCOUNTS)
    app.button(key="account_add").click().run()
    app.text_input(key="account_name").set_value("Beat").run()
    app.selectbox(key="account_role").set_value("viewer").run()

    button(app, "account_now").click().run()

    assert newest(world) == ("account.added", "beat", "admin")
    assert account(world, "beat").role == "viewer"
    found = accounts.sign_in(world.engine, "beat", app.code[0].value, now=datetime.now(UTC))
    assert not isinstance(found, accounts.SignInRefused)
    app.button(key="secret_close").click().run()
    assert not app.code


def test_a_secret_does_not_outlive_the_visit(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_account(open_page(world, ACCOUNTS), "anna")
    button(app, "account_new_password").click().run()
    button(app, "account_now").click().run()
    password = app.code[0].value
    assert accounts.sign_in(world.engine, "anna", password, now=datetime.now(UTC))

    app.switch_page(START).run()
    assert "_secret" not in app.session_state

    app.switch_page(ACCOUNTS).run()
    assert not app.code


def test_what_is_wrong_with_a_new_account_is_told(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, ACCOUNTS)
    app.button(key="account_add").click().run()
    app.text_input(key="account_name").set_value("anna").run()
    app.checkbox(key="account_generate").set_value(False).run()
    app.text_input(key="account_password").set_value("kurz").run()

    button(app, "account_now").click().run()
    assert plain("mindestens 8 Zeichen") in app.error[0].value

    app.text_input(key="account_password").set_value(PASSWORD).run()
    button(app, "account_now").click().run()
    assert "gibt es schon" in app.error[0].value


def test_a_role_is_changed_and_the_sessions_end(world: World, open_page: Any) -> None:  # noqa: F811
    token = start_session(world.engine, "anna", datetime.now(UTC))
    app = open_account(open_page(world, ACCOUNTS), "anna")
    button(app, "account_change_role").click().run()
    app.selectbox(key=key_of(app, "account_new_role")).set_value("admin").run()

    button(app, "account_now").click().run()

    assert account(world, "anna").role == "admin"
    assert session_of(world.engine, token, datetime.now(UTC)) is None
    assert "hat jetzt die Rolle admin" in app.success[0].value


def test_an_account_is_disabled_after_a_question_and_enabled_after_another(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_account(open_page(world, ACCOUNTS), "anna")
    button(app, "account_disable").click().run()
    assert "anna sperren?" in words(app)
    assert not account(world, "anna").disabled

    button(app, "account_now").click().run()
    assert account(world, "anna").disabled
    assert newest(world) == ("account.disabled", "anna", "admin")

    app = open_account(app, "anna")
    button(app, "account_enable").click().run()
    assert "anna wieder zulassen?" in words(app)
    button(app, "account_now").click().run()
    assert not account(world, "anna").disabled


def test_a_cancelled_question_changes_nothing(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_account(open_page(world, ACCOUNTS), "anna")
    button(app, "account_disable").click().run()

    app.button(key="account_cancel").click().run()

    assert not account(world, "anna").disabled
    assert "sperren?" not in words(app)


def test_the_last_admin_is_not_shut_out(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_account(open_page(world, ACCOUNTS), "admin")
    button(app, "account_disable").click().run()

    button(app, "account_now").click().run()

    assert "das letzte lokale Konto" in app.error[0].value
    assert not account(world, "admin").disabled


def test_the_second_factor_of_somebody_else_is_taken_away(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    change_account(world.engine, "anna", now, entry(), totp_secret="ABC", totp_confirmed_at=now)
    app = open_account(open_page(world, ACCOUNTS), "anna")
    button(app, "account_factor").click().run()

    button(app, "account_now").click().run()

    assert second_factor.state(world.engine, "anna").since is None
    assert "keinen zweiten Faktor mehr" in app.success[0].value


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        pytest.param("admin", {"change_role", "disable"}, id="own"),
        pytest.param("anna", {"change_role", "new_password", "disable"}, id="local"),
        pytest.param("", {"disable"}, id="microsoft"),
    ],
)
def test_only_what_can_be_changed_is_offered(name: str, offered: set[str], world: World, open_page: Any) -> None:  # noqa: F811
    app = open_account(open_page(world, ACCOUNTS), name)

    keys = {"change_role", "new_password", "disable", "enable", "factor"}
    assert {key for key in keys for shown in app.button if str(shown.key).startswith(f"account_{key}_")} == offered


# Sessions


def confirm(app: AppTest, proof: str = PASSWORD) -> None:
    """Answer the question before sessions are ended."""
    app.text_input(key=key_of(app, "session_proof")).set_value(proof)
    button(app, "session_now").click().run()


def test_open_sessions_are_listed_and_one_is_ended(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    first = start_session(world.engine, "anna", now - timedelta(minutes=5), address="10.0.0.9", user_agent=FIREFOX)
    second = start_session(world.engine, "anna", now)
    start_session(world.engine, "anna", now - timedelta(hours=2))  # has idled out
    app = open_page(world, ACCOUNTS)

    shown = html_table(app, "Offene Sitzungen")
    assert shown.column("name") == ["anna", "anna"]
    assert (shown.rows[1]["address"], shown.rows[1]["browser"]) == ("10.0.0.9", "Firefox 145 · Linux")

    app = open_session(app, 1)
    button(app, "session_end").click().run()
    confirm(app)

    assert session_of(world.engine, first, now) is None
    assert isinstance(session_of(world.engine, second, now), Session)
    assert newest(world) == ("session.ended", "anna", "admin")


def test_all_sessions_of_an_account_are_ended_and_no_other(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    for _ in range(3):
        start_session(world.engine, "anna", now)
    other = start_session(world.engine, "admin", now - timedelta(minutes=1))
    app = open_session(open_page(world, ACCOUNTS), 0)

    button(app, "sessions_end_all").click().run()
    assert "Alle Sitzungen von anna beenden?" in words(app)
    confirm(app)

    assert "3 Sitzungen von **anna** beendet" in app.success[0].value
    assert isinstance(session_of(world.engine, other, now), Session)


def test_the_own_session_is_marked(world: World, open_page: Any) -> None:  # noqa: F811
    token = start_session(world.engine, "admin", datetime.now(UTC))
    user = {"name": "admin", "role": "admin", "sid": session_id(token)}

    shown = html_table(open_page(world, ACCOUNTS, user=user), "Offene Sitzungen")

    assert shown.column("which") == ["diese hier"]


def test_a_session_that_is_over_is_no_fault(world: World, open_page: Any) -> None:  # noqa: F811
    token = start_session(world.engine, "anna", datetime.now(UTC))
    app = open_session(open_page(world, ACCOUNTS), 0)
    accounts.sign_out(world.engine, token, datetime.now(UTC))
    assert open_sessions(world.engine, CHEFIN, datetime.now(UTC)) == []

    button(app, "session_end").click().run()
    assert not app.exception


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        (FIREFOX, "Firefox 145 · Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
         "Edge 142 · Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome 142 · Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/26.1 Safari/605.1.15", "Safari 26 · macOS"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) {WEBKIT} CriOS/142.0.1 Mobile/15E148 Safari/604.1",
         "Chrome 142 · iOS"),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_told_in_short_words(user_agent: str, shown: str) -> None:
    assert browser_words(user_agent) == shown


# Programs


def test_access_for_a_program_is_made_and_its_secret_shown_once(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, PROGRAMS)
    assert "Noch kein Programm" in app.info[0].value
    app.button(key="token_add").click().run()
    app.text_input(key="token_name").set_value("Wochenbericht").run()

    app.button(key="token_now").click().run()

    (token,) = api_tokens.list_tokens(world.engine, CHEFIN)
    assert app.code[0].value.startswith(api_tokens.PREFIX)
    assert (token.name, token.role, token.created_by) == ("Wochenbericht", "viewer", "admin")
    assert timedelta(days=90) <= token.expires_at - token.created_at <= timedelta(days=92)
    assert html_table(app, "Zugänge für Programme").column("token_state") == ["gültig"]


def test_access_without_a_name_is_refused_in_words(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, PROGRAMS)
    app.button(key="token_add").click().run()

    app.button(key="token_now").click().run()

    assert app.error
    assert api_tokens.list_tokens(world.engine, CHEFIN) == []


def test_access_without_an_end_is_refused_in_words(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, PROGRAMS)
    app.button(key="token_add").click().run()
    app.text_input(key="token_name").set_value("Wochenbericht")
    app.date_input(key="token_until").set_value(None).run()

    app.button(key="token_now").click().run()

    assert app.error
    assert not app.exception
    assert api_tokens.list_tokens(world.engine, CHEFIN) == []


def test_access_is_revoked_after_a_question(world: World, open_page: Any) -> None:  # noqa: F811
    now = datetime.now(UTC)
    maker = Actor("admin", "admin", "page")
    api_tokens.make(world.engine, maker, "Bericht", "viewer", now + timedelta(days=9), now)
    app = open_page(world, PROGRAMS)
    click(app, html_table(app, "Zugänge für Programme"), 0, "token")

    button(app, "token_revoke").click().run()
    assert "Bericht widerrufen?" in words(app)
    assert api_tokens.list_tokens(world.engine, CHEFIN)[0].revoked_at is None
    button(app, "token_revoke_now").click().run()

    assert api_tokens.list_tokens(world.engine, CHEFIN)[0].revoked_at is not None
    assert html_table(app, "Zugänge für Programme").column("token_state") == ["widerrufen"]
