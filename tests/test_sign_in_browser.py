"""Sign-in and sign-out as people see them, in a real Chromium."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.served import PASSWORD, Served

pytestmark = pytest.mark.browser


@pytest.fixture
def complaints(context: BrowserContext, served: Served) -> list[str]:
    """Errors in the console and requests to foreign hosts; there must be none."""
    found: list[str] = []
    context.on(
        "console",
        lambda message: found.append(f"{message.text} {message.location}") if message.type == "error" else None,
    )
    context.on(
        "request",
        lambda request: found.append(request.url) if urlsplit(request.url).netloc not in (served.host, "") else None,
    )
    return found


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


def test_sign_out_in_one_tab_sends_the_other_to_the_sign_in(
    page: Page, context: BrowserContext, served: Served, complaints: list[str]
):
    page.goto(served.url)
    sign_in(page)
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    other = context.new_page()
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


def test_tab_that_was_cut_off_while_the_session_ended_lands_on_the_sign_in(
    page: Page, context: BrowserContext, served: Served
):
    page.goto(served.url)
    sign_in(page)
    expect(page.get_by_role("heading", name="One")).to_be_visible()
    context.set_offline(True)
    page.wait_for_timeout(300)
    token = next(c["value"] for c in context.cookies() if c["name"] == "lizenztool_session")
    served.revoke(token)
    context.set_offline(False)

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
def test_sign_in_is_accessible_and_fits(browser: Browser, served: Served, scheme: str, width: int):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 720})  # type: ignore[arg-type]
    page = context.new_page()
    for path in ("/login", "/login?lang=en&reason=idle", "/login?lang=de"):
        page.goto(f"{served.url}{path}")
        assert Axe().run(page).response["violations"] == []
    sign_in(page, "falsch")
    expect(page.get_by_role("alert")).to_be_visible()

    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
