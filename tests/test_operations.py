"""What an operator sees of the running server: who calls through which proxy, request ids, health, metrics."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from core.cache.schema import sessions
from core.sessions import session_id
from tests.served import PASSWORD, Served, serve
from tests.tls_proxy import tls_proxy
from tests.ws_client import Tab

TRUSTED, STRANGER = "127.0.0.2", "127.0.0.3"
SECURE_COOKIE, COOKIE = "__Host-lizenztool_session", "lizenztool_session"
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


# ---------------------------------------------------------------- proxy


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that believes the proxies on TRUSTED, and takes JSON for its log."""
    with serve(tmp_path_factory.mktemp("behind"), proxy=[TRUSTED], log_format="json") as server:
        yield server


class Through:
    """The server as a browser sees it through a proxy with TLS."""

    def __init__(self, server: Served, url: str, authority: Path) -> None:
        self.served = Served(url, server.folder, server.engine)
        self._authority = authority

    def get(self, path: str, method: str = "GET", **options) -> requests.Response:
        options = {"allow_redirects": False, "timeout": 20, "verify": self._authority} | options
        return requests.request(method, self.served.url + path, **options)

    def sign_in(self, **options) -> requests.Response:
        return self.get("/login", "POST", data={"name": "anna", "password": PASSWORD}, **options)

    def tab(self, cookie: str, **headers: str) -> Tab:
        tls = ssl.create_default_context(cafile=self._authority)
        return Tab(self.served, headers={"Cookie": cookie, **headers}, tls=tls)


@pytest.fixture
def through(behind: Served, tmp_path: Path) -> Iterator[Through]:
    with tls_proxy(tmp_path, port_of(behind), own_address=TRUSTED) as (url, authority):
        yield Through(behind, url, authority)


@pytest.fixture
def through_a_stranger(behind: Served, tmp_path: Path) -> Iterator[Through]:
    """A proxy that nobody has named as trusted."""
    with tls_proxy(tmp_path, port_of(behind), own_address=STRANGER) as (url, authority):
        yield Through(behind, url, authority)


def port_of(server: Served) -> int:
    return int(server.host.rpartition(":")[2])


def address_of(server: Served, token: str) -> str:
    """From where the session was started, as the database knows it."""
    with server.engine.begin() as connection:
        query = select(sessions.c.address).where(sessions.c.token_hash == session_id(token))
        return str(connection.execute(query).scalar_one())


def test_behind_a_trusted_proxy_the_dashboard_opens_with_a_cookie_for_https_alone(through: Through) -> None:
    answer = through.sign_in()

    cookie = answer.headers["set-cookie"]
    token = answer.cookies[SECURE_COOKIE]
    with through.tab(f"{SECURE_COOKIE}={token}") as tab:
        tab.rerun()
        assert "name=anna" in tab.text()
    assert answer.status_code == 303
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"]
    assert through.get("/", cookies={SECURE_COOKIE: token}).status_code == 200


def test_behind_a_trusted_proxy_a_cookie_that_another_site_may_have_set_opens_nothing(through: Through) -> None:
    planted = {COOKIE: through.served.session()}

    assert through.get("/", cookies=planted).status_code == 303


def test_every_cookie_is_for_https_alone_also_that_of_streamlit_and_of_the_language(through: Through) -> None:
    session = {SECURE_COOKIE: through.served.session()}

    answers = [through.get("/login?lang=en"), through.get("/_stcore/health", cookies=session)]

    assert [answer.headers["set-cookie"].lower().count("; secure") for answer in answers] == [1, 1]


def test_sign_out_behind_a_trusted_proxy_ends_the_session(through: Through) -> None:
    cookies = {SECURE_COOKIE: through.served.session()}

    answer = through.get("/logout", "POST", cookies=cookies)

    assert answer.cookies[SECURE_COOKIE] == "signed-out"
    assert through.get("/", cookies=cookies).status_code == 303


@pytest.mark.parametrize("claimed", [{}, FORGED, {"X-Forwarded-For": "203.0.113.9, 127.0.0.2"}], ids=str)
def test_a_trusted_proxy_is_believed_about_its_own_caller_and_no_further(
    through: Through, claimed: dict[str, str]
) -> None:
    token = through.sign_in(headers=claimed).cookies[SECURE_COOKIE]

    assert address_of(through.served, token) == "127.0.0.1"  # the caller of the proxy


@pytest.mark.parametrize("claimed", [{}, FORGED], ids=str)
def test_a_strangers_proxy_is_not_believed(through_a_stranger: Through, claimed: dict[str, str]) -> None:
    answer = through_a_stranger.sign_in(headers=claimed)

    assert address_of(through_a_stranger.served, answer.cookies[COOKIE]) == STRANGER
    assert "strict-transport-security" not in answer.headers


def test_nobody_is_believed_unless_a_proxy_is_named(served: Served) -> None:
    form = {"name": "anna", "password": PASSWORD}
    answer = requests.post(f"{served.url}/login", form, headers=FORGED, allow_redirects=False, timeout=20)

    assert address_of(served, answer.cookies[COOKIE]) == "127.0.0.1"
    assert "strict-transport-security" not in answer.headers


def test_a_forged_address_escapes_no_waiting_time(served: Served) -> None:
    def attempt(number: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        return requests.post(
            f"{served.url}/login", {"name": "sperre", "password": "x"}, headers=headers, timeout=20
        ).status_code

    assert [attempt(number) for number in range(7)].count(429) >= 1


def test_a_host_name_that_the_proxy_only_forwards_opens_nothing(through: Through) -> None:
    forwarded = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}

    assert through.get("/login", headers=forwarded).status_code == 421


# ---------------------------------------------------------------- request ids


@pytest.mark.parametrize("path", ["/login", "/health", "/", "/_stcore/health", "/metrics"])
def test_every_answer_names_its_request(served: Served, path: str) -> None:
    answers = [requests.get(served.url + path, allow_redirects=False, timeout=20) for _ in range(2)]

    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert all(id_.isalnum() for id_ in ids)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        pytest.param("abc-DEF_123", True, id="good"),
        pytest.param("x" * 32, True, id="longest"),
        pytest.param("x" * 33, False, id="too-long"),
        pytest.param("a b", False, id="blank"),
        pytest.param("a;run=1", False, id="signs"),
        pytest.param("", False, id="empty"),
    ],
)
def test_a_callers_own_id_is_taken_only_when_it_may_stand_in_a_log(served: Served, told: str, taken: bool) -> None:
    answer = requests.get(f"{served.url}/health", headers={"X-Request-Id": told}, timeout=20)

    assert (answer.headers["x-request-id"] == told) is taken
    assert answer.headers["x-request-id"]


def test_what_a_tab_does_is_in_the_log_under_the_id_of_its_handshake_and_its_account(behind: Served) -> None:
    with Tab(behind, behind.session("vera"), headers={"X-Request-Id": "tab-of-vera"}) as tab:
        tab.send(clear_cache=True)
        tab.rerun()

    lines = [json.loads(line) for line in (behind.folder / "logs" / "lizenztool.log").read_text().split("\n") if line]
    (dropped,) = [line for line in lines if line["request"] == "tab-of-vera"]
    assert (dropped["message"], dropped["account"]) == ("Frame clear_cache of vera was dropped", "vera")


def test_the_server_says_nothing_but_json_when_it_is_asked_to(behind: Served) -> None:
    said = (behind.folder / "output.txt").read_text().split("\n")

    first, *lines = [line for line in said if line]

    assert first.startswith("Lizenztool: http://")  # on stdout, for whoever has just started it
    assert lines
    assert all(json.loads(line)["logger"] for line in lines)
