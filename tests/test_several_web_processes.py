"""Two web processes on one PostgreSQL: what is begun, opened, counted or asked at one holds at the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from core.access import api_tokens
from core.access.sign_in import CodeNeeded
from core.access.sign_in_budget import Charge
from core.access.sign_in_steps import half_from_json, half_to_json
from core.cache.account_rows import find_account
from tests.actors import actor
from tests.openid_provider import Entrance, Visitor, another_server, entrance
from tests.postgres import new_database

COOKIE = "lizenztool_session"
CALLS = 5  # a minute of each token


@pytest.fixture(scope="module")
def here(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    """A web process, and the provider of its sign-in."""
    with new_database(postgres_url) as url:
        settings = {"LIZENZTOOL_DATABASE_URL": url, "LIZENZTOOL_ROLE": "web"}
        settings["LIZENZTOOL_API_REQUESTS_PER_MINUTE"] = str(CALLS)
        with entrance(tmp_path_factory.mktemp("webs"), **settings) as opened:
            yield opened


@pytest.fixture(scope="module")
def there(here: Entrance) -> Iterator[str]:
    """The address of the other web process."""
    with another_server(here) as url:
        yield url


@pytest.fixture
def visitor(here: Entrance) -> Visitor:
    return Visitor(here)


def is_let_in(visitor: Visitor, url: str) -> bool:
    return visitor.get(f"{url}/two", allow_redirects=False).status_code == 200


def test_a_session_opened_here_holds_there_and_ends_here_when_it_is_closed_there(
    here: Entrance, there: str, visitor: Visitor
) -> None:
    visitor.sign_in_locally("vera")
    token = visitor.cookies[COOKIE]
    assert is_let_in(visitor, there)

    requests.post(f"{there}/logout", cookies={COOKIE: token}, headers={"origin": there}, timeout=20)

    end = time.monotonic() + 10  # another process notices within two seconds
    while is_let_in(visitor, here.url):
        assert time.monotonic() < end


def test_a_sign_in_with_microsoft_begun_here_ends_there_and_only_once(
    here: Entrance, there: str, visitor: Visitor
) -> None:
    callback = visitor.to_callback("sven").replace(here.url, there)
    begun = visitor.cookies.copy()
    visitor.get(callback)

    again = Visitor(here)
    again.cookies.update(begun)

    assert visitor.session is not None
    assert "expired" in again.get(callback).url


def bearer(here: Entrance, role: str) -> dict[str, str]:
    now = datetime.now(UTC)
    _, secret = api_tokens.make(here.engine, actor("anna", "admin"), "robot", role, now + timedelta(days=1), now)
    return {"authorization": f"Bearer {secret}"}


def test_calls_of_a_token_are_counted_together(here: Entrance, there: str) -> None:
    while True:
        minute, headers = time.time() // 60, bearer(here, "viewer")
        urls = (here.url, there) * CALLS
        answers = [requests.get(f"{url}/api/v1/tenants", headers=headers, timeout=20) for url in urls]
        if time.time() // 60 == minute:  # else the count began anew in the middle
            break

    assert [answer.status_code for answer in answers] == [200] * CALLS + [429] * CALLS


def test_a_refresh_asked_for_here_waits_for_the_workers_and_is_seen_there(here: Entrance, there: str) -> None:
    headers = bearer(here, "support")

    asked = requests.post(f"{here.url}/api/v1/refreshes", headers=headers, json={}, timeout=20)
    seen = requests.get(f"{there}{asked.headers['location']}", headers=headers, timeout=20)

    assert asked.status_code == 202
    assert (seen.status_code, seen.json()["data"]["state"]) == (200, "waiting")


def test_the_first_step_of_a_local_sign_in_passes_through_the_database_unchanged(here: Entrance) -> None:
    account = find_account(here.engine, "anna")
    assert account is not None
    half = CodeNeeded(account, "key", "device", Charge(0, {"account:x": timedelta(minutes=5)}))

    assert half_from_json(half_to_json(half)) == half
