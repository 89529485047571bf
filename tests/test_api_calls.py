"""Who may call the API and how often, what it does, and how it says no."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import text, update

from core.access import accounts
from core.access import api_tokens as tokens
from core.audit import Search, find
from core.cache.schema import api_tokens
from core.refresh.lock import RefreshLock
from core.roles import listen_for_refusals
from core.runtime import Runtime
from simulator import Fault
from tests.actors import ADMIN
from tests.api_world import Served, serve
from tests.browser import SCHEMES, axe_violations, watch
from tests.office import Office, open_office
from tests.page_world import World, small_world
from tests.started_runs import start_run
from web.api.call_limits import WRONG_PER_MINUTE

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


class BrokenRefresher:
    """Stands where the refresher stands, with a fault nobody has thought of."""

    def request(self, *_: Any) -> str:
        raise RuntimeError("a fault nobody has thought of")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two tenants: one without trouble, one with a shortage."""
    return small_world(tmp_path, api_requests_per_minute=100_000)


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    world.refresher = BrokenRefresher()
    with serve(world.runtime) as server:
        yield server


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Two tenants in Microsoft 365, both read and in the SharePoint lists."""
    with open_office(tmp_path) as opened:
        opened.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        opened.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 2)})
        opened.settle()
        yield opened


@pytest.fixture
def api(office: Office) -> Iterator[Served]:
    """The API of that office."""
    with serve(Runtime(office.settings, office.engine, office.services, office.refresher)) as server:
        yield server


def refused(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer in the uniform envelope."""
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), body
    assert set(body) == {"success", "error", "meta"}
    assert body["success"] is False
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["meta"]["requestId"] == answer.headers["x-request-id"]
    assert datetime.fromisoformat(body["meta"]["timestamp"]).tzinfo is not None
    error: dict[str, Any] = body["error"]
    return error


# Who may call


@pytest.mark.parametrize(
    ("method", "path", "body", "least"),
    [
        ("GET", "/licenses", None, "viewer"),
        ("GET", "/shortages", None, "viewer"),
        ("GET", "/tenants", None, "viewer"),
        ("GET", "/tenants/hoeri", None, "viewer"),
        ("GET", "/tenants/hoeri/history", None, "viewer"),
        ("GET", "/runs", None, "viewer"),
        ("GET", "/runs/0123456789ab", None, "viewer"),
        ("GET", "/openapi.json", None, "viewer"),
        ("GET", "/docs", None, "viewer"),
        ("POST", "/refreshes", {"tenants": ["nobody"]}, "support"),
        ("PATCH", "/tenants/nobody", {"enabled": True}, "admin"),
        ("GET", "/tenants/nobody/contacts", None, "support"),
        ("POST", "/tenants/nobody/contacts", {"name": "x", "email": "x@example.ch"}, "admin"),
        ("DELETE", "/tenants/nobody/contacts/0123456789ab", None, "admin"),
        ("POST", "/tenants/nobody/test", None, "support"),
        ("GET", "/onboardings", None, "admin"),
    ],
)
def test_each_role_may_do_what_the_table_says(
    served: Served, world: World, method: str, path: str, body: Any, least: str
) -> None:
    world.open_refresher()
    served.process.use(world.runtime)
    roles = ["viewer", "support", "admin"]

    for role in roles:
        answer = served.call(method, path, role=role, json=body)
        if roles.index(role) < roles.index(least):
            error = refused(answer, 403, "FORBIDDEN")
            assert f"role {least}" in error["message"]
        else:
            assert answer.status_code in (200, 404)  # none of them reaches anything that is there to be changed
    world.close_refresher()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": ""}, id="empty"),
        pytest.param({"Authorization": "Bearer"}, id="no secret"),
        pytest.param({"Authorization": "Bearer lzt_" + "x" * 43}, id="foreign"),
        pytest.param({"Authorization": "Bearer " + "x" * 9000}, id="huge"),
        pytest.param({"Authorization": "Basic YTpi"}, id="another scheme"),
        pytest.param({"X-App-User": "chefin", "X-App-Role": "admin"}, id="the gate's own headers"),
    ],
)
def test_without_a_token_there_is_nothing(served: Served, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/licenses"), ("POST", "/refreshes"), ("GET", "/nowhere"), ("PUT", "/licenses")):
        answer = served.call(method, path, role="", headers=headers)

        refused(answer, 401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer realm=")


def test_a_session_of_the_dashboard_opens_no_data(served: Served) -> None:
    refused(served.get("/licenses", role="", cookies=served.session()), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "api_key"])
def test_a_token_in_the_address_opens_nothing(served: Served, name: str) -> None:
    secret = served.bearer("admin")["Authorization"].removeprefix("Bearer ")

    refused(served.get(f"/licenses?{name}={secret}", role=""), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("field", ["tenantId", "name", "missing_since", "id", "enabled\u0000"])
def test_a_field_that_is_not_offered_changes_nothing(served: Served, field: str) -> None:
    before = served.get("/tenants/hoeri").json()["data"]

    error = refused(
        served.call("PATCH", "/tenants/hoeri", role="admin", json={"monitoring": False, field: "x"}),
        422,
        "VALIDATION_FAILED",
    )

    assert [detail["field"] for detail in error["details"]] == [field]
    assert served.get("/tenants/hoeri").json()["data"] == before


def test_an_ended_token_opens_nothing_from_the_next_call_on(served: Served) -> None:
    engine = served.runtime.engine
    for end in ("revoked", "expired", "disabled"):
        token, secret = served.token("viewer")
        headers = {"Authorization": f"Bearer {secret}"}
        assert served.get("/runs", role="", headers=headers).status_code == 200

        if end == "revoked":
            tokens.revoke(engine, ADMIN, token.token_id, datetime.now(UTC))
        elif end == "expired":
            with engine.begin() as connection:
                connection.execute(update(api_tokens).values(expires_at=datetime.now(UTC)))
        else:
            accounts.add(engine, ADMIN, "zweite", "Ein-gutes-Passwort-7", "admin")
            accounts.disable(engine, ADMIN, ADMIN.name)

        refused(served.get("/runs", role="", headers=headers), 401, "UNAUTHORIZED")


def test_wrong_tokens_are_counted_and_shut_nobody_else_out(served: Served) -> None:
    wrong = {"Authorization": "Bearer lzt_wrong"}
    answers = [served.get("/runs", role="", headers=wrong) for _ in range(WRONG_PER_MINUTE + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {401}
    refused(answers[-1], 429, "RATE_LIMITED")
    assert int(answers[-1].headers["retry-after"]) <= 60
    assert served.get("/runs").status_code == 200


def test_each_token_has_its_calls_a_minute(tmp_path: Path) -> None:
    world = small_world(tmp_path, api_requests_per_minute=3)
    with serve(world.runtime) as served:
        answers = [served.get("/runs") for _ in range(4)]
        other = served.get("/runs", role="support")

    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
    assert all(1 <= int(answer.headers["ratelimit-reset"]) <= 60 for answer in answers)
    refused(answers[3], 429, "RATE_LIMITED")
    assert answers[3].headers["retry-after"] == answers[3].headers["ratelimit-reset"]
    assert other.status_code == 200


def test_wrong_tokens_and_limits_are_in_the_audit_and_every_refused_call_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, str, str, str]] = []
    listen_for_refusals(lambda actor, target, why: told.append((actor.name, actor.address, target, why)))
    try:
        with serve(small_world(tmp_path, api_requests_per_minute=1).runtime) as served:
            served.get("/runs", role="", headers={"Authorization": "Bearer lzt_wrong"})
            served.get("/runs?pagesize=1")
            served.get("/runs")
            (known,) = tokens.list_tokens(served.runtime.engine, ADMIN)
    finally:
        listen_for_refusals(None)

    name = f"token:{known.token_id}"
    assert told == [
        ("", "127.0.0.1", "/api/v1/runs", "wrong token"),
        (name, "127.0.0.1", "/api/v1/runs", "limit"),
    ]
    lines = [record.getMessage() for record in caplog.records if record.name == "web.api.authentication"]
    assert lines == [
        f"The call GET /api/v1/runs of {who} was refused with {status}"
        for who, status in (("127.0.0.1", 401), (name, 422), (name, 429))
    ]


# How it says no


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("POST", "/refreshes", {"data": b"{", "json_type": True}, 400, "BAD_REQUEST"),
        ("POST", "/refreshes", {"data": b'{"tenants": ["\xff"]}', "json_type": True}, 400, "BAD_REQUEST"),
        ("GET", "/nowhere", {}, 404, "NOT_FOUND"),
        ("GET", "/licenses/", {}, 404, "NOT_FOUND"),
        ("GET", "/licenses/%0A", {}, 404, "NOT_FOUND"),
        ("GET", "/x%0Ay", {}, 404, "NOT_FOUND"),
        ("GET", "/runs/0123456789ab", {}, 404, "NOT_FOUND"),
        ("PATCH", "/tenants/nobody", {"json": {"enabled": True}}, 404, "NOT_FOUND"),
        ("PUT", "/tenants/hoeri", {}, 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/tenants/hoeri", {}, 422, "VALIDATION_FAILED"),
        ("POST", "/docs", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/refreshes", {"data": b"x" * (2**20 + 1), "json_type": True}, 413, "PAYLOAD_TOO_LARGE"),
        ("POST", "/refreshes", {"data": b"tenants=x"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("GET", "/runs", {"headers": {"Host": "evil.example"}}, 421, "WRONG_HOST"),
        ("POST", "/refreshes", {"headers": {"Origin": "https://evil.example"}}, 403, "FORBIDDEN"),
        ("GET", "/runs/xyz", {}, 422, "VALIDATION_FAILED"),
        ("POST", "/refreshes", {"json": {"tenants": "all"}}, 422, "VALIDATION_FAILED"),
        ("POST", "/refreshes", {"json": {"tenant": []}}, 422, "VALIDATION_FAILED"),
        ("POST", "/refreshes?now=1", {}, 422, "VALIDATION_FAILED"),
        ("PATCH", "/tenants/hoeri", {"json": {}}, 422, "VALIDATION_FAILED"),
        ("PATCH", "/tenants/hoeri", {"json": {"enabled": None}}, 422, "VALIDATION_FAILED"),
        ("PATCH", "/tenants/hoeri", {"json": {"enabled": "true"}}, 422, "VALIDATION_FAILED"),
        ("PATCH", "/tenants/hoeri", {"json": [True]}, 422, "VALIDATION_FAILED"),
        ("POST", "/refreshes", {}, 500, "INTERNAL"),
    ],
)
def test_every_refusal_has_the_same_form(
    served: Served, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    options = dict(options)
    if options.pop("json_type", False):
        options["headers"] = {"Content-Type": "application/json"}

    answer = served.call(method, path, role="admin", **options)

    error = refused(answer, status, code)
    assert len(error["message"]) > 10
    assert all(detail["message"] for detail in error["details"])


def test_what_is_possible_is_told_with_what_is_not(served: Served) -> None:
    assert served.call("PUT", "/tenants/hoeri").headers["allow"] == "DELETE, GET, PATCH"
    assert served.call("GET", "/refreshes").headers["allow"] == "POST"


@pytest.mark.parametrize("table", ["api_tokens", "documents", "runs"])
def test_without_the_database_it_says_so(served: Served, table: str) -> None:
    served.bearer("viewer")
    with served.runtime.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO gone"))

    error = refused(served.get("/licenses" if table == "documents" else "/runs"), 503, "DATABASE_UNAVAILABLE")

    assert error["details"][0]["problem"].startswith("database.")


def test_a_fault_is_in_the_log_but_no_secret_is(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "lzt_" + "w" * 43
    served.call("POST", "/refreshes", role="support")
    served.get("/licenses", role="", headers={"Authorization": f"Bearer {wrong}"})
    served.get("/licenses")

    assert "a fault nobody has thought of" in caplog.text
    assert not any(secret in caplog.text for secret in (wrong, *served.secrets.values()))


# Start a refresh


def follow(api: Served, run_id: str) -> dict[str, Any]:
    """The run once it is over."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        run: dict[str, Any] = api.get(f"/runs/{run_id}").json()["data"]
        if run["state"] not in ("waiting", "running"):
            return run
    raise AssertionError(run)


def test_a_refresh_is_accepted_and_can_be_followed_to_its_end(api: Served, office: Office) -> None:
    office.m365.find_tenant("Bau AG Chur").set_sku("SPB", enabled=5, consumed=5)

    answer = api.call("POST", "/refreshes", role="support", headers={"X-Request-Id": "nightly-7"})

    started = answer.json()["data"]
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/runs/{started['runId']}"
    run = follow(api, started["runId"])
    assert (run["state"], run["source"], run["requestedBy"], run["requestId"]) == (
        "done",
        "api",
        "support token",
        "nightly-7",
    )
    assert (run["summary"]["ok"], run["summary"]["shortages"]) == (2, 2)
    assert [row["tenant"] for row in api.get("/shortages").json()["data"]] == ["Schule Höri", "Bau AG Chur"]


def test_a_refresh_of_some_tenants_reads_no_others(api: Served, office: Office) -> None:
    started = api.call("POST", "/refreshes", role="support", json={"tenants": ["Schule Höri"]}).json()["data"]

    run = follow(api, started["runId"])

    assert (run["tenants"], run["summary"]["tenants"]) == (["Schule Höri"], 1)


def test_a_refresh_of_an_unknown_tenant_names_the_nearest(api: Served) -> None:
    answer = api.call("POST", "/refreshes", role="support", json={"tenants": ["Schule Hori"]})

    assert "Schule Höri" in refused(answer, 404, "NOT_FOUND")["message"]


def test_a_refresh_that_must_wait_can_be_followed_from_the_first_moment(api: Served, office: Office) -> None:
    other_process = RefreshLock(office.settings.data_dir)
    assert other_process.take()

    started = api.call("POST", "/refreshes", role="support").json()["data"]
    waiting = api.get(f"/runs/{started['runId']}")
    other_process.release()

    assert started["state"] == "waiting"
    assert (waiting.status_code, waiting.json()["data"]["state"]) == (200, "waiting")
    assert follow(api, started["runId"])["state"] == "done"


def test_a_second_refresh_joins_the_running_one(api: Served, office: Office) -> None:
    other_process = RefreshLock(office.settings.data_dir)
    assert other_process.take()
    running = start_run(office.engine, "command", "root", (), datetime.now(UTC))

    started = api.call("POST", "/refreshes", role="support", json={"tenants": ["Schule Höri"]}).json()["data"]

    assert (started["runId"], started["state"], started["requestedBy"]) == (running, "running", "root")
    other_process.release()


# Switch a tenant


def listed(office: Office, name: str) -> tuple[bool, bool]:
    """The switches of a tenant in the SharePoint list."""
    (item,) = office.sharepoint.tenants.find(Title=name)
    return item.fields["enabled"], item.fields["monitoring"]


def test_a_switch_is_carried_out_in_sharepoint_and_recorded(api: Served, office: Office) -> None:
    answer = api.call(
        "PATCH", "/tenants/Schule Höri", role="admin", json={"monitoring": False}, headers={"X-Request-Id": "change-9"}
    )

    assert answer.status_code == 200
    assert (answer.json()["data"]["enabled"], answer.json()["data"]["monitoring"]) == (True, False)
    assert listed(office, "Schule Höri") == (True, False)
    (row,), _ = find(office.engine, ADMIN, Search(actions=["tenant.switched"]), limit=9)
    assert re.fullmatch("token:[0-9a-f]{12}", row.actor)
    assert (row.actor_name, row.source, row.address, row.request_id) == ("admin token", "api", "127.0.0.1", "change-9")
    assert (row.target, row.result) == ("Schule Höri", "done")


def test_what_somebody_else_has_switched_meanwhile_is_not_overwritten(api: Served, office: Office) -> None:
    (item,) = office.sharepoint.tenants.find(Title="Schule Höri")
    office.sharepoint.tenants.update(item.id, {"enabled": False})

    answer = api.call("PATCH", "/tenants/Schule Höri", role="admin", json={"monitoring": False})

    error = refused(answer, 409, "CONFLICT")
    assert error["details"][0]["problem"] == "sharepoint.changed_meanwhile"
    assert listed(office, "Schule Höri") == (False, True)
    assert api.get("/tenants/Schule Höri").json()["data"]["enabled"] is False
    assert api.call("PATCH", "/tenants/Schule Höri", role="admin", json={"monitoring": False}).status_code == 200
    assert listed(office, "Schule Höri") == (False, False)


def test_a_tenant_that_is_not_listed_cannot_be_switched(api: Served, office: Office) -> None:
    (item,) = office.sharepoint.tenants.find(Title="Schule Höri")
    office.sharepoint.tenants.delete(item.id)

    answer = api.call("PATCH", "/tenants/Schule Höri", role="admin", json={"monitoring": False})

    assert refused(answer, 409, "CONFLICT")["details"][0]["problem"] == "sharepoint.not_listed"


def test_when_sharepoint_is_away_nothing_is_switched(api: Served, office: Office) -> None:
    office.m365.faults.add(Fault("/lists/", "status", 403, times=None))

    answer = api.call("PATCH", "/tenants/Schule Höri", role="admin", json={"monitoring": False})

    refused(answer, 503, "SHAREPOINT_UNAVAILABLE")
    assert listed(office, "Schule Höri") == (True, True)
    assert api.get("/tenants/Schule Höri").json()["data"]["monitoring"] is True


def test_without_sharepoint_the_switches_are_our_own(served: Served, world: World) -> None:
    world.open_refresher()
    served.process.use(world.runtime)

    answer = served.call("PATCH", "/tenants/hoeri", role="admin", json={"enabled": False})

    assert answer.json()["data"]["enabled"] is False
    assert served.get("/licenses", params={"tenant": "hoeri"}).json()["data"] == []
    world.close_refresher()


# The document and its viewer


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/openapi.json"])
def test_the_document_opens_with_a_session_or_a_token(served: Served, path: str) -> None:
    assert served.get(path, role="", cookies=served.session()).status_code == 200
    assert served.get(path, role="viewer").status_code == 200
    refused(served.get(path, role=""), 401, "UNAUTHORIZED")


def test_a_person_without_session_is_led_to_the_sign_in(served: Served) -> None:
    answer = served.get("/docs", role="", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/api/v1/docs")


def test_nothing_but_the_viewers_own_files_is_served(served: Served) -> None:
    for path in ("/docs/", "/docs/redoc.standalone.js", "/docs/%2e%2e/app.py"):
        assert served.get(path).status_code in (404, 401), path


def test_a_path_that_the_api_does_not_take_reaches_nothing_behind_it(served: Served) -> None:
    """Streamlit serves whatever no route takes; a line break in a path gets past the route of the API."""
    host = served.url.removeprefix("http://").partition("/")[0]
    for path in (b"/api/v1", b"/api/v2/x", b"/api/v1/a%0Ab", b"/api%2Fv1/x%0A"):
        with socket.create_connection((host.split(":")[0], int(host.split(":")[1])), 10) as connection:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert connection.makefile("rb").readline().split()[1] in (b"401", b"404"), path


def test_every_operation_says_how_it_may_fail(served: Served) -> None:
    document = served.get("/openapi.json").json()

    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == 29
    for operation in operations:
        assert {"401", "422", "429", "500", "503"} <= set(operation["responses"])
        assert operation["security"]


@pytest.mark.browser
def test_the_viewer_shows_every_operation_and_asks_nobody_else(
    page: Page, context: BrowserContext, served: Served
) -> None:
    origin = served.url.removesuffix("/api/v1")
    (name, value) = next(iter(served.session().items()))
    context.add_cookies([{"name": name, "value": value, "url": origin}])
    complaints = watch(context, origin)

    page.goto(f"{served.url}/docs")
    expect(page.locator(".opblock")).to_have_count(29)
    page.locator(".opblock", has_text="/shortages").first.click()
    expect(page.get_by_text("The longest first")).to_be_visible()
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(served.bearer("viewer").get("Authorization", "").split()[1])
    page.locator(".auth-container button[type=submit]").click()
    page.locator(".btn-done").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    page.locator(".opblock-patch .opblock-summary-control", has_text="Switch a tenant").click()
    page.get_by_role("button", name="Try it out").click()
    expect(page.get_by_role("textbox", name="Request body")).to_be_visible()
    page.get_by_role("button", name="Authorize").first.click()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
    assert complaints == []
