"""Sign-in and sign-out as people see them, in a real Chromium."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import axe_violations
from tests.served import PASSWORD, Served
from tests.windows import Window, Windows

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def windows(browser: Browser, served: Served) -> Windows:
    return Windows(browser, served.url)


@pytest.fixture
def window(windows: Windows) -> Iterator[Window]:
    with windows.borrowed() as window:
        yield window


@pytest.fixture
def page(window: Window) -> Page:
    return window.page


@pytest.fixture
def complaints(window: Window) -> list[str]:
    """Errors in the console and requests to foreign hosts; there must be none."""
    return window.complaints


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Konto").fill("anna")
    page.get_by_label("Passwort").fill(password)
    page.get_by_role("button", name="Anmelden").click()


def test_link_with_filters_survives_the_sign_in(page: Page, served: Served, complaints: list[str]):
    page.goto(f"{served.url}/two?q=Schule%20H%C3%B6ri")
    sign_in(page)

    expect(page.get_by_role("heading", name="Two")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("Schule Höri")
    assert page.url == f"{served.url}/two?q=Schule%20H%C3%B6ri"
    assert complaints == []


def test_sign_out_in_one_tab_sends_the_other_to_the_sign_in(page: Page, served: Served, complaints: list[str]):
    page.goto(served.url)
    sign_in(page)
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{served.url}/two?q=abc")
    expect(other.get_by_role("heading", name="Two")).to_be_visible()

    page.goto(f"{served.url}/logout")
    page.get_by_role("button", name="Abmelden").click()

    expect(page.get_by_role("status")).to_have_text("Abgemeldet.")
    expect(other.get_by_role("status")).to_have_text("Diese Sitzung wurde beendet.")
    page.go_back()
    page.goto(served.url)
    expect(page.get_by_label("Passwort")).to_be_visible()
    # A tab on a slow machine may still be loading itself, scripts and fonts, when its session ends.
    assert [line for line in complaints if "/static/" not in line] == []


def test_tab_that_was_cut_off_while_the_session_ended_lands_on_the_sign_in(page: Page, served: Served):
    page.goto(served.url)
    sign_in(page)
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    page.context.set_offline(True)
    page.wait_for_timeout(300)
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "lizenztool_session")
    served.revoke(token)
    page.context.set_offline(False)

    expect(page.get_by_role("status")).to_have_text("Diese Sitzung wurde beendet.", timeout=20_000)


def test_wrong_password_says_so_and_keeps_the_way(page: Page, served: Served):
    page.goto(f"{served.url}/two?q=abc")
    sign_in(page, "falsch")

    expect(page.get_by_role("alert")).to_have_text("Konto oder Passwort stimmt nicht.")
    expect(page.get_by_label("Konto")).to_have_value("anna")
    expect(page.get_by_label("Passwort")).to_be_focused()
    page.get_by_label("Passwort").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Search")).to_have_value("abc")


def test_language_of_the_sign_in_can_be_switched(page: Page, served: Served):
    page.goto(f"{served.url}/login?next=/two")
    page.get_by_role("link", name="English").click()

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(f"{served.url}/two?x=1")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_sign_in_is_accessible_and_fits(page: Page, served: Served, scheme: Literal["light", "dark"], width: int):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 720})
    for path in ("/login", "/login?lang=en&reason=idle", "/login?lang=de"):
        page.goto(f"{served.url}{path}")
        assert axe_violations(page) == []
    sign_in(page, "falsch")
    expect(page.get_by_role("alert")).to_be_visible()

    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
