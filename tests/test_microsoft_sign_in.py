"""Sign-in with Microsoft against a real OpenID provider over HTTPS: over plain HTTP, and in a real Chromium."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from core.access import accounts
from core.cache.account_rows import find_account
from core.cache.audit_rows import AuditRow, Search, find
from core.profiles.auth_profiles import CALLBACK, AuthStore
from simulator.profiles import guid
from tests.actors import ADMIN
from tests.browser import axe_violations
from tests.log_files import log_with
from tests.openid_provider import (
    BY_CERTIFICATE,
    OTHER_TENANT,
    PATH,
    PEOPLE,
    SECRET,
    SECRET_VARIABLE,
    TENANT,
    Entrance,
    Visitor,
    entrance,
)
from tests.served import PASSWORD, free_port
from tests.windows import Windows
from web.sign_in.expiring_store import ExpiringStore
from web.sign_in.open_id_client import OpenIdClient, ProviderError


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    """Provider and server, for all tests of this file."""
    with entrance(tmp_path_factory.mktemp("entrance")) as found:
        yield found


@pytest.fixture
def office(running: Entrance) -> Entrance:
    """The same, with a good profile whatever the test before has done to it."""
    running.write_profile()
    return running


@pytest.fixture
def visitor(office: Entrance) -> Visitor:
    return Visitor(office)


def account(login: str) -> str:
    claims = PEOPLE[login]["claims"]
    return f"entra:{claims['tid']}:{claims['oid']}"


def audited(office: Entrance, *actions: str, words: str = "") -> list[AuditRow]:
    return find(office.engine, Search(words=words, actions=actions), limit=99)[0]


def why(answer: requests.Response) -> str:
    """What the refusal page is about."""
    return parse_qs(urlsplit(answer.url).query).get("why", [""])[0]


# Coming in


@pytest.mark.parametrize(("login", "role"), [("vera", "viewer"), ("sven", "support"), ("ada", "admin")])
def test_each_role_gets_in_and_is_in_the_audit(visitor: Visitor, login: str, role: str) -> None:
    answer = visitor.sign_in(login)

    assert answer.status_code == 200
    assert visitor.session is not None
    name = PEOPLE[login]["claims"]["name"]
    assert (visitor.session.account, visitor.session.shown, visitor.session.role) == (account(login), name, role)
    newest = audited(visitor.entrance, "session.started", words=account(login))[0]
    assert (newest.actor_name, newest.role, newest.source, newest.address) == (name, role, "sign-in", "127.0.0.1")


def test_the_page_that_was_asked_for_follows_and_never_a_foreign_one(visitor: Visitor) -> None:
    ways = [
        visitor.get(visitor.to_callback("sven", f"/login/microsoft?next={target}"), allow_redirects=False)
        for target in ("/two%3Fq%3DH%25C3%25B6ri", "//evil.example", "https://evil.example/", "/login/microsoft")
    ]

    assert [way.headers["location"] for way in ways] == ["/two?q=H%C3%B6ri", "/", "/", "/"]


def test_the_request_carries_state_nonce_and_pkce_and_wants_no_lasting_access(visitor: Visitor) -> None:
    answers = [visitor.get(f"{visitor.entrance.url}/login/microsoft", allow_redirects=False) for _ in range(2)]

    asked = [parse_qs(urlsplit(answer.headers["location"]).query) for answer in answers]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name][0]) > 20
        assert asked[0][name] != asked[1][name]
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert set(asked[0]["scope"][0].split()) == {"openid", "profile"}
    assert asked[0]["max_age"] == ["28800"]
    assert re.search(r"HttpOnly; .*Path=/login; SameSite=lax", answers[0].headers["set-cookie"])


def test_signing_in_again_ends_the_session_before(visitor: Visitor) -> None:
    visitor.sign_in("sven")
    first = visitor.cookies["lizenztool_session"]

    visitor.sign_in("ada")

    assert accounts.session_of(visitor.entrance.engine, first, datetime.now(UTC)) is None
    assert visitor.session is not None
    assert visitor.session.account == account("ada")


def test_name_and_role_follow_entra_and_a_new_role_ends_older_sessions(office: Entrance) -> None:
    before, after = Visitor(office), Visitor(office)
    before.sign_in("vera")
    office.write_profile(roles={"viewer": "support"})

    after.sign_in("vera")

    assert before.session is None
    assert after.session is not None
    assert after.session.role == "support"
    change = audited(office, "account.role", words=account("vera"))[0]
    assert ('"role": "viewer"' in change.before, '"role": "support"' in change.after) == (True, True)


def test_a_certificate_opens_as_well_as_a_secret(office: Entrance) -> None:
    office.write_profile(client_id=BY_CERTIFICATE, client_secret_env=..., cert_path="certs/office.pem")
    visitor = Visitor(office)

    visitor.sign_in("sven")

    assert visitor.session is not None


def test_another_openid_provider_can_take_the_place_of_microsoft(office: Entrance) -> None:
    office.write_profile(authority=office.provider)
    visitor = Visitor(office)

    visitor.sign_in("sven")

    assert visitor.session is not None
    assert visitor.session.account == account("sven")


def test_the_public_address_of_the_profile_is_where_microsoft_sends_people(office: Entrance) -> None:
    public = "https://lizenzen.example.ch/login/microsoft/callback"
    office.write_profile(redirect_url=public)

    answer = Visitor(office).get(f"{office.url}/login/microsoft", allow_redirects=False)

    assert parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"] == [public]


def test_local_accounts_get_in_beside_it(visitor: Visitor) -> None:
    page = visitor.get(f"{visitor.entrance.url}/login").text

    assert 'href="/login/microsoft"' in page
    assert 'name="password"' in page
    assert visitor.sign_in_locally("sven").headers["location"] == "/"
    assert visitor.session is not None
    assert visitor.session.account == "sven"


# Staying out


@pytest.mark.parametrize(
    ("login", "reason", "says"),
    [
        ("tina", "tenant", "anderen Organisation"),
        ("nora", "role", "keine Rolle zugewiesen"),
        ("gina", "role", "keine Rolle zugewiesen"),
        ("otto", "old", "zu lange zurück"),
        ("hans", "token", "passt nicht zu dieser Anmeldung"),
    ],
)
def test_who_is_not_let_in_is_told_why(visitor: Visitor, login: str, reason: str, says: str) -> None:
    answer = visitor.sign_in(login)

    assert (answer.status_code, why(answer)) == (403, reason)
    assert says in answer.text
    assert visitor.session is None
    told = answer.text + answer.url
    assert [text for text in (guid("oid", PEOPLE[login]["claims"]["name"]), TENANT, OTHER_TENANT) if text in told] == []
    newest = audited(visitor.entrance, "session.refused")[0]
    assert (newest.reason, newest.actor) == (reason, "" if reason == "token" else account(login))


def test_a_disabled_account_stays_out_whatever_entra_says(office: Entrance) -> None:
    first, second = Visitor(office), Visitor(office)
    first.sign_in("dora")
    accounts.disable(office.engine, ADMIN, account("dora"), datetime.now(UTC))

    answer = second.sign_in("dora")

    assert (answer.status_code, why(answer)) == (403, "disabled")
    assert (first.session, second.session) == (None, None)
    known = find_account(office.engine, account("dora"))
    assert known is not None
    assert known.disabled


def test_the_last_local_admin_stays_even_beside_one_of_microsoft(visitor: Visitor) -> None:
    engine, now = visitor.entrance.engine, datetime.now(UTC)
    visitor.sign_in("ada")
    for other in [
        known.name for known in accounts.list_accounts(engine, ADMIN) if known.is_admin and known.name != "anna"
    ]:
        accounts.disable(engine, ADMIN, other, now)

    with pytest.raises(accounts.AccessError, match="last local account"):
        accounts.disable(engine, ADMIN, "anna", now)


def test_a_password_never_opens_an_account_of_microsoft(visitor: Visitor) -> None:
    visitor.sign_in("sven")
    other = Visitor(visitor.entrance)

    assert [other.sign_in_locally(account("sven"), word).status_code for word in ("", "x", PASSWORD)] == [401] * 3


def test_a_callback_opens_in_the_browser_that_began_and_once_only(office: Entrance) -> None:
    beginner, thief = Visitor(office), Visitor(office)
    callback = beginner.to_callback("sven")

    flow = {"lizenztool_microsoft": beginner.cookies["lizenztool_microsoft"]}

    stolen = thief.get(callback)
    right = beginner.get(callback)
    again = thief.get(callback, cookies=flow)  # even with the cookie

    assert (why(stolen), why(right), why(again)) == ("expired", "", "expired")
    assert thief.session is None
    assert beginner.session is not None


def test_a_code_of_somebody_else_is_not_taken(office: Entrance) -> None:
    """Sign-in in another's name: the attacker's callback in the victim's browser, which has begun one of its own."""
    attacker, victim = Visitor(office), Visitor(office)
    callback = attacker.to_callback("ada")
    victim.get(f"{office.url}/login/microsoft")

    answer = victim.get(callback)

    assert why(answer) == "token"
    assert victim.session is None


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=y", "?error=server_error&state=y", "?state="])
def test_a_forged_callback_opens_nothing(visitor: Visitor, query: str) -> None:
    visitor.get(f"{visitor.entrance.url}/login/microsoft")

    answer = visitor.get(f"{visitor.entrance.url}/login/microsoft/callback{query}")

    assert (answer.status_code, why(answer)) == (403, "token")
    assert visitor.session is None


@pytest.mark.filterwarnings("ignore:response_mode")  # as in web/sign_in/open_id_client.py
def test_a_token_with_another_nonce_opens_nothing(visitor: Visitor) -> None:
    """The token of another sign-in: all is right but the nonce."""
    office = visitor.entrance
    profile = AuthStore(office.folder / "profiles", {SECRET_VARIABLE: SECRET}).load().profile
    assert profile is not None
    provider = OpenIdClient(office.provider.removesuffix(PATH), str(office.ca))

    def come_back(**changed: str) -> dict[str, str]:
        flow = provider.start(profile, f"{office.url}{CALLBACK}", "login")
        callback = visitor.send_form(visitor.get(flow["auth_uri"]).url, {"login": "sven", "go": "in"})
        answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        return dict(provider.finish(profile, flow | changed, answer)[0])

    assert come_back()["oid"] == PEOPLE["sven"]["claims"]["oid"]
    with pytest.raises(ProviderError) as caught:
        come_back(nonce="0" * 64)
    assert caught.value.why == "token"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_signs_nobody_in(visitor: Visitor, site: str) -> None:
    """Microsoft asks whoever is signed in there for nothing: without a click of theirs no session begins here."""
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}

    answer = visitor.get(f"{visitor.entrance.url}/login/microsoft?next=/two", headers=asked, allow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/two")
    assert "lizenztool_microsoft" not in visitor.cookies
    for own in ("same-origin", "none"):
        visitor.headers["Sec-Fetch-Site"] = own
        visitor.sign_in("sven")
        assert visitor.session is not None


def test_a_code_that_was_tampered_with_is_refused_by_the_provider(visitor: Visitor) -> None:
    callback = re.sub(r"code=[^&]+", "code=forged", visitor.to_callback("sven"))

    assert why(visitor.get(callback)) == "provider"
    assert visitor.session is None


def test_whoever_cancels_can_try_again(visitor: Visitor) -> None:
    answer = visitor.get(visitor.cancel())

    assert (answer.status_code, why(answer)) == (403, "cancelled")
    assert 'href="/login/microsoft"' in answer.text


def test_person_whom_entra_has_not_assigned_to_the_app_is_told_about_the_role(visitor: Visitor) -> None:
    state = parse_qs(urlsplit(visitor.to_callback("sven")).query)["state"][0]
    query = f"error=access_denied&error_description=AADSTS50105%3A+not+assigned&state={state}"

    assert why(visitor.get(f"{visitor.entrance.url}/login/microsoft/callback?{query}")) == "role"


@pytest.mark.parametrize(
    "path", ["/login/refused", "/login/refused?why=<script>", "/login/refused?why=old&next=//evil"]
)
def test_the_refusal_page_says_nothing_that_was_not_ours(visitor: Visitor, path: str) -> None:
    answer = visitor.get(visitor.entrance.url + path)

    assert answer.status_code == 403
    assert "<script" not in answer.text
    assert "evil" not in answer.text


# When something is wrong on our side


def test_a_wrong_secret_is_in_the_log_with_nothing_that_is_secret(office: Entrance) -> None:
    (office.folder / "wrong.txt").write_text("wrong-secret")
    office.write_profile(client_secret_env=..., client_secret_file="wrong.txt")
    visitor = Visitor(office)

    callback = visitor.to_callback("sven")
    answer = visitor.get(callback)

    assert why(answer) == "provider"
    log = log_with(office.folder / "logs" / "lizenztool.log", "Der Anbieter hat")
    assert "Der Anbieter hat eine Anmeldung abgelehnt: invalid_client" in log
    code = parse_qs(urlsplit(callback).query)["code"][0]
    assert [text for text in ("wrong-secret", SECRET, code) if text in log] == []


def test_without_the_provider_local_accounts_still_get_in(office: Entrance) -> None:
    office.write_profile(authority=f"https://localhost:{free_port()}/office")
    visitor = Visitor(office)

    answer = visitor.get(f"{office.url}/login/microsoft?next=/two")

    assert (answer.status_code, why(answer)) == (503, "away")
    assert 'href="/login/microsoft?next=/two"' in answer.text
    assert visitor.sign_in_locally("anna").status_code == 303


def test_a_provider_that_goes_away_on_the_way_opens_nothing(office: Entrance) -> None:
    visitor = Visitor(office)
    callback = visitor.to_callback("sven")
    office.write_profile(authority=f"https://localhost:{free_port()}/office")

    assert why(visitor.get(callback)) == "expired"
    assert visitor.session is None


def test_a_provider_that_never_answers_holds_up_no_local_sign_in(office: Entrance) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        office.write_profile(authority=f"https://localhost:{silent.getsockname()[1]}/office")
        for _ in range(5):  # more than there are threads for it
            with pytest.raises(requests.Timeout):
                Visitor(office).get(f"{office.url}/login/microsoft", timeout=0.2)

        visitor = Visitor(office)
        assert visitor.get(f"{office.url}/login", timeout=3).status_code == 200
        assert visitor.sign_in_locally("anna").status_code == 303


def test_a_broken_profile_is_told_on_the_page_and_in_the_log(office: Entrance) -> None:
    office.write_profile(client_id=...)
    visitor = Visitor(office)

    page = visitor.get(f"{office.url}/login").text

    assert "falsch eingerichtet" in page
    assert "/login/microsoft" not in page
    assert visitor.get(f"{office.url}/login/microsoft", allow_redirects=False).headers["location"] == "/login"
    told = "office.json: Das Feld «client_id» fehlt"
    assert told in log_with(office.folder / "logs" / "lizenztool.log", told)


def test_without_a_profile_the_page_is_about_local_accounts_alone(office: Entrance) -> None:
    office.file.unlink()

    page = Visitor(office).get(f"{office.url}/login").text

    assert "Microsoft anmelden" not in page
    assert 'name="password"' in page


def test_local_sign_in_can_be_left_to_admins(tmp_path_factory: pytest.TempPathFactory) -> None:
    with entrance(tmp_path_factory.mktemp("admins"), alone=True, LIZENZTOOL_LOCAL_SIGN_IN="admins") as office:
        visitor = Visitor(office)
        page = visitor.get(f"{office.url}/login").text
        refused, unknown = visitor.sign_in_locally("sven"), visitor.sign_in_locally("niemand")
        admin = visitor.sign_in_locally("anna")
        office.write_profile(client_id=...)
        broken = Visitor(office).sign_in_locally("sven")
        office.file.unlink()
        alone = Visitor(office).sign_in_locally("sven")

    assert re.search(r"<details>\s*<summary>Notfall-Anmeldung</summary>", page)
    assert (refused.status_code, admin.status_code, broken.status_code, alone.status_code) == (401, 303, 401, 303)
    assert refused.text.replace("sven", "niemand") == unknown.text


def test_what_waits_for_a_browser_is_kept_for_a_while_and_once() -> None:
    now = datetime(2027, 1, 15, tzinfo=UTC)
    store: ExpiringStore[str] = ExpiringStore(timedelta(minutes=10))
    early, late, taken = (store.add(word, now) for word in ("early", "late", "taken"))

    assert store.pop(taken, now) == "taken"
    assert store.pop(taken, now) is None
    assert store.pop(late, now + timedelta(minutes=10)) is None
    assert store.get(early, now + timedelta(minutes=9, seconds=59)) == "early"
    assert store.get("forged", now) is None


def test_strangers_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2027, 1, 15, tzinfo=UTC)
    monkeypatch.setattr("web.sign_in.expiring_store.MOST", 3)
    store: ExpiringStore[int] = ExpiringStore(timedelta(minutes=10))

    keys = [store.add(number, now) for number in range(5)]

    assert [store.get(key, now) for key in keys] == [None, None, 2, 3, 4]


# In a browser


@pytest.fixture(scope="module")
def windows(browser: Browser, running: Entrance) -> Windows:
    """Windows that know the provider's authority."""
    return Windows(browser, running.url, ignore_https_errors=True)


@pytest.fixture
def page(windows: Windows, office: Entrance) -> Iterator[Page]:
    """A browser that fails the test on an error of ours."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        ours = message.location["url"].startswith(office.url)
        if message.type == "error" and ours and "status of 403" not in message.text:  # which is what a refusal is
            complaints.append(message.text)

    with windows.borrowed() as window:
        window.page.on("console", listen)
        yield window.page
        window.page.remove_listener("console", listen)
    assert complaints == []


def at_provider(page: Page, login: str) -> None:
    page.get_by_label("Login").fill(login)
    page.get_by_role("button", name="Continue").click()


@pytest.mark.browser
def test_link_with_a_filter_survives_the_way_over_microsoft(page: Page, office: Entrance) -> None:
    page.goto(f"{office.url}/two?q=Schule%20H%C3%B6ri")
    page.get_by_role("link", name="Mit Microsoft anmelden").click()
    at_provider(page, "sven")

    expect(page.get_by_label("Search")).to_have_value("Schule Höri")
    expect(page.get_by_text(f"name={quote(account('sven'))} role=support")).to_be_visible()
    assert page.url == f"{office.url}/two?q=Schule%20H%C3%B6ri"
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(office.url)}
    assert cookies["lizenztool_session"]["httpOnly"]
    assert "lizenztool_microsoft" not in cookies


@pytest.mark.browser
def test_an_old_sign_in_is_asked_for_the_password_and_then_gets_in(page: Page, office: Entrance) -> None:
    page.goto(f"{office.url}/login/microsoft?next=/two")
    at_provider(page, "otto")
    expect(page.get_by_text("Die letzte Anmeldung bei Microsoft liegt zu lange zurück.")).to_be_visible()

    page.get_by_role("link", name="Nochmals versuchen").click()
    expect(page.locator("#asked")).to_have_text("prompt=login")
    at_provider(page, "otto")

    expect(page.get_by_role("heading", name="Two")).to_be_visible()


@pytest.mark.browser
def test_who_has_no_role_reads_why_in_both_languages_and_takes_another_account(page: Page, office: Entrance) -> None:
    page.goto(f"{office.url}/login/microsoft?next=/two")
    at_provider(page, "nora")
    expect(page.get_by_role("heading", name="Anmeldung nicht möglich")).to_be_visible()
    assert axe_violations(page) == []

    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("This Microsoft account has no role in Lizenztool.")).to_be_visible()
    page.get_by_role("link", name="Sign in with another account").click()
    expect(page.locator("#asked")).to_have_text("prompt=select_account")
    at_provider(page, "sven")

    expect(page.get_by_role("heading", name="Two")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit(windows: Windows, office: Entrance, scheme: Literal["light", "dark"]) -> None:
    with windows.borrowed() as window:
        page = window.page
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 360, "height": 720})
        for path in (
            "/login", "/login?lang=en&reason=code", "/login/refused?why=role", "/login/refused?why=away&lang=de",
        ):  # fmt: skip
            page.goto(office.url + path)
            assert axe_violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
