"""Long addresses, many parameters, large headers: refused before anything looks at them, in a few words."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import Engine

from core import audit
from core.access import api_tokens
from core.audit import Search
from core.bounds import LONGEST_SEARCH, MOST_WORDS, search_words
from core.licenses.alarm_rules import Rule
from core.tenants.tenant_rules import RuleFileError, keep, parse
from tests.actors import ADMIN
from tests.api_world import Served as Api
from tests.api_world import serve as serve_api
from tests.page_world import NOW, small_world
from tests.served import Served
from tests.ws_client import Tab
from web.api.call import nearest
from web.limits.request_limits import LARGEST_HEADERS, LONGEST_ADDRESS, MOST_HEADERS, MOST_PARAMETERS, too_large
from web.request_data import cookies_of


def scope(query: bytes = b"", headers: Any = (), path: str = "/") -> dict[str, Any]:
    return {"type": "http", "path": path, "query_string": query, "headers": list(headers)}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param(scope(b"a=1"), 0, id="usual"),
        pytest.param(scope(b"a" * (LONGEST_ADDRESS - 1)), 0, id="longest"),
        pytest.param(scope(b"a" * LONGEST_ADDRESS), 414, id="long-query"),
        pytest.param(scope(path="/" * (LONGEST_ADDRESS + 1)), 414, id="long-path"),
        pytest.param(scope(b"&" * MOST_PARAMETERS), 414, id="parameters"),
        pytest.param(scope(headers=[(b"cookie", b"a" * LARGEST_HEADERS)]), 431, id="cookie"),
        pytest.param(scope(headers=[(b"x", b"")] * (MOST_HEADERS + 1)), 431, id="headers"),
    ],
)
def test_the_head_of_a_request_is_bounded(asked: dict[str, Any], status: int) -> None:
    assert too_large(asked) == status


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        pytest.param(f"/?q={'a' * LONGEST_ADDRESS}", {}, 414, id="page"),
        pytest.param(f"/login?next={'/a' * LONGEST_ADDRESS}", {}, 414, id="sign-in"),
        pytest.param(f"/api/v1/licenses?{'a=1&' * MOST_PARAMETERS}", {}, 414, id="api"),
        pytest.param("/health", {"Cookie": 'a="\\' * 10_000}, 431, id="cookie"),
        pytest.param("/health", {f"X-{number}": "a" for number in range(MOST_HEADERS)}, 431, id="many-headers"),
        pytest.param("/metrics", {"Authorization": f"Bearer {'a' * LARGEST_HEADERS}"}, 431, id="token"),
        pytest.param("/", {"If-None-Match": '"a",' * 10_000, "Range": "bytes=" + "0-1," * 1000}, 431, id="etags"),
    ],
)
def test_large_heads_are_refused_in_a_few_words(
    served: Served, address: str, headers: dict[str, str], status: int
) -> None:
    answer = requests.get(served.url + address, headers=headers, timeout=20, allow_redirects=False)

    assert answer.status_code == status
    assert len(answer.content) < 500
    assert answer.headers["x-request-id"]


def test_a_redirect_is_no_larger_than_what_the_sign_in_takes(served: Served) -> None:
    long = requests.get(f"{served.url}/two?q={'%26' * 2000}", timeout=20, allow_redirects=False)
    short = requests.get(f"{served.url}/two?q=1", timeout=20, allow_redirects=False)

    assert (long.status_code, long.headers["location"]) == (303, "/login")
    assert short.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        pytest.param("lizenztool_session=abc", "abc", id="alone"),
        pytest.param("a=1; lizenztool_session=abc ;b=2", "abc", id="among-others"),
        pytest.param("odd[name]={1}; ;=x; nothing; lizenztool_session=abc", "abc", id="beside-odd-ones"),
        pytest.param("lizenztool_session", None, id="no-value"),
    ],
)
def test_a_cookie_is_read_whatever_stands_beside_it(cookie: str, token: str | None) -> None:
    """Other programs under the same host name leave cookies, too."""
    found = cookies_of(scope(headers=[(b"cookie", cookie.encode())]))

    assert found.get("lizenztool_session") == token


# ---------------------------------------------------------------- pages


def test_many_parameters_of_a_page_are_tidied_up_in_one_go(served: Served) -> None:
    with Tab(served, served.session("vera")) as tab:
        tab.rerun("two", query_string="&".join(f"a{number}=1" for number in range(MOST_PARAMETERS)))
        assert "Two" in tab.text()
        before = len((served.folder / "output.txt").read_text())
        tab.send(rerun_script={"page_name": "two", "query_string": "a&" * MOST_PARAMETERS})
        tab.rerun("two")

    assert "too many parameters" in (served.folder / "output.txt").read_text()[before:]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("  a b a ", ["a", "b"], id="each-once"),
        pytest.param(" ".join(map(str, range(100))), [str(number) for number in range(MOST_WORDS)], id="first-ones"),
        pytest.param("x" * 10_000, ["x" * LONGEST_SEARCH], id="long"),
        pytest.param("", [], id="none"),
    ],
)
def test_a_search_has_few_words(typed: str, words: list[str]) -> None:
    assert search_words(typed) == words


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(" ".join(map(str, range(4000))), id="4000-words"),
        pytest.param("a\x00b \ud800 '; drop table audit; %_\\", id="control-characters"),
        pytest.param("%" * 10_000, id="wildcards"),
    ],
)
def test_the_audit_can_be_searched_for_anything(database: Engine, words: str) -> None:
    audit.record(database, ADMIN, "test", "target")

    assert audit.find(database, ADMIN, Search(words=words), limit=9) == ([], 0)


# ---------------------------------------------------------------- text for the database


def test_no_text_for_the_database_holds_what_it_does_not_take(database: Engine) -> None:
    """NUL, on PostgreSQL: it would read like a database that is down."""
    for name in ("a\x00b", "a\nb", "\ud800"):
        with pytest.raises(api_tokens.TokenError):
            api_tokens.make(database, ADMIN, name, "viewer", NOW.replace(year=NOW.year + 1), NOW)
    keep(database, Rule("", "", "a\x00b \ud800 reason", "auth\x00or", NOW, warn=1), ADMIN)
    audit.record(database, ADMIN, "test", "tar\x00get", before={"a\x00": "\ud800"}, reason="\x00")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"version": 1, "rules": ' + '{"a":' * 50_000 + "1" + "}" * 50_001, id="deep-and-whole"),
        pytest.param('{"version": ' + "9" * 5000 + "}", id="long-number"),
        pytest.param('{"version": 1e999, "rules": []}', id="infinite"),
        pytest.param('{"version": 1, "rules": [{"threshold": 1e400}]}', id="infinite-threshold"),
        pytest.param('{"version": 1, "rules": [{"reason": "\\ud800", "until": "9999-99-99", "x": 1}]}', id="half-sign"),
        pytest.param("\ufeff\x00", id="no-json"),
    ],
)
def test_a_file_of_rules_is_refused_in_words(content: str) -> None:
    with pytest.raises(RuleFileError) as refused:
        parse(content, NOW)

    assert all(len(problem.text("de")) < 500 for problem in refused.value.problems)


# ---------------------------------------------------------------- API


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    world = small_world(tmp_path_factory.mktemp("large"), api_requests_per_minute=100_000)
    with serve_api(world.runtime) as server:
        yield server


def test_an_answer_about_wrong_parameters_is_short(api: Api) -> None:
    answer = api.get("/licenses?" + "&".join(f"{'x' * 20}{number}=1" for number in range(900)))

    assert answer.status_code == 422
    assert answer.json()["error"]["details"][-1]["message"] == "And 880 more."
    assert len(answer.content) < 5_000


def test_an_answer_about_a_long_name_is_short(api: Api) -> None:
    answers = [
        api.get(f"/licenses?{'sort' * 5_000}=1"),
        api.get(f"/{'a/' * 10_000}"),
        api.call("PATCH", "/tenants/hoeri", role="admin", json={"x" * 100_000: 1}),
        api.call("PATCH", "/tenants/hoeri", role="admin", json={f"x{number}": 1 for number in range(10_000)}),
        api.call("POST", "/refreshes", role="support", json={"tenants": ["x" * 300] * 999}),
        api.get(f"/licenses?tenant={'&tenant='.join(['x' * 300] * 90)}"),
    ]

    assert {answer.status_code // 100 for answer in answers} == {4}
    assert all(len(answer.content) < 15_000 for answer in answers)
    assert nearest("sort" * 5_000, ["sort"]) == ""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 500_000, id="deep"),
        pytest.param('{"tenants":' + "[" * 100_000 + "]" * 100_000 + "}", id="deep-and-whole"),
        pytest.param('{"tenants":[' + "9" * 5000 + "]}", id="long-number"),
        pytest.param('{"tenants":["\\u0000"]}', id="nul"),
        pytest.param('{"tenants":["\\ud800"]}', id="half-a-sign"),
        pytest.param('{"tenants":[1e999, NaN]}', id="infinite"),
        pytest.param("\x00\ufeff", id="no-json"),
    ],
)
def test_a_body_that_python_refuses_is_the_callers_fault(api: Api, body: str) -> None:
    answer = api.call("POST", "/refreshes", role="support", data=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\n"])
@pytest.mark.parametrize("place", ["/licenses?q=", "/licenses?tenant=", "/tenants/", "/tenants?q=", "/runs/"])
def test_control_characters_are_refused_before_the_database(api: Api, place: str, sign: str) -> None:
    answer = api.get(f"{place}{quote('a' + sign)}")

    assert answer.status_code in (404, 422)


def test_wrong_tokens_at_the_metrics_are_counted_too(api: Api) -> None:
    address = api.url.removesuffix("/api/v1") + "/metrics"
    wrong = {"Authorization": "Bearer lzt_wrong"}
    statuses = [requests.get(address, headers=wrong, timeout=20).status_code for _ in range(21)]

    assert statuses == [401] * 20 + [429]
    assert requests.get(address, headers=api.bearer("viewer"), timeout=20).status_code == 200
