"""/onboarding/consent: who may go to Microsoft, and what whoever comes back may change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from core.access.sessions import Session
from core.cache.onboarding_rows import Onboarding, log_of
from core.onboarding.advance import advance
from core.onboarding.request import Request
from core.onboarding.start import start
from core.runtime import Runtime
from tests.office import Office
from tests.test_onboarding import CARLA, DOMAIN, answer_of, provider  # noqa: F401 - fixture
from web.consent_pages import ConsentPages
from web.plain_pages import PlainPages

NOW = datetime.now(UTC)
START, BACK = "/onboarding/consent/start", "/onboarding/consent"


@dataclass
class Browser:
    """A browser that has signed in with a role, over https; it keeps its cookies."""

    office: Office
    role: str = "admin"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None, **params: str) -> Response:
        office = self.office
        running = Runtime(office.settings, office.engine, office.services, office.refresher)
        pages = ConsentPages(PlainPages("de"), lambda: running, "de")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"host": "localhost", "cookie": cookie, **(headers or {})}
        scope = {
            "type": "http", "method": "GET", "scheme": "https", "path": path,
            "query_string": urlencode(params).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()], "server": ("localhost", 443),
            "app_session": Session("0", "carla", "carla", self.role, NOW, NOW),
        }  # fmt: skip
        handler = pages.start if path.endswith("/start") else pages.answer
        with ThreadPoolExecutor() as other:  # in the thread of the tests that of a browser may have its loop
            answer = other.submit(asyncio.run, handler(HttpRequest(scope))).result()
        for line in answer.headers.getlist("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


@pytest.fixture
def waiting(provider: Office) -> Onboarding:  # noqa: F811 - the fixture
    """The consent of a customer to the provider's application is the next step."""
    onboarding = start(provider.services, Request("Schule Höri", DOMAIN, shared=True), CARLA)
    return advance(provider.services, None, onboarding.onboarding_id, CARLA)


def said(office: Office, onboarding: Onboarding) -> list[str]:
    return [line.said.code for line in log_of(office.engine, onboarding.onboarding_id) if line.step == "consent"]


def test_the_browser_that_was_sent_comes_back_with_news(provider: Office, waiting: Onboarding) -> None:  # noqa: F811
    client = Browser(provider)

    sent = client.get(START, onboarding=waiting.onboarding_id)
    back = client.get(BACK, **answer_of(provider, sent.headers["location"]))

    assert sent.status_code == 303
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://localhost/onboarding/consent"]
    cookie = sent.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("__host-", "httponly", "secure", "samesite=lax"))
    assert f"/tenant-aufnehmen?aufnahme={waiting.onboarding_id}" in bytes(back.body).decode()
    assert said(provider, waiting)[-1] == "onboarding.consent_answered"


def test_another_browser_is_thanked_and_changes_nothing(provider: Office, waiting: Onboarding) -> None:  # noqa: F811
    sent = Browser(provider).get(START, onboarding=waiting.onboarding_id)
    before = said(provider, waiting)

    back = Browser(provider).get(BACK, **answer_of(provider, sent.headers["location"]))
    bare = Browser(provider).get(BACK, admin_consent="True")

    for answer in (back, bare):
        assert (answer.status_code, "Dieses Fenster kann geschlossen werden" in bytes(answer.body).decode()) == (
            200,
            True,
        )
        assert waiting.onboarding_id not in bytes(answer.body).decode()
    assert said(provider, waiting) == before


def test_nobody_else_is_sent(provider: Office, waiting: Onboarding) -> None:  # noqa: F811
    mine = waiting.onboarding_id

    assert Browser(provider, "support").get(START, onboarding=mine).status_code == 403
    assert Browser(provider).get(START, {"sec-fetch-site": "cross-site"}, onboarding=mine).status_code == 403
    assert Browser(provider).get(START, onboarding="unknown").status_code == 404
