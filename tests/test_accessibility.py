"""Every page by axe, keyboard and screen reader: in German and English, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from core.access.sessions import start_session
from core.cache.case_lists import CaseFilter, case_page
from tests.browser import Scheme, axe_violations, set_scheme, settled, table
from tests.day import Day, OpenBrowser
from tests.windows import WIDE, Windows
from ui.frame import navigation

pytestmark = pytest.mark.browser

VIEWS: tuple[tuple[str, int, Scheme], ...] = (
    ("de", 1280, "light"), ("de", 390, "light"), ("en", 1280, "dark"), ("en", 390, "dark")
)  # fmt: skip
BY_AXE = {"de 1280 light", "en 390 dark"}  # each language, width and scheme once

LINKS_OF_ONE_NAME = """() => {
    const targets = {}
    for (const link of document.querySelectorAll('a[href]'))
        if (link.checkVisibility()) (targets[link.innerText.trim()] ??= new Set()).add(link.href)
    return Object.entries(targets).filter(([_, found]) => found.size > 1).map(([name]) => name)
}"""

# What has the focus: name, and how strongly its outline (or that of the field around it) stands out from its ground.
FOCUS = """() => {
    let focused = document.activeElement
    while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement
    if (focused === document.body) return null
    const parentOf = element => element.parentElement ?? element.getRootNode().host
    const channels = color => color.match(/[\\d.]+/g).map(Number)
    const light = ([red, green, blue]) => [red, green, blue]
        .map(value => value / 255)
        .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0)
    const outlined = element => getComputedStyle(element).outlineStyle === 'solid'
        && parseFloat(getComputedStyle(element).outlineWidth) >= 2
    let framed = focused
    for (let up = 0; up < 5 && framed && !outlined(framed); up++) framed = parentOf(framed)
    let contrast = 0
    if (framed && outlined(framed)) {
        let ground = parentOf(framed)
        const opaque = element => (channels(getComputedStyle(element).backgroundColor)[3] ?? 1) === 1
        while (ground && !opaque(ground)) ground = parentOf(ground)
        const shades = [getComputedStyle(framed).outlineColor, getComputedStyle(ground).backgroundColor]
        const [high, low] = shades.map(color => light(channels(color))).sort((a, b) => b - a)
        contrast = (high + 0.05) / (low + 0.05)
    }
    return [focused.getAttribute('aria-label') || focused.innerText || focused.tagName, contrast]
}"""


def in_every_view(page: Page, url: str) -> Iterator[str]:
    """Show the page at `url`, which may be open in a language already, in each of VIEWS, and give its name."""
    shown = dict(parse_qsl(urlsplit(page.url).query)).get("lang")
    for language, width, scheme in VIEWS:
        if shown != language:  # all boxes are then where they are when a phone opens it
            shown = language
            page.set_viewport_size(WIDE)
            page.goto(f"{url}{'&' if '?' in url else '?'}lang={language}")
            settled(page)
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", str(width == 390).lower())
        set_scheme(page, scheme)
        yield f"{language} {width} {scheme}"


@pytest.mark.parametrize("address", navigation.PAGES_BY_ADDRESS)
def test_a_page_is_accessible_and_fits(address: str, open_browser: OpenBrowser, day: Day) -> None:
    carla = open_browser(f"/{address}?lang=de", account="carla")
    for view in in_every_view(carla, f"{day.url}/{address}"):
        if view in BY_AXE:
            assert (view, axe_violations(carla)) == (view, [])
        assert carla.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        expect(carla.locator("h1")).to_have_count(1)
        assert carla.evaluate(LINKS_OF_ONE_NAME) == []


def test_the_panel_of_a_licence_is_accessible(carla: Page) -> None:
    carla.get_by_role("button", name="Bau AG Chur").first.click()
    panel = carla.get_by_role("dialog")
    expect(panel.locator("dl")).to_be_visible()

    for view in in_every_view(carla, carla.url):
        expect(panel.locator("dl")).to_be_visible()
        if view in BY_AXE:
            assert (view, axe_violations(carla)) == (view, [])


@pytest.mark.parametrize("address", ["fall?nummer={number}", "faelle?show=board"])
def test_a_case_and_the_board_are_accessible_and_fit(address: str, open_browser: OpenBrowser, day: Day) -> None:
    listed, _ = case_page(day.office.engine, CaseFilter(is_open=True), limit=1)
    place = address.format(number=listed[0].case.number)
    carla = open_browser(f"/{place}&lang=de", account="carla")
    for view in in_every_view(carla, f"{day.url}/{place}"):
        if view in BY_AXE:
            assert (view, axe_violations(carla)) == (view, [])
        assert carla.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        expect(carla.locator("h1")).to_have_count(1)
        assert carla.evaluate(LINKS_OF_ONE_NAME) == []


@pytest.mark.parametrize(
    ("address", "scheme"),
    [(navigation.START, "light"), (navigation.START, "dark"), (navigation.AUDIT, "dark"), (navigation.RULES, "light")],
)
def test_who_uses_the_keyboard_sees_where_it_is(address: str, scheme: Scheme, open_browser: OpenBrowser) -> None:
    carla = open_browser(f"/{address}", account="carla")
    set_scheme(carla, scheme)
    seen = {}
    carla.keyboard.press("Tab")
    while stop := carla.evaluate(FOCUS):
        seen[stop[0]] = stop[1]
        carla.keyboard.press("Tab")

    assert len(seen) > 15
    assert [name for name, contrast in seen.items() if contrast < 3] == []


def test_the_first_shortage_is_six_keys_away_and_every_row_two(anna: Page) -> None:
    for part in (".skip-link", "#table-begins"):
        expect(anna.locator(part)).to_be_attached()
    for key in ("Tab", "Enter", "Tab", "Tab", "Enter", "Tab"):  # past the menu, then past what stands above the table
        anna.keyboard.press(key)
    rows = table(anna, "Engpässe jetzt").locator("tbody tr")
    for place in range(4):
        expect(rows.nth(place).get_by_role("button").first).to_be_focused()
        anna.keyboard.press("Tab")
        expect(rows.nth(place).get_by_role("button", name="Übernehmen")).to_be_focused()
        anna.keyboard.press("Tab")

    anna.reload()
    settled(anna)
    stops = 0
    anna.keyboard.press("Tab")
    while anna.evaluate(FOCUS):
        stops += 1
        anna.keyboard.press("Tab")
    assert stops <= 35


def test_a_page_that_does_not_exist_and_the_sign_out_are_accessible(windows: Windows, day: Day) -> None:
    token = start_session(day.office.engine, "anna", datetime.now(UTC))
    with windows.borrowed() as window:
        page = window.page
        page.context.add_cookies([{"name": "lizenztool_session", "value": token, "url": day.url}])
        for path in ("/gibt-es-nicht", "/logout"):
            for language, width, scheme in VIEWS:
                page.set_viewport_size({"width": width, "height": 720})
                page.emulate_media(color_scheme=scheme)
                page.goto(f"{day.url}{path}?lang={language}")
                assert (path, axe_violations(page)) == (path, [])
