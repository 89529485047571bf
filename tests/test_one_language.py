"""A German page holds no English word of Streamlit's, whatever the browser is set to; nor does a broken connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from babel import Locale
from playwright.sync_api import Browser, Locator, Page, expect

from core.access.sessions import start_session
from core.texts import text
from tests.browser import settled, table
from tests.catalogues import catalogues
from tests.day import OpenBrowser
from tests.office import open_office, product_process
from tests.people import add_person
from tests.served import PASSWORD, free_port
from tests.test_frontend_words import scripts
from ui.frame import navigation
from web.frontend_words import INSERTED, PLACES

pytestmark = pytest.mark.browser

WORD = re.compile(r"(?=`([A-Z][^`$\n]{2,120})`)")  # a literal of the scripts that may be shown
# What a library in the scripts puts together in the language of the browser: parts of a date, axes of a chart.
OF_LIBRARIES = ("(day|month|year), .+", "dd|yyyy", "Selected (Date|Range): .+", ".-axis for .+", "Legend .+", ".+ icon")
SHOWN = """() => {
    const words = new Set()
    const add = word => word && words.add(word.replace(/\\s+/g, ' ').trim())
    const walk = root => {
        for (const element of root.querySelectorAll('*')) {
            if (['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName)) continue
            for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-description'])
                add(element.getAttribute(name))
            for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) add(node.data)
            if (element.shadowRoot) walk(element.shadowRoot)
        }
    }
    walk(document)
    return [...words]
}"""


@cache
def english() -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the words of Streamlit's scripts but those that German has, too, and those of PLACES with a value."""
    german = {form for forms in catalogues()["de"].values() for form in forms}
    german |= {"Tag", "Monat", "Jahr", *Locale("de").months["stand-alone"]["wide"].values()}  # in its calendar
    german |= {"Basis"}  # the name of a level
    with_value = (words for _, words, _ in PLACES if "${" in words)
    patterns = [*(".+".join(map(re.escape, INSERTED.split(words))) for words in with_value), *OF_LIBRARIES]
    words = {word for word in WORD.findall(scripts()) if not word.startswith("Klicken, um ")} - german
    return frozenset(words), re.compile("|".join(patterns))


def english_words(page: Page) -> list[str]:
    """Return what the page shows or tells a screen reader in the words of Streamlit's scripts."""
    words, patterns = english()
    return sorted(word for word in page.evaluate(SHOWN) if word in words or patterns.fullmatch(word))


def open_license(page: Page) -> Locator:
    page.get_by_role("table", name="Engpässe jetzt").get_by_role("button", name="Bau AG Chur").click()
    return page.get_by_role("dialog").get_by_role("link", name="Tenant öffnen")


def open_list(page: Page) -> Locator:
    page.get_by_role("combobox", name="Zustand").click()
    return page.get_by_role("listbox")


def open_calendar(page: Page) -> Locator:
    page.get_by_role("button", name="Ausnahme hinzufügen").click()
    page.get_by_role("button", name="Datum wählen").click()
    return page.get_by_role("dialog", name="Datum wählen")


def open_switches(page: Page) -> Locator:
    page.get_by_role("button", name=re.compile("^Alle .+ schalten")).click()
    return page.get_by_role("button", name=re.compile("^Überwachung ausschalten"))


def open_token(page: Page) -> Locator:
    page.get_by_role("button", name="Zugang erstellen").click()
    return page.get_by_role("dialog").get_by_role("combobox", name="Rolle")


def show_password(page: Page) -> Locator:
    page.get_by_role("button", name="Passwort zeigen").first.click()
    return page.get_by_role("button", name="Passwort verbergen")


def open_period(page: Page) -> Locator:
    page.get_by_role("button", name="Zeitraum wählen").click()
    return page.get_by_role("dialog", name="Zeitraum wählen")


def open_toolbar(page: Page) -> Locator:
    page.get_by_test_id("stVegaLiteChart").hover()
    return page.get_by_role("button", name="Zahlen zeigen")


def open_account(page: Page) -> Locator:
    table(page, "Alle Konten").get_by_role("button", name="anna", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Rolle ändern").click()
    return page.get_by_role("dialog").get_by_role("combobox", name="Rolle")


OPENED: dict[str, Callable[[Page], Locator]] = {
    navigation.START: open_license,
    navigation.LICENSES: open_list,
    navigation.TENANT: open_toolbar,
    navigation.MONITORING: open_switches,
    navigation.RULES: open_calendar,
    navigation.ACCOUNTS: open_account,
    navigation.PROGRAMS: open_token,
    navigation.AUDIT: open_period,
    navigation.OWN_ACCOUNT: show_password,
}


@pytest.mark.parametrize("address", navigation.PAGES_BY_ADDRESS)
def test_a_page_in_german_holds_no_english_word_in_an_english_browser(address: str, open_browser: OpenBrowser) -> None:
    page = open_browser(f"/{address}?lang=de", account="carla", locale="en-US")
    found = english_words(page)

    if address in OPENED:
        expect(OPENED[address](page)).to_be_visible()
        found += english_words(page)

    assert found == []


def test_numbers_are_those_of_the_page_in_an_english_browser(open_browser: OpenBrowser) -> None:
    page = open_browser("/alle-tenants?lang=de&q=FLOW_FREE", account="carla", locale="en-US")

    expect(page.get_by_role("table", name="Alle Tenants")).to_contain_text("10’000")
    assert page.evaluate("() => navigator.language") == "de-CH"


def test_a_tab_says_that_the_server_is_away_and_goes_on_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    with open_office(tmp_path) as office:
        add_person(office.engine, "anna", PASSWORD, "support")
        token = start_session(office.engine, "anna", datetime.now(UTC))
        with product_process(office, tmp_path, port) as url:
            context.add_cookies([{"name": "lizenztool_session", "value": token, "url": url}])
            page.goto(f"{url}/?lang=de")
            settled(page)

        lost = page.get_by_text(text("frontend.reconnecting", "de"))
        expect(lost).to_be_visible()
        assert english_words(page) == []

        with product_process(office, tmp_path, port):
            expect(lost).to_have_count(0)
            page.get_by_role("link", name="Monitoring").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Monitoring")
    context.close()
