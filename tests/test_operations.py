"""What an operator sees of the running server: who calls through which proxy, request ids, health, metrics."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import requests
from anyio.from_thread import start_blocking_portal
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, select, text
from starlette.requests import Request

from core.access import api_tokens, second_factor
from core.access.sessions import session_id
from core.cache.audit_rows import AuditRow, Search, find
from core.cache.database import open_database
from core.cache.health_reading import HealthReading, read_health
from core.cache.lists_read import ListedTenant, save_tenant_list
from core.cache.readings import save_failures
from core.cache.run_rows import finish_run, latest_run
from core.cache.schema import sessions
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.metrics import REGISTRY
from core.operations.health import judge
from core.problems import Problem
from core.refresh.lock import RefreshLock
from core.roles import ROLES, Actor
from core.runtime import Runtime
from core.settings import Settings
from simulator import Fault
from tests.log_files import log_with
from tests.office import open_office
from tests.page_world import NOW as WORLD_NOW
from tests.page_world import World, license_
from tests.served import PASSWORD, Served, serve
from tests.started_runs import start_run
from tests.tls_proxy import tls_proxy
from tests.ws_client import Tab
from web.health import HealthPages
from web.metrics_page import MetricsPage
from web.tabs import Tabs

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


def test_every_cookie_is_for_https_and_this_host_alone(through: Through) -> None:
    session = {SECURE_COOKIE: through.served.session()}

    answers = [through.get("/login?lang=en"), through.sign_in(), through.get("/_stcore/health", cookies=session)]

    cookies = [answer.headers.get("set-cookie", "") for answer in answers]
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-lang", SECURE_COOKIE, ""]  # none of Streamlit's
    for cookie in cookies[:2]:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


def test_the_language_is_remembered_over_https_too(through: Through) -> None:
    first = through.get("/login?lang=en")

    assert '<html lang="en">' in through.get("/login", cookies=first.cookies).text


def test_a_sign_in_under_way_is_bound_to_a_cookie_that_no_other_site_can_set(through: Through) -> None:
    actor = Actor("vera", "viewer", "page")
    now = datetime.now(UTC)
    setup = second_factor.begin(through.served.engine, actor, PASSWORD, now)
    totp = pyotp.TOTP(setup.secret)
    second_factor.confirm(through.served.engine, actor, totp.at(now), now)

    first = through.get("/login", "POST", data={"name": "vera", "password": PASSWORD})
    (name,) = first.cookies.keys()
    planted = through.get("/login/code", cookies={"lizenztool_code": first.cookies[name]})
    code = {"code": totp.at(now + timedelta(seconds=30))}
    second = through.get("/login/code", "POST", data=code, cookies=first.cookies)

    assert name == "__Host-lizenztool_code"
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(first.headers["set-cookie"].split("; "))
    assert planted.headers["location"] == "/login?reason=code"
    assert second.cookies[SECURE_COOKIE]
    assert '__Host-lizenztool_code=""' in second.headers["set-cookie"]


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

    written = log_with(behind.folder / "logs" / "lizenztool.log", "tab-of-vera")
    lines = [json.loads(line) for line in written.split("\n") if line]
    (dropped,) = [line for line in lines if line["request"] == "tab-of-vera"]
    assert (dropped["message"], dropped["account"]) == ("Frame clear_cache of vera was dropped", "vera")


def test_a_sign_in_is_in_the_audit_under_its_request_id(served: Served) -> None:
    headers = {"X-Request-Id": "sign-in-1"}
    form = {"name": "anna", "password": PASSWORD}
    requests.post(f"{served.url}/login", form, headers=headers, allow_redirects=False, timeout=20)

    rows, _ = find(served.engine, Search(words="anna"), limit=50)

    assert [row.action for row in rows if row.request_id == "sign-in-1"] == ["session.started"]


def test_the_server_says_nothing_but_json_when_it_is_asked_to(behind: Served) -> None:
    with Tab(behind, behind.session()) as tab:
        tab.send(clear_cache=True)  # which it logs that it drops
        tab.rerun()

    said = (behind.folder / "output.txt").read_text().split("\n")
    first, *lines = [line for line in said if line]

    assert first.startswith("Lizenztool: http://")  # on stdout, for whoever has just started it
    assert lines
    assert all(json.loads(line)["logger"] for line in lines)


# ---------------------------------------------------------------- health


def ready(server: Served, **options) -> requests.Response:
    return requests.get(f"{server.url}/health/ready", timeout=20, **options)


def finish(server: Served, *, minutes_ago: float, seconds: float = 10, scope: tuple[str, ...] = ()) -> None:
    """A refresh that came to its end."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    run_id = start_run(server.engine, "schedule", "", scope, at)
    finish_run(server.engine, run_id, "done", None, seconds, at)


def fail_a_tenant(server: Served) -> str:
    tenant = ProfileTenant("00000000-0000-4000-8000-000000000001", "hoeri", "Schule Höri", None)
    save_profiles(server.engine, [tenant], {})
    save_failures(server.engine, {tenant.tenant_id: Problem("graph.unreachable", {"tenant": tenant.name, "what": "x"})},
                  datetime.now(UTC))  # fmt: skip
    return tenant.name


def secret_of(server: Served, role: str = "viewer") -> str:
    now = datetime.now(UTC)
    maker = Actor("anna", "admin", "page")
    return api_tokens.make(server.engine, maker, f"prometheus {role}", role, now + timedelta(days=1), now)[1]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A server whose database a test may spoil; every tenant is told in its metrics."""
    with serve(tmp_path, metrics_tenants=True) as server:
        yield server


def test_a_new_server_without_background_refresh_is_ready(served: Served) -> None:
    answer = ready(served)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "refresh": "off", "tenants": "ok"}}


def test_failing_tenants_degrade_and_are_named_to_insiders_alone(fresh: Served) -> None:
    name = fail_a_tenant(fresh)
    bearer = {"Authorization": f"Bearer {secret_of(fresh)}"}
    strangers = [ready(fresh), ready(fresh, headers={"Authorization": "Bearer lzt_forged"}),
                 ready(fresh, cookies={COOKIE: "forged"})]  # fmt: skip
    insiders = [ready(fresh, headers=bearer), ready(fresh, cookies=fresh.cookie("vera"))]

    checks = {"database": "ok", "refresh": "off", "tenants": "degraded"}
    assert [answer.json() for answer in strangers] == [{"status": "ready", "checks": checks}] * 3
    assert [answer.status_code for answer in insiders] == [200, 200]
    for answer in insiders:
        (failing,) = answer.json()["details"]["failing_tenants"]
        assert (failing["tenant"], failing["code"]) == (name, "graph.unreachable")
        assert name in failing["message"]


def test_rows_that_vanished_degrade_are_named_to_insiders_and_counted(fresh: Served) -> None:
    tenant = ProfileTenant("00000000-0000-4000-8000-000000000001", "hoeri", "Schule Höri", None)
    save_profiles(fresh.engine, [tenant], {})
    row = ListedTenant("1", "Schule Höri", True, True)
    save_tenant_list(fresh.engine, [row], {tenant.tenant_id: row}, datetime.now(UTC))
    vanished_at = datetime.now(UTC)
    save_tenant_list(fresh.engine, [], {}, vanished_at)
    finish(fresh, minutes_ago=1)

    answer = ready(fresh, cookies=fresh.cookie()).json()
    assert (answer["status"], answer["checks"]["tenants"]) == ("ready", "degraded")
    assert answer["details"]["vanished_tenants"] == [{"tenant": "Schule Höri", "since": vanished_at.isoformat()}]
    assert scraped(fresh, cookies=fresh.cookie())["lizenztool_tenants_vanished"] == 1


@pytest.mark.parametrize(
    ("statement", "said", "why"),
    [
        pytest.param("ALTER TABLE runs RENAME TO gone", "unreachable", {}, id="broken"),
        pytest.param("UPDATE alembic_version SET version_num = 'moving-1'", "other version",
                     {"reason": "database.moving"}, id="not-complete-yet"),
    ],
)  # fmt: skip
def test_without_its_database_the_server_lives_but_is_not_ready(
    fresh: Served, statement: str, said: str, why: dict[str, str]
) -> None:
    with fresh.engine.begin() as connection:
        connection.execute(text(statement))

    answer = ready(fresh, cookies=fresh.cookie())

    checks = {"database": said, "refresh": "unknown", "tenants": "unknown"}
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "checks": checks} | why)
    assert requests.get(f"{fresh.url}/health", timeout=20).json() == {"status": "ok"}


def test_a_refresh_that_no_longer_comes_makes_the_server_not_ready_until_it_does(tmp_path: Path) -> None:
    lock = RefreshLock(tmp_path / "data")
    assert lock.take()  # as a process that hangs would
    with serve(tmp_path, refresh_minutes=0.01) as server:
        assert wait_for(server, 503)["checks"]["refresh"] == "late"
        assert requests.get(f"{server.url}/health/ready?only=database", timeout=20).json()["status"] == "ready"

        lock.release()

        assert wait_for(server, 200)["checks"]["refresh"] == "ok"


def wait_for(server: Served, status: int) -> dict[str, dict[str, str]]:
    """The answer as soon as it has this status."""
    end = time.monotonic() + 30
    while (answer := ready(server)).status_code != status:
        assert time.monotonic() < end, answer.text
        time.sleep(0.02)
    body: dict[str, dict[str, str]] = answer.json()
    return body


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("minutes", "started", "refreshes", "said"),
    [
        pytest.param(0, LONG_AGO, [], "off", id="none-wanted"),
        pytest.param(30, LONG_AGO, [(60, 10)], "ok", id="one-missed"),
        pytest.param(30, LONG_AGO, [(61, 10)], "late", id="two-missed"),
        pytest.param(30, LONG_AGO, [(61, 90)], "ok", id="usually-takes-its-time"),
        pytest.param(30, LONG_AGO, [(61, 3600), (91, 10), (121, 10)], "late", id="once-took-its-time"),
        pytest.param(30, LONG_AGO, [], "late", id="never"),
        pytest.param(30, NOW - timedelta(minutes=60), [], "ok", id="just-started"),
        pytest.param(30, NOW - timedelta(minutes=5), [(600, 10)], "ok", id="was-off-for-long"),
        pytest.param(30, LONG_AGO, [(5, 10), (600, 10)], "ok", id="fresh"),
        pytest.param(30, LONG_AGO, [(-120, 10), (600, 10)], "late", id="the-clock-was-set-back"),
        pytest.param(30, LONG_AGO, [(-120, 10), (5, 10)], "ok", id="refreshed-since-the-clock-was-set-back"),
        pytest.param(30, LONG_AGO, [(-2, 10)], "ok", id="another-machine-is-a-little-ahead"),
    ],
)
def test_a_refresh_is_late_after_two_intervals_and_its_usual_time(
    minutes: float, started: datetime, refreshes: list[tuple[int, float]], said: str
) -> None:
    ends = [(NOW - timedelta(minutes=ago), seconds) for ago, seconds in refreshes]

    assert judge(HealthReading(None, ends, ()), minutes, started, NOW).refresh == said


def test_only_refreshes_of_all_tenants_that_came_to_their_end_count(database: Engine) -> None:
    for state, scope in (("done", ()), ("done", ("Schule Höri",)), ("failed", ()), ("interrupted", ())):
        run_id = start_run(database, "page", "", scope, NOW)
        finish_run(database, run_id, state, None, 12.5, NOW)

    found = read_health(database)

    assert (found.other_schema, list(found.refreshes)) == (None, [(NOW, 12.5)])


def test_refreshes_of_single_tenants_do_not_hide_the_last_one_of_all(database: Engine) -> None:
    minutes = range(61)
    for minute in minutes:
        at = NOW - timedelta(minutes=len(minutes) - minute)
        run_id = start_run(database, "page", "", ["Schule Höri"] if minute else [], at)
        finish_run(database, run_id, "done", None, 1.5, at)

    assert list(read_health(database).refreshes) == [(NOW - timedelta(minutes=61), 1.5)]


def test_runs_of_a_clock_that_was_ahead_do_not_pass_for_the_latest(database: Engine) -> None:
    ahead = NOW + timedelta(days=400)
    for minute in (0, 30):
        run_id = start_run(database, "schedule", "", [], ahead + timedelta(minutes=minute))
        finish_run(database, run_id, "done", None, 60.0, ahead + timedelta(minutes=minute + 1))

    newest = start_run(database, "schedule", "", [], NOW)
    finish_run(database, newest, "done", None, 60.0, NOW + timedelta(minutes=1))

    latest = latest_run(database)
    ends = [end for end, _ in read_health(database).refreshes]
    assert latest is not None
    assert latest.run_id == newest
    assert ends == sorted(ends, reverse=True)
    assert max(ends) == NOW + timedelta(minutes=1)
    assert ends[1] - ends[2] > timedelta(minutes=29)


def test_the_database_is_asked_once_a_second_however_many_ask(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    clock = [0.0]
    pages = HealthPages(Tabs(), lambda: Runtime(Settings(refresh_minutes=0), engine), lambda: clock[0])
    path = {"path": "/health/ready", "query_string": b""}
    request = Request({"type": "http", "method": "GET", **path, "headers": [], "scheme": "http"})

    async def call_many() -> list[int]:
        answers = await asyncio.gather(*(pages.ready(request) for _ in range(50)))
        answers += [await pages.ready(request) for _ in range(50)]
        first = len(asked)
        clock[0] += 1
        await pages.ready(request)
        return [first, len(asked), *{answer.status_code for answer in answers}]

    with start_blocking_portal() as portal:
        first, second, *statuses = portal.call(call_many)
    engine.dispose()

    assert statuses == [200]
    assert second == 2 * first


# ---------------------------------------------------------------- metrics


def scraped(server: Served, **options) -> dict[str, float]:
    """`name{labels}` -> value, as Prometheus would read them."""
    answer = requests.get(f"{server.url}/metrics", timeout=20, **options)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def parsed(exposition: str) -> dict[str, float]:
    samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
    return {f"{s.name}{{{','.join(map(str, s.labels.values()))}}}" if s.labels else s.name: s.value for s in samples}


@pytest.mark.parametrize("path", ["/metrics", "/metrics/x"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer lzt_forged"}, {"Authorization": "Basic YTpi"}], ids=str
)
def test_metrics_are_nothing_for_strangers(served: Served, path: str, headers: dict[str, str]) -> None:
    answer = requests.get(served.url + path, headers=headers, timeout=20)

    assert answer.status_code == 401
    assert "lizenztool_" not in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/health/ready"])
def test_a_wrong_token_is_in_the_audit_wherever_it_is_tried(behind: Served, path: str) -> None:
    address, own = behind.url + path, f"audit-{path.rpartition('/')[2]}"
    headers = {"Authorization": "Bearer lzt_wrong", "X-Request-Id": own}
    requests.get(address, headers=headers, timeout=20)

    end = time.monotonic() + 60
    rows: list[AuditRow] = []
    while not rows and time.monotonic() < end:  # written in a thread of its own
        found = find(behind.engine, Search(actions=["request.refused"]), limit=99)[0]
        rows = [row for row in found if row.request_id == own]

    assert [(row.actor, row.address, row.target, row.reason) for row in rows] == [
        ("", "127.0.0.1", path, "wrong token")
    ]


@pytest.mark.parametrize("role", ROLES)
def test_metrics_are_read_with_a_token_or_a_session_of_any_role(fresh: Served, role: str) -> None:
    by_token = scraped(fresh, headers={"Authorization": f"Bearer {secret_of(fresh, role)}"})
    by_session = scraped(fresh, cookies=fresh.cookie("vera"))

    assert by_token.keys() == by_session.keys()
    assert by_session["lizenztool_sessions"] == 1


def test_metrics_count_tabs_sessions_and_tenants(fresh: Served) -> None:
    fail_a_tenant(fresh)
    finish(fresh, minutes_ago=1)  # tells everybody of newer figures
    with Tab(fresh, fresh.session()) as tab:
        tab.rerun()
        found = scraped(fresh, cookies=fresh.cookie())

    assert (found["lizenztool_tabs"], found["lizenztool_sessions"]) == (1, 2)
    results = {name: found[f"lizenztool_tenants{{{name}}}"] for name in ("ok", "failing", "disabled", "never_read")}
    assert results == {"ok": 0, "failing": 1, "disabled": 0, "never_read": 0}


def test_metrics_say_what_the_pages_say_and_name_tenants_only_when_asked_to(tmp_path: Path) -> None:
    office_world = World.at(tmp_path, metrics_tenants=True)
    first, second, third = (office_world.tenant(name) for name in ("Schule Höri", "Bau AG Chur", "Neu AG"))
    office_world.read(first, license_("SPB", 5, 5), license_("VISIOCLIENT", 10, 2), ago=timedelta(minutes=10))
    office_world.read(second, license_("SPB", 5, 7), ago=timedelta(hours=2))
    office_world.fail(second, "graph.unreachable", tenant="Bau AG Chur", what="x")
    office_world.finished()

    found = metrics_of(office_world.runtime)
    quiet = metrics_of(replace(office_world.runtime, settings=Settings()))

    assert third
    assert found["lizenztool_tenants{ok}"] == found["lizenztool_tenants{failing}"] == 1
    assert found["lizenztool_tenants{never_read}"] == 1
    assert (found["lizenztool_licenses{short}"], found["lizenztool_licenses{over}"]) == (1, 1)
    assert (found["lizenztool_licenses{ok}"], found["lizenztool_licenses{gone}"]) == (1, 0)
    assert found["lizenztool_shortages"] == 2
    assert found["lizenztool_tenant_shortages{Bau AG Chur}"] == 1
    assert found["lizenztool_oldest_reading_seconds"] == found["lizenztool_tenant_reading_seconds{Bau AG Chur}"]
    assert found["lizenztool_oldest_reading_seconds"] == 7200
    assert found["lizenztool_overdue_reading_seconds"] == 3600  # two intervals are an hour
    assert not [name for name in quiet if "Chur" in name or "tenant_" in name]


def metrics_of(runtime: Runtime) -> dict[str, float]:
    return parsed(MetricsPage(Tabs(), lambda: runtime).text(runtime, WORLD_NOW, 0).decode())


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def test_a_refresh_counts_itself_its_requests_and_its_writes(tmp_path: Path) -> None:
    samples = {
        "refreshes": lambda: counted("lizenztool_refreshes_total", state="done"),
        "seconds": lambda: counted("lizenztool_refresh_seconds_count"),
        "reads": lambda: counted("lizenztool_graph_requests_total", method="GET", status="2xx"),
        "refused": lambda: counted("lizenztool_graph_requests_total", method="GET", status="4xx"),
        "lost": lambda: counted("lizenztool_graph_requests_total", method="GET", status="none"),
        "throttled": lambda: counted("lizenztool_graph_throttled_total"),
        "created": lambda: counted("lizenztool_sharepoint_writes_total", kind="created"),
        "triggers": lambda: counted("lizenztool_sharepoint_writes_total", kind="triggers_set"),
    }
    before = {name: sample() for name, sample in samples.items()}
    with open_office(tmp_path) as office:
        for name in ("Schule A", "Schule B"):
            office.m365.add_tenant(name, skus={"SPB": (5, 5)})
        office.m365.faults.add(Fault("subscribedSkus", "status", 429, retry_after="0"))
        office.m365.faults.add(Fault("subscribedSkus", "reset", after=1))
        sent = office.refresh()["requests"]

    grown = {name: sample() - before[name] for name, sample in samples.items()}

    assert (grown["refreshes"], grown["seconds"]) == (1, 1)
    assert (grown["created"], grown["triggers"]) == (2, 2)
    assert (grown["throttled"], grown["refused"], grown["lost"]) == (1, 1, 1)
    assert 0 < grown["reads"] < sent
