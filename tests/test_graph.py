"""Graph over real HTTPS: tokens by certificate, pages, batches, throttling, broken connections, errors in words."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from core.graph import (
    BadAnswer,
    BatchAnswer,
    BatchRequest,
    Conflict,
    GraphClient,
    GraphError,
    Http,
    Intercepted,
    NotFound,
    PermissionMissing,
    SignInRefused,
    Throttled,
    TokenSource,
    Unreachable,
    chunks,
    subscribed_skus,
    subscriptions,
)
from core.graph.errors import error_for, error_of, sign_in_error
from core.graph.http import wait_seconds
from core.graph.sign_in_codes import AADSTS
from core.profiles.profile_store import ProfileStore
from core.profiles.tenant_profile import TenantProfile
from core.settings import load_settings
from simulator import Fault, Microsoft365, SharePoint, Tenant
from simulator.replies import Reply
from simulator.tenants import AppRegistration

TOKEN = "/oauth2/v2.0/token"
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"


class Wire(Http):
    """The real one, which also remembers what it sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        self.log.append((method, url, options))
        return super().request(method, url, **options)


class Tool:
    """Our end of the wire; `slept` holds the waits it would have made."""

    def __init__(self, m365: Microsoft365, *, graph_url: str = "", timeout: tuple[float, float] = (5, 5)) -> None:
        self.m365, self.slept = m365, list[float]()
        self.graph_url = graph_url or m365.graph_url
        self.http = Wire(ca_bundle=str(m365.ca_bundle), timeout=timeout, sleep=self.slept.append)
        self.tokens = TokenSource(m365.login_url, self.graph_url, self.http)
        self.store = ProfileStore(m365.profiles_dir)

    def profile(self, app: AppRegistration, **changes: Any) -> TenantProfile:
        """The profile that the tenant's file gives, after `changes`."""
        found = self.store.load(datetime.now(UTC) - timedelta(hours=1))
        (profile,) = [known for known in found.tenants if known.tenant_id == app.tenant_id]
        return replace(profile, **changes)

    def client(self, app: AppRegistration, **changes: Any) -> GraphClient:
        return GraphClient(self.profile(app, **changes), self.graph_url, self.tokens, self.http)

    def site(self) -> GraphClient:
        profile = self.store.load().sharepoint
        assert profile is not None
        return GraphClient(profile, self.graph_url, self.tokens, self.http)


@pytest.fixture
def m365(tmp_path: Path) -> Iterator[Microsoft365]:
    """An empty cloud."""
    with Microsoft365(tmp_path) as running:
        yield running


@pytest.fixture
def tool(m365: Microsoft365) -> Iterator[Tool]:
    """Our end of the wire to that cloud."""
    made = Tool(m365)
    yield made
    made.http.close()


@pytest.fixture
def tenant(m365: Microsoft365) -> Tenant:
    """A school with two products."""
    return m365.add_tenant("Schule Höri", skus={"SPB": (10, 9), "STREAM": (1_000_000, 3)})


def parts(client: GraphClient) -> list[str]:
    return [license_.sku_part_number for license_ in subscribed_skus(client).licenses]


# Tokens


def test_the_token_is_fetched_with_a_ps256_assertion_of_the_certificate(tool: Tool, tenant: Tenant) -> None:
    profile = tool.profile(tenant)

    tool.tokens.token(profile)

    ((_, url, options),) = [sent for sent in tool.http.log if sent[0] == "POST"]
    assertion = options["data"]["client_assertion"]
    thumbprint = base64.urlsafe_b64decode(jwt.get_unverified_header(assertion)["x5t#S256"] + "==").hex().upper()
    claims = jwt.decode(assertion, profile.certificate.private_key.public_key(), algorithms=["PS256"], audience=url)
    assert thumbprint == profile.certificate.thumbprint_sha256
    assert claims["iss"] == claims["sub"] == tenant.client_id
    assert options["data"]["scope"] == f"{tool.graph_url}/.default"


def test_one_token_serves_many_calls(tool: Tool, tenant: Tenant) -> None:
    client = tool.client(tenant)

    for _ in range(5):
        assert parts(client) == ["SPB", "STREAM"]

    assert tool.m365.count("POST", TOKEN) == 1


def test_threads_that_need_the_same_token_fetch_it_once(tool: Tool, tenant: Tenant) -> None:
    client = tool.client(tenant)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: parts(client), range(4)))

    assert found == [["SPB", "STREAM"]] * 4
    assert tool.m365.count("POST", TOKEN) == 1


def test_a_token_is_replaced_five_minutes_before_its_end(tool: Tool, tenant: Tenant) -> None:
    tool.m365.token_lifetime = 299
    client = tool.client(tenant)

    parts(client)
    parts(client)

    assert tool.m365.count("POST", TOKEN) == 2


def test_a_first_read_costs_a_token_and_the_read(tool: Tool, tenant: Tenant) -> None:
    parts(tool.client(tenant))

    assert [request.path.rpartition("/")[2] for request in tool.m365.requests] == ["token", "subscribedSkus"]


def test_each_tenant_has_a_token_of_its_own(tool: Tool, tenant: Tenant) -> None:
    other = tool.m365.add_tenant("Bau AG Chur", skus={"SPE_E3": (5, 5)})

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]
    assert parts(tool.client(other)) == ["SPE_E3"]
    assert tool.m365.count("POST", TOKEN) == 2


def test_the_scope_of_a_national_cloud_follows_its_graph_address(tool: Tool, tenant: Tenant) -> None:
    tokens = TokenSource(tool.m365.login_url, "https://dod-graph.microsoft.us", tool.http)

    with pytest.raises(SignInRefused, match=r"AADSTS70011.*LIZENZTOOL_GRAPH_URL"):
        tokens.token(tool.profile(tenant))

    assert tool.http.log[-1][2]["data"]["scope"] == "https://dod-graph.microsoft.us/.default"


def test_a_token_that_ends_in_the_middle_is_replaced_once(tool: Tool, tenant: Tenant) -> None:
    client = tool.client(tenant)
    parts(client)
    tool.m365.expire_tokens()

    assert parts(client) == ["SPB", "STREAM"]
    assert tool.m365.count("POST", TOKEN) == 2
    assert tool.slept == []


def test_a_token_that_ends_at_the_very_last_attempt_is_replaced_too(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", 503, retry_after="0", times=4))
    tool.m365.faults.add(Fault("subscribedSkus", "expired_token", after=4))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]


def test_a_token_that_graph_never_takes_is_a_missing_permission(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", 401, times=None))

    with pytest.raises(PermissionMissing, match="LIZENZTOOL_GRAPH_URL"):
        parts(tool.client(tenant))

    assert tool.m365.count("GET", "subscribedSkus") == 2


def test_a_renewed_certificate_is_used_at_once(tool: Tool, tenant: Tenant) -> None:
    tool.tokens.token(tool.profile(tenant))
    old = tenant.certificates.copy()
    tenant.renew_certificate()
    for thumbprint in old:
        del tenant.certificates[thumbprint]

    assert tool.tokens.token(tool.profile(tenant))


def test_a_netrc_file_never_replaces_the_token(tool: Tool, tenant: Tenant, tmp_path: Path, monkeypatch: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]


# When Entra says no


def unknown_tenant(_tenant: Tenant) -> dict[str, str]:
    return {"tenant_id": "11111111-2222-3333-4444-555555555555"}


def unknown_app(_tenant: Tenant) -> dict[str, str]:
    return {"client_id": "11111111-2222-3333-4444-555555555555"}


def disabled(tenant: Tenant) -> dict[str, str]:
    tenant.disabled = True
    return {}


def no_consent(tenant: Tenant) -> dict[str, str]:
    tenant.service_principal = False
    return {}


def unknown_certificate(tenant: Tenant) -> dict[str, str]:
    tenant.certificates = {}
    return {}


def ended_certificate(tenant: Tenant) -> dict[str, str]:
    ((thumbprint, known),) = tenant.certificates.items()
    tenant.certificates = {thumbprint: replace(known, not_after=datetime.now(UTC) - timedelta(days=1))}
    return {}


@pytest.mark.parametrize(
    ("change", "code", "said", "german", "english"),
    [
        pytest.param(unknown_tenant, "tenant_unknown", "AADSTS90002", "tenant_id", "tenant_id", id="unknown-tenant"),
        pytest.param(unknown_app, "app_unknown", "AADSTS700016", "zustimmung", "admin consent", id="unknown-app"),
        pytest.param(no_consent, "app_unknown", "AADSTS7000229", "zustimmung", "admin consent", id="no-principal"),
        pytest.param(disabled, "app_disabled", "AADSTS7000112", "aktivieren", "Enable", id="disabled-app"),
        pytest.param(unknown_certificate, "certificate_unknown", "AADSTS700027", ".cer", ".cer", id="unknown-cert"),
        pytest.param(
            ended_certificate, "certificate_expired", "AADSTS700027", "cert renew", "cert renew", id="ended-cert"
        ),
    ],
)
def test_a_refused_sign_in_names_the_code_and_the_remedy(
    tool: Tool, tenant: Tenant, change: Any, code: str, said: str, german: str, english: str
) -> None:
    profile = tool.profile(tenant, **change(tenant))

    with pytest.raises(SignInRefused) as error:
        tool.tokens.token(profile)

    problem = error.value.problem
    assert (problem.code, error.value.again_after) == (f"signin.{code}", None)
    for text, remedy in ((problem.text("de"), german), (problem.text("en"), english)):
        assert said in text
        assert remedy in text
        assert "Schule Höri" in text
    assert tool.slept == []


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        pytest.param(unknown_certificate, lambda t, before: setattr(t, "certificates", before), id="certificate"),
        pytest.param(disabled, lambda t, _: setattr(t, "disabled", False), id="disabled"),
        pytest.param(no_consent, lambda t, _: setattr(t, "service_principal", True), id="consent"),
        pytest.param(
            lambda t: setattr(t, "deleted", True), lambda t, _: setattr(t, "deleted", False), id="unknown-tenant"
        ),
    ],
)
def test_after_the_cause_is_mended_the_next_try_succeeds_at_once(
    tool: Tool, tenant: Tenant, break_it: Any, mend_it: Any
) -> None:
    before = tenant.certificates
    break_it(tenant)
    with pytest.raises(SignInRefused):
        parts(tool.client(tenant))

    mend_it(tenant, before)

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]


def test_consent_that_is_given_shows_at_the_next_try_although_the_token_is_still_valid(
    tool: Tool, tenant: Tenant
) -> None:
    tenant.permissions = set()
    client = tool.client(tenant)
    with pytest.raises(PermissionMissing) as error:
        subscribed_skus(client)
    assert "LicenseAssignment.Read.All" in error.value.problem.text("de")

    tenant.permissions = {"LicenseAssignment.Read.All"}

    assert parts(client) == ["SPB", "STREAM"]


@pytest.mark.parametrize("number", sorted(AADSTS))
def test_every_known_code_has_words_of_its_own(number: int) -> None:
    body = {"error": "invalid_client", "error_description": f"AADSTS{number}: x\nTrace", "error_codes": [number]}

    error = sign_in_error(body, "Contoso", 400)

    assert isinstance(error, SignInRefused)
    assert error.problem.code == AADSTS[number] != "signin.refused"
    assert f"AADSTS{number}" in error.problem.text("de")
    assert "Contoso" in error.problem.text("en")
    assert "Trace" not in error.problem.detail


@pytest.mark.parametrize(
    ("body", "status", "kind", "code", "said"),
    [
        pytest.param({"error_codes": [9]}, 400, SignInRefused, "signin.refused", "AADSTS9", id="unknown-code"),
        pytest.param(
            {"error_description": "AADSTS700016: x"}, 400, SignInRefused, "signin.app_unknown", "700016", id="text-only"
        ),
        *(
            pytest.param(
                {"error_codes": told}, 400, SignInRefused, "signin.blocked", "(AADSTS53003", id=f"codes-{told}"
            )
            for told in (["53003"], ["AADSTS53003"], [53003.0], 53003, "53003", [True, None, 53003], [9, 53003])
        ),
        pytest.param(
            {"error_codes": [True], "error_description": "AADSTS53003: x"},
            400,
            SignInRefused,
            "signin.blocked",
            "(AADSTS53003",
            id="a-yes-is-no-code",
        ),
        pytest.param(
            {"error_codes": [9], "error_description": "AADSTS9: x AADSTS53003: y"},
            400,
            SignInRefused,
            "signin.blocked",
            "(AADSTS53003",
            id="known-in-the-text-alone",
        ),
        pytest.param(None, 403, SignInRefused, "signin.refused", "HTTP 403", id="page-of-a-proxy"),
        pytest.param({"error": {"code": "x"}}, 429, Throttled, "signin.busy", "HTTP 429", id="throttled"),
        pytest.param({"error_codes": "x"}, 400, SignInRefused, "signin.refused", "HTTP 400", id="codes-are-no-list"),
        pytest.param({"error_codes": ["x", None]}, 400, SignInRefused, "signin.refused", "HTTP 400", id="no-numbers"),
        pytest.param({"error_codes": [90033]}, 503, BadAnswer, "signin.busy", "AADSTS90033", id="transient"),
        pytest.param([], 500, BadAnswer, "signin.busy", "HTTP 500", id="a-list"),
    ],
)
def test_other_answers_of_the_login_host(body: Any, status: int, kind: Any, code: str, said: str) -> None:
    error = sign_in_error(body, "Contoso", status)

    assert (type(error), error.problem.code, error.status) == (kind, code, status)
    assert said in error.problem.text("de")


def test_what_microsoft_says_colours_no_screen_and_fits_every_database() -> None:
    nasty = "a\x00\x1b[31m\ud800\u202e" + "b" * 1000
    refused = sign_in_error({"error_codes": [53003], "error_description": nasty}, "Contoso", 400).problem
    failed = error_for(400, {"error": {"code": nasty, "message": nasty}}, what="items", name="Contoso").problem

    for problem in (refused, failed):
        assert problem.detail.isprintable()
        assert "a[31mb" in problem.detail
        assert len(problem.detail) < 600


@pytest.mark.parametrize(
    ("kind", "status"),
    [("status", 429), ("status", 503), ("status", 504), ("reset", 0), ("truncate", 0), ("cut", 0), ("lost_answer", 0)],
)
def test_a_login_host_that_stumbles_is_asked_again(tool: Tool, tenant: Tenant, kind: str, status: int) -> None:
    tool.m365.faults.add(Fault(TOKEN, kind, status))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]
    assert len(tool.slept) == 1


def test_the_login_host_is_waited_for_as_long_as_it_asks(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault(TOKEN, "status", 429, retry_after="7"))

    tool.tokens.token(tool.profile(tenant))

    assert tool.slept == [7.0]


@pytest.mark.parametrize(
    ("kind", "status", "error", "attempts"),
    [
        pytest.param("status", 503, BadAnswer, 3, id="unavailable"),
        pytest.param("status", 429, Throttled, 3, id="throttled"),
        pytest.param("reset", 0, Unreachable, 3, id="reset"),
        pytest.param("truncate", 0, BadAnswer, 3, id="half-an-answer"),
        pytest.param("status", 403, Intercepted, 1, id="no-answer-of-entra"),
    ],
)
def test_a_login_host_that_stays_broken_is_given_up(
    tool: Tool, tenant: Tenant, kind: str, status: int, error: Any, attempts: int
) -> None:
    tool.m365.faults.add(Fault(TOKEN, kind, status, times=None))

    with pytest.raises(error):
        parts(tool.client(tenant))

    assert tool.m365.count("POST", TOKEN) == attempts


def test_an_answer_without_a_token_tells_nothing_of_itself(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault(TOKEN, "status", 200, body={"refresh_token": "geheim"}, times=None))

    with pytest.raises(BadAnswer) as error:
        tool.tokens.token(tool.profile(tenant))

    assert "geheim" not in error.value.problem.text() + error.value.problem.detail


ODD_TOKENS = {
    "no-object": "[]",
    "nothing": "null",
    "no-json": "{",
    "deeper-than-python": "[" * 100_000,
    "a-number-of-5000-digits": '{"access_token": "abc", "expires_in": ' + "9" * 5000 + "}",
    "null": '{"access_token": null, "expires_in": 3599}',
    "empty": '{"access_token": "", "expires_in": 3599}',
    "an-object": '{"access_token": {}, "expires_in": 3599}',
    "umlaut": '{"access_token": "ö€", "expires_in": 3599}',
    "half-a-surrogate-pair": '{"access_token": "\\ud800", "expires_in": 3599}',
    "two-lines": '{"access_token": "a\\r\\nX: b", "expires_in": 3599}',
    "endless": '{"access_token": "abc", "expires_in": 1e400}',
    "ends-at-no-number": '{"access_token": "abc", "expires_in": "soon"}',
    "an-odd-id-token": '{"access_token": "abc", "expires_in": 3599, "id_token": 7, "scope": 5}',
}


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in ODD_TOKENS.items()])
def test_an_odd_answer_instead_of_a_token_is_an_unreadable_one_and_in_no_log(
    tool: Tool, tenant: Tenant, raw: str, caplog: pytest.LogCaptureFixture
) -> None:
    odd = tool.m365.faults.add(Fault(TOKEN, "status", 200, times=None))
    odd.reply = lambda: Reply(200, raw.encode())  # type: ignore[method-assign]

    with pytest.raises(BadAnswer) as error:
        tool.tokens.token(tool.profile(tenant))

    assert error.value.problem.code == "graph.unreadable"
    assert "access_token" not in caplog.text + error.value.problem.detail


def test_a_refusal_with_status_200_is_told_in_its_own_words(tool: Tool, tenant: Tenant) -> None:
    body = {"error": "invalid_grant", "error_codes": [53003], "error_description": "AADSTS53003: blocked"}
    tool.m365.faults.add(Fault(TOKEN, "status", 200, body=body))

    with pytest.raises(SignInRefused) as error:
        tool.tokens.token(tool.profile(tenant))

    assert error.value.problem.code == "signin.blocked"


# Waiting


NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7.0, id="integer"),
        pytest.param({"Retry-After": "2.128"}, 2.128, id="decimal"),
        pytest.param({"Retry-After": "Fri, 15 Jan 2027 12:00:30 GMT"}, 30.0, id="date"),
        pytest.param({"Retry-After": "Fri, 15 Jan 2027 11:00:00 GMT"}, 0.0, id="date-in-the-past"),
        pytest.param({"Retry-After": "Fri, 15 Jan 2027 12:00:30"}, 30.0, id="date-without-zone"),
        pytest.param({"Retry-After": "-3"}, 0.0, id="negative"),
        pytest.param({"RateLimit-Reset": "11"}, 11.0, id="rate-limit-reset"),
        pytest.param({"Retry-After": "5", "RateLimit-Reset": "11"}, 11.0, id="the-larger-of-both"),
        pytest.param({"Retry-After": "bald", "RateLimit-Reset": "4"}, 4.0, id="one-unreadable"),
    ],
)
def test_an_answer_says_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert wait_seconds(headers, 3, NOW) == seconds


@given(st.text(max_size=30) | st.floats().map(str), st.integers(0, 40))
def test_whatever_retry_after_says_the_wait_is_a_number_of_seconds(text: str, attempt: int) -> None:
    assert wait_seconds({"Retry-After": text}, attempt, NOW) >= 0


@given(st.integers(0, 60))
def test_without_a_word_the_waits_grow_to_half_a_minute(attempt: int) -> None:
    expected = min(30.0, 0.5 * 2**attempt)

    assert 0.75 * expected <= wait_seconds({}, attempt) <= 1.25 * expected


@pytest.mark.parametrize(("asked", "slept"), [("7", [7.0]), ("0.25", [0.25]), ("120", [120.0])])
def test_a_throttled_call_waits_as_long_as_asked(tool: Tool, tenant: Tenant, asked: str, slept: list[float]) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", 429, retry_after=asked))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]
    assert tool.slept == slept


@pytest.mark.parametrize("asked", ["121", "86400", "inf"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_beyond_the_cap_gives_the_tenant_up(tool: Tool, tenant: Tenant, asked: str, status: int) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", status, retry_after=asked, times=None))

    with pytest.raises(Throttled):
        parts(tool.client(tenant))

    assert tool.slept == []
    assert tool.m365.count("GET", "subscribedSkus") == 1


def test_a_tenant_that_stays_throttled_is_given_up_after_five_attempts(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", 429, retry_after="1", times=None))

    with pytest.raises(Throttled) as error:
        parts(tool.client(tenant))

    assert error.value.status == 429
    assert tool.slept == [1.0] * 4
    assert tool.m365.count("GET", "subscribedSkus") == 5


# Broken connections


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        pytest.param("reset", 0, id="reset"),
        pytest.param("lost_answer", 0, id="lost-answer"),
        pytest.param("truncate", 0, id="half-the-json"),
        pytest.param("cut", 0, id="cut-in-the-body"),
        pytest.param("status", 500, id="internal-error"),
        pytest.param("status", 502, id="html-of-a-gateway"),
        pytest.param("status", 503, id="unavailable"),
        pytest.param("status", 504, id="gateway-timeout"),
    ],
)
def test_a_read_is_repeated_until_it_succeeds(tool: Tool, tenant: Tenant, kind: str, status: int) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", kind, status, times=2))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]
    assert tool.m365.count("GET", "subscribedSkus") == 3


@pytest.mark.parametrize("where", ["subscribedSkus", TOKEN])
def test_a_host_that_never_answers_is_waited_for_no_longer_than_the_time_out(
    m365: Microsoft365, tenant: Tenant, where: str
) -> None:
    tool = Tool(m365, timeout=(2, 0.1))
    m365.faults.add(Fault(where, "hang", times=None))

    with pytest.raises(Unreachable) as error:
        parts(tool.client(tenant))

    assert error.value.problem.detail == "ReadTimeout"
    tool.http.close()


def test_nobody_there_is_unreachable_in_words(m365: Microsoft365, tool: Tool, tenant: Tenant) -> None:
    m365.stop()

    with pytest.raises(Unreachable) as error:
        parts(tool.client(tenant))

    assert "Firewall" in error.value.problem.text("de")
    assert error.value.status == 0


def test_connections_are_used_again_by_every_tenant_of_a_thread(tool: Tool, tenant: Tenant) -> None:
    others = [tool.m365.add_tenant(f"Tenant {number}", skus={"SPB": (1, 0)}) for number in range(3)]

    for app in [tenant, *others]:
        parts(tool.client(app))

    assert len(tool.m365._edge.connections.transports) == 1


def test_each_thread_has_connections_of_its_own_and_close_ends_them_all(tool: Tool, tenant: Tenant) -> None:
    client = tool.client(tenant)
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(parts(client))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    tool.http.close()

    assert found == [["SPB", "STREAM"]] * 3
    assert parts(client) == ["SPB", "STREAM"]


# The authority of a proxy


def test_an_authority_of_ones_own_counts_for_token_and_graph(m365: Microsoft365, tenant: Tenant) -> None:
    settings = load_settings(m365.environment(), None)
    http = Http(ca_bundle=settings.ca_bundle)
    tokens = TokenSource(settings.login_url, settings.graph_url, http)
    (profile,) = ProfileStore(settings.profiles_dir).load().tenants

    assert parts(GraphClient(profile, settings.graph_url, tokens, http)) == ["SPB", "STREAM"]
    http.close()


def test_without_it_neither_host_is_trusted(m365: Microsoft365, tool: Tool, tenant: Tenant, tmp_path: Path) -> None:
    http = Http(sleep=tool.slept.append)
    with pytest.raises(Unreachable) as login:
        TokenSource(m365.login_url, m365.graph_url, http).token(tool.profile(tenant))
    with Microsoft365(tmp_path / "other") as other:
        client = GraphClient(tool.profile(tenant), other.graph_url, tool.tokens, tool.http)
        with pytest.raises(Unreachable) as graph:
            parts(client)

        assert other.requests == []
    assert login.value.problem.code == graph.value.problem.code == "network.tls_authority"
    assert login.value.problem.detail == "SSLError: unable to get local issuer certificate"
    http.close()


# Pages


def test_every_page_of_a_collection_is_read(tool: Tool, tenant: Tenant) -> None:
    tool.m365.page_size = 2
    for _ in range(5):
        tenant.add_subscription("SPB")

    found = subscriptions(tool.client(tenant))

    assert len({row.subscription_id for row in found}) == len(found) == 6
    assert tool.m365.count("GET", "directory/subscriptions") == 3


def test_a_page_that_breaks_in_the_middle_is_asked_for_again(tool: Tool, tenant: Tenant) -> None:
    tool.m365.page_size = 1
    tool.m365.faults.add(Fault("directory/subscriptions", "reset", after=1))

    assert len(subscriptions(tool.client(tenant))) == 2


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://{other}/v1.0/subscribedSkus", id="another-host"),
        pytest.param("https://{own}@{other}/v1.0/subscribedSkus", id="our-host-as-user-name"),
        pytest.param("http://{own}/v1.0/subscribedSkus", id="plain-http"),
        pytest.param("//{other}/v1.0/subscribedSkus", id="no-scheme"),
        pytest.param(7, id="a-number"),
    ],
)
def test_a_link_to_elsewhere_never_gets_the_token(tool: Tool, tenant: Tenant, link: Any, tmp_path: Path) -> None:
    with Microsoft365(tmp_path / "other") as other:
        hosts = {"own": f"localhost:{tool.m365.port}", "other": f"localhost:{other.port}"}
        link = link.format(**hosts) if isinstance(link, str) else link
        tool.m365.faults.add(
            Fault("subscribedSkus", "status", 200, body={"value": [], "@odata.nextLink": link}, times=None)
        )

        with pytest.raises(GraphError):
            parts(tool.client(tenant))

        assert other.requests == []
        assert {request.path for request in tool.m365.requests} & {"/v1.0/subscribedSkus"}


def test_links_that_go_round_in_circles_end(tool: Tool, tenant: Tenant) -> None:
    link = f"{tool.graph_url}/v1.0/subscribedSkus?$skiptoken=x"
    tool.m365.faults.add(
        Fault("subscribedSkus", "status", 200, body={"value": [], "@odata.nextLink": link}, times=None)
    )

    with pytest.raises(BadAnswer, match="nextLink"):
        parts(tool.client(tenant))


@pytest.mark.parametrize("body", [[], {}, {"value": None}, {"value": "x"}, {"value": [7]}, {"value": [None]}])
def test_an_answer_of_another_shape_is_unreadable_not_empty(tool: Tool, tenant: Tenant, body: Any) -> None:
    tool.m365.faults.add(Fault("/v1.0/", "status", 200, body=body, times=None))

    with pytest.raises(BadAnswer, match="cannot be read"):
        subscribed_skus(tool.client(tenant))
    with pytest.raises(BadAnswer, match="cannot be read"):
        subscriptions(tool.client(tenant))


# Licences and subscriptions


def test_licences_of_a_tenant(tool: Tool, tenant: Tenant) -> None:
    tenant.set_sku("SPB", enabled=10, consumed=12, warning=5, suspended=2, locked_out=1)

    spb, stream = subscribed_skus(tool.client(tenant)).licenses

    assert (spb.sku_id, spb.free, spb.warning, spb.suspended, spb.locked_out) == (SPB, -2, 5, 2, 1)
    assert (stream.enabled, stream.applies_to, stream.capability_status) == (1_000_000, "User", "Enabled")


def test_a_cloud_without_locked_out_is_read(tool: Tool, tenant: Tenant) -> None:
    tool.m365.without_locked_out = True

    assert [row.locked_out for row in subscribed_skus(tool.client(tenant)).licenses] == [0, 0]


def test_a_cloud_that_refuses_select_is_asked_again_without_it(tool: Tool, tenant: Tenant) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", 400))

    assert parts(tool.client(tenant)) == ["SPB", "STREAM"]
    asked = [options["params"] for _, url, options in tool.http.log if "subscribedSkus" in url]
    assert [bool(params) for params in asked] == [True, False]


def test_a_sku_that_is_listed_twice_counts_once(tool: Tool, tenant: Tenant) -> None:
    row = {"skuId": SPB, "skuPartNumber": "SPB", "consumedUnits": 1, "prepaidUnits": {"enabled": 2}}
    rows = [row, {**row, "skuId": SPB.upper()}]
    tool.m365.faults.add(Fault("subscribedSkus", "status", 200, body={"value": rows}))

    assert parts(tool.client(tenant)) == ["SPB"]


def test_license_assignment_read_all_alone_gives_licences_but_no_renewal_dates(tool: Tool, tenant: Tenant) -> None:
    tenant.permissions = {"LicenseAssignment.Read.All"}
    client = tool.client(tenant)

    assert parts(client) == ["SPB", "STREAM"]
    with pytest.raises(PermissionMissing) as error:
        subscriptions(client)
    assert "subscriptions" in error.value.problem.text("de")
    assert parts(client) == ["SPB", "STREAM"]


def test_subscriptions_carry_their_next_date_and_whether_they_are_a_trial(tool: Tool, tenant: Tenant) -> None:
    tenant.add_subscription("SPB", NOW, is_trial=True, status="Warning", total=4)

    found = subscriptions(tool.client(tenant))

    (trial,) = [row for row in found if row.is_trial]
    assert (trial.sku_id, trial.status, trial.total, trial.next_lifecycle_at) == (SPB, "Warning", 4, NOW)
    assert [row.next_lifecycle_at for row in found if row.sku_part_number == "STREAM"] == [None]


# Errors of Graph


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (302, BadAnswer, "graph.refused"),
        (403, PermissionMissing, "graph.forbidden"),
        (404, NotFound, "graph.not_found"),
        (409, Conflict, "graph.conflict"),
        (410, NotFound, "graph.not_found"),
        (412, Conflict, "graph.conflict"),
        (418, BadAnswer, "graph.refused"),
        (500, BadAnswer, "graph.server_error"),
        (502, BadAnswer, "graph.server_error"),
        (503, Throttled, "graph.unavailable"),
        (509, BadAnswer, "graph.server_error"),
    ],
)
def test_every_status_is_an_error_of_its_kind_in_words(
    tool: Tool, tenant: Tenant, status: int, kind: type[GraphError], code: str
) -> None:
    tool.m365.faults.add(Fault("subscribedSkus", "status", status, times=None))

    with pytest.raises(kind) as error:
        parts(tool.client(tenant))

    assert (error.value.problem.code, error.value.status) == (code, status)
    assert f"HTTP {status}" in error.value.problem.detail
    assert re.search(r"\(request-id [0-9a-f-]{36}\)$", error.value.problem.detail)
    assert "Schule Höri" in error.value.problem.text("de")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"error": {"code": "x", "message": " a\n b "}}, ("x", "a b"), id="lines"),
        pytest.param({"error": {"code": "", "message": None, "innererror": {}}}, ("", ""), id="empty-code"),
        pytest.param({"error": "x"}, ("", ""), id="text"),
        pytest.param([], ("", ""), id="list"),
        pytest.param(None, ("", ""), id="nothing"),
        pytest.param({"error": {"message": "y" * 900}}, ("", "y" * 300), id="very-long"),
    ],
)
def test_what_an_error_body_says(body: Any, expected: tuple[str, str]) -> None:
    assert error_of(body) == expected


# Batches


@pytest.fixture
def sp(m365: Microsoft365) -> SharePoint:
    """The provider's site."""
    return m365.add_sharepoint()


def test_answers_of_a_batch_come_in_the_order_of_their_requests(tool: Tool, sp: SharePoint) -> None:
    ids = [str(sp.licenses.add({"Title": str(number)}).id) for number in range(12)]
    path = f"/sites/{sp.site_id}/lists/{sp.licenses.id}/items"

    answers = tool.site().batch([BatchRequest("GET", f"{path}/{item}") for item in ids])

    assert [answer.body["id"] for answer in answers] == ids
    assert all(answer.ok for answer in answers)


def test_a_batch_carries_bodies_and_the_version_that_must_not_have_changed(tool: Tool, sp: SharePoint) -> None:
    item = sp.licenses.add({"Title": "before"})
    path = f"/sites/{sp.site_id}/lists/{sp.licenses.id}/items"
    client = tool.site()
    etag = client.get(f"{path}/{item.id}")["@odata.etag"]
    change = BatchRequest("PATCH", f"{path}/{item.id}/fields", {"Title": "after"}, etag)

    first, again, made = (
        client.batch([request])[0] for request in (change, change, BatchRequest("POST", path, {"fields": {}}))
    )

    assert (first.status, again.status, made.status) == (200, 412, 201)


def test_one_request_of_a_batch_that_is_throttled_says_how_long_to_wait(tool: Tool, sp: SharePoint) -> None:
    path = f"/sites/{sp.site_id}/lists/{sp.licenses.id}"
    tool.m365.faults.add(Fault(path, "status", 429, retry_after="9", sub_response=True))

    (answer,) = tool.site().batch([BatchRequest("GET", path)])

    assert (answer.status, answer.ok, answer.wait(0)) == (429, False, 9.0)


@pytest.mark.parametrize("names", [("retry-after", "ratelimit-reset"), ("RETRY-AFTER", "RateLimit-Reset")])
def test_headers_inside_a_batch_are_found_in_any_case(names: tuple[str, str]) -> None:
    assert BatchAnswer(429, headers={names[0]: "4", names[1]: "6"}).wait(0) == 6.0


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        pytest.param("reset", 0, None, id="reset"),
        pytest.param("lost_answer", 0, None, id="lost-answer"),
        pytest.param("truncate", 0, None, id="half-an-answer"),
        pytest.param("status", 502, None, id="gateway"),
        pytest.param("status", 200, [], id="a-list"),
        pytest.param("status", 200, {"responses": None}, id="no-responses"),
        pytest.param("status", 200, {"responses": [7, {"id": "9", "status": 200}]}, id="other-responses"),
    ],
)
def test_a_batch_whose_answer_is_lost_is_unknown_and_sent_only_once(
    tool: Tool, sp: SharePoint, kind: str, status: int, body: Any
) -> None:
    tool.m365.faults.add(Fault("$batch", kind, status, body=body, times=None))

    answers = tool.site().batch([BatchRequest("GET", f"/sites/{sp.site_id}")] * 3)

    assert [answer.status for answer in answers] == [0, 0, 0]
    assert tool.m365.count("POST", "$batch", batched=False) == 1


@pytest.mark.parametrize(("status", "kind"), [(400, BadAnswer), (403, PermissionMissing), (503, Throttled)])
def test_a_batch_that_is_refused_as_a_whole_raises(
    tool: Tool, sp: SharePoint, status: int, kind: type[GraphError]
) -> None:
    tool.m365.faults.add(Fault("$batch", "status", status, times=None))

    with pytest.raises(kind):
        tool.site().batch([BatchRequest("GET", f"/sites/{sp.site_id}")])

    assert tool.m365.count("POST", "$batch", batched=False) == 1


def test_a_batch_that_is_throttled_as_a_whole_is_sent_again(tool: Tool, sp: SharePoint) -> None:
    tool.m365.faults.add(Fault("$batch", "status", 429, retry_after="3"))

    (answer,) = tool.site().batch([BatchRequest("GET", f"/sites/{sp.site_id}")])

    assert answer.ok
    assert tool.slept == [3.0]


@given(st.integers(0, 70))
def test_batches_hold_at_most_twenty_requests_and_lose_none(count: int) -> None:
    wanted = [BatchRequest("GET", f"/{number}") for number in range(count)]

    pieces = list(chunks(wanted))

    assert [request for piece in pieces for request in piece] == wanted
    assert all(0 < len(piece) <= 20 for piece in pieces)
