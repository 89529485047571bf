"""A password that somebody else has set opens one thing: the form for one's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, update

from core.access import accounts as access
from core.access import api_tokens
from core.access.accounts import AccessError, Session
from core.access.own_password import change_password
from core.cache.schema import accounts
from core.roles import PASSWORD_DUE, ROLES, Action, Actor, NotAllowed, allows, command_actor, may_open
from tests.actors import ADMIN, actor
from tests.page_world import World
from tests.served import Served
from tests.test_pages import hardened, no_runtime_left, open_page, small, words  # noqa: F401

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
GIVEN, OWN = "Birke-Nachthemd-27x", "Kompass-Distel-82y"


def role_of(engine: Engine, name: str, password: str) -> str:
    """What the session of a sign-in may do."""
    token = access.sign_in(engine, name, password, now=NOW)
    assert isinstance(token, str)
    session = access.session_of(engine, token, NOW)
    assert isinstance(session, Session)
    return session.role


def test_such_a_session_may_change_its_password_and_nothing_else() -> None:
    assert [action for action in Action if allows(PASSWORD_DUE, action)] == [Action.OWN_ACCOUNT]
    assert [action for action in Action if may_open(PASSWORD_DUE, action)] == [Action.OWN_ACCOUNT]
    assert PASSWORD_DUE not in ROLES


def test_the_first_admin_chooses_a_password_of_their_own(database: Engine) -> None:
    password = access.create_first_admin(database, NOW)
    assert password is not None
    assert role_of(database, "admin", password) == PASSWORD_DUE

    change_password(database, Actor("admin", PASSWORD_DUE, "page"), password, OWN, NOW)

    assert role_of(database, "admin", OWN) == "admin"


@pytest.mark.parametrize("by", [ADMIN, command_actor()], ids=["admin", "command-line"])
def test_whatever_password_somebody_else_sets_has_to_be_changed(database: Engine, by: Actor) -> None:
    access.add(database, by, "anna", GIVEN, "support", NOW)
    assert role_of(database, "anna", GIVEN) == PASSWORD_DUE
    change_password(database, actor("anna", PASSWORD_DUE), GIVEN, OWN, NOW)
    assert role_of(database, "anna", OWN) == "support"

    access.passwd(database, by, "anna", GIVEN, NOW)

    assert role_of(database, "anna", GIVEN) == PASSWORD_DUE


def test_the_former_password_is_no_new_one(database: Engine) -> None:
    access.add(database, ADMIN, "anna", GIVEN, "support", NOW)

    with pytest.raises(AccessError) as caught:
        change_password(database, actor("anna", PASSWORD_DUE), GIVEN, GIVEN, NOW)

    assert caught.value.codes == ["password.same"]
    assert role_of(database, "anna", GIVEN) == PASSWORD_DUE


def test_programs_of_the_account_go_on_and_no_new_ones_are_made(database: Engine) -> None:
    access.add(database, ADMIN, "anna", GIVEN, "admin", NOW)
    change_password(database, actor("anna", PASSWORD_DUE), GIVEN, OWN, NOW)
    _, secret = api_tokens.make(database, actor("anna", "admin"), "report", "viewer", NOW + timedelta(days=9), NOW)

    access.passwd(database, ADMIN, "anna", GIVEN, NOW)

    found = api_tokens.actor_of(database, secret, NOW + timedelta(minutes=1))
    assert found is not None
    with pytest.raises(NotAllowed):
        api_tokens.make(database, actor("anna", PASSWORD_DUE), "other", "viewer", NOW + timedelta(days=9), NOW)


# ---------------------------------------------------------------- the real server


@pytest.fixture
def due(served: Served) -> Iterator[dict[str, str]]:
    """The cookie of a session of anna, an admin, whose password somebody else has set."""
    with served.engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.name == "anna").values(must_change_password=True))
    yield served.cookie()
    with served.engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.name == "anna").values(must_change_password=False))


def get(served: Served, path: str, cookies: dict[str, str]) -> requests.Response:
    return requests.get(served.url + path, cookies=cookies, allow_redirects=False, timeout=20)


def test_every_page_leads_to_the_form(served: Served, due: dict[str, str]) -> None:
    assert get(served, "/", due).status_code == 200
    for page in ("/two", "/secret", "/two?q=abc"):
        answer = get(served, page, due)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/tenants", "/api/v1/licenses"])
def test_programs_get_nothing_by_such_a_session(served: Served, due: dict[str, str], path: str) -> None:
    assert get(served, path, due).status_code in (401, 403)


# ---------------------------------------------------------------- the page


def test_the_only_page_shows_the_form_and_nothing_else(small: World, open_page: Any) -> None:  # noqa: F811
    access.add(small.engine, ADMIN, "anna", GIVEN, "admin", datetime.now(UTC))
    app = open_page(small, "pages/own_account.py", user={"name": "anna", "role": PASSWORD_DUE, "sid": "1"})

    assert [field.key for field in app.text_input] == [f"own_password_{part}" for part in ("current", "new", "again")]
    assert [button.key for button in app.button] == ["own_password_now"]
    assert "jemand anderem gesetzt" in app.info[0].value


@pytest.mark.parametrize("page", ["all_tenants", "products", "tenant", "monitoring", "rules", "accounts", "audit_log"])
def test_no_other_page_is_there(small: World, open_page: Any, page: str) -> None:  # noqa: F811
    app = open_page(small, f"pages/{page}.py", user={"name": "anna", "role": PASSWORD_DUE, "sid": "1"})

    assert [title.value for title in app.title] == ["Mein Konto"]
    assert [button.key for button in app.button] == ["own_password_now"]
