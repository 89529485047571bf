"""The pages as people use them: sign in, read a table, open a row, and look for what no reader should meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import BrowserContext, Locator, Page, expect

AXE = Path(AXE_FILE_PATH).read_text("utf-8")
# What the page itself is painted with, see .streamlit/config.toml.
Scheme = Literal["dark", "light"]
SCHEMES: dict[Scheme, str] = {"dark": "rgb(14, 17, 23)", "light": "rgb(255, 255, 255)"}

# The dashboard once its script has run to the end, with its heading and nothing that is still to come.
DRAWN = (
    "[data-testid=stApp][data-test-script-state=notRunning]"
    ":has([data-testid=stMain] h1):not(:has([data-testid=stSkeleton]))"
)

# How long a page may take on a machine that is busy with other tests; nothing is measured by it.
expect.set_options(timeout=20_000)


def watch(context: BrowserContext, url: str) -> list[str]:
    """Everything from now on that must not happen: errors in the console, requests to another host than `url`."""
    complaints: list[str] = []
    own = ("", urlsplit(url).netloc)
    context.on(
        "console",
        lambda message: complaints.append(f"{message.text} {message.location}") if message.type == "error" else None,
    )
    context.on(
        "request",
        lambda request: complaints.append(request.url) if urlsplit(request.url).netloc not in own else None,
    )
    return complaints


def sign_in(page: Page, account: str, password: str) -> None:
    """Fill in the sign-in page, in either language; the page that was asked for follows."""
    page.locator("#name").fill(account)
    page.locator("#password").fill(password)
    page.locator("button[type=submit]").click()
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page has been drawn to its end."""
    page.locator(DRAWN).wait_for()


def open_from_menu(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_test_id("stSidebarNav").locator("[aria-current=page]")).to_have_text(name)
    settled(page)


# Tables of real HTML


def table(page: Page, name: str, rows: int | None = None) -> Locator:
    """The table with this accessible name; `rows` waits for so many."""
    found = page.get_by_role("table", name=name, exact=True)
    if rows is None:
        expect(found.locator("tbody tr").first).to_be_attached()
    else:
        expect(found.locator("tbody tr")).to_have_count(rows)
    return found


def chips_of(table: Locator) -> list[list[str]]:
    """The words of the states in every row."""
    found: list[list[str]] = table.evaluate(
        "table => [...table.querySelectorAll('tbody tr')].map("
        "row => [...row.querySelectorAll('td.lt-chip span')].map(chip => chip.textContent))"
    )
    return found


def header_of(table: Locator) -> list[str]:
    return table.locator("th").all_inner_texts()


def rows_of(table: Locator) -> list[list[str]]:
    """The cells of every row, of a cell with a name the name."""
    found: list[list[str]] = table.evaluate(
        "grid => [...grid.querySelectorAll('tbody tr')].map("
        "row => [...row.cells].map(cell => (cell.querySelector('button') ?? cell).textContent))"
    )
    return found


def column_of(table: Locator, name: str) -> list[str]:
    expect(table.locator(f"xpath=.//th[.='{name}']")).to_be_attached()
    place = header_of(table).index(name)
    return [row[place] for row in rows_of(table)]


def cell(table: Locator, row: str, column: str) -> Locator:
    """The cell of `column` in the row that has a cell with exactly the text `row`, looked for anew each time."""
    head = f"ancestor::table//th[.='{column}']"
    return table.locator(
        f"xpath=.//tbody/tr[td[.='{row}' or button='{row}']]/td[{head}][count({head}/preceding-sibling::th) + 1]"
    )


def switch(page: Page, name: str, tenant: str) -> Locator:
    """The switch with this name in the row of this tenant."""
    return page.get_by_role("switch", name=f"{name}: {tenant}", exact=True)


# Accessibility


# Mark three of all words that look alike: in what their contrast depends on, or in what hides them from axe.
MARK_LOOKS = """() => {
    const grounds = new Map([[null, '']])
    const groundOf = element => {
        if (!grounds.has(element)) {
            const style = getComputedStyle(element)
            const own = ['backgroundColor', 'backgroundImage', 'opacity', 'filter', 'position', 'transform', 'clip',
                'clipPath'].map(name => style[name]) + element.matches(':disabled, [aria-disabled=true]')
            const behind = groundOf(element.parentElement)
            grounds.set(element, own === PLAIN ? behind : behind + own)
        }
        return grounds.get(element)
    }
    const PLAIN = 'rgba(0, 0, 0, 0),none,1,none,static,none,auto,nonefalse'
    const words = element => element.matches('input, select, textarea')
        || [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
    const seen = {}
    for (const element of document.body.querySelectorAll('*')) {
        element.removeAttribute('data-look')
        if (!words(element) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
        const style = getComputedStyle(element)
        const look = [style.color, style.fontSize, style.fontWeight, style.textShadow, groundOf(element)].join()
        seen[look] = (seen[look] ?? 0) + 1
        if (seen[look] <= 3) element.setAttribute('data-look', '')
    }
}"""


# Until what moves or fades has arrived, except for what never does.
AT_REST = """() => Promise.all(document.getAnimations()
    .filter(one => one.playState === 'running' && one.effect.getComputedTiming().endTime !== Infinity)
    .map(one => one.finished.catch(() => {})))"""


def axe_violations(page: Page, *, only_colors: bool = False) -> list[str]:
    """What axe finds on this page as it is, against WCAG 2.2 (A to AAA) and good practice; one line for each element.

    Once there, axe stays until another page is loaded. The contrast of words takes most of its time: it is measured
    of three of all words that look alike. With `only_colors` by the rules that ask for colours.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    page.evaluate(AT_REST)
    page.evaluate(MARK_LOOKS)
    found: dict[str, Any] = page.evaluate(
        """onlyColors => {
            const marked = ['color-contrast', 'color-contrast-enhanced'] // below 4.5 the second leaves to the first
            axe.configure({ rules: marked.map(id => ({ id, selector: '[data-look]' })) })
            const off = rule => ['experimental', 'deprecated'].some(tag => rule.tags.includes(tag))
                || (onlyColors && !rule.tags.includes('cat.color'))
            const rules = Object.fromEntries(axe.getRules().map(rule => [rule.ruleId, { enabled: !off(rule) }]))
            return axe.run({ resultTypes: ['violations'], preload: !onlyColors, rules })
        }""",
        only_colors,
    )
    return [
        f"{rule['id']}: {node['html'][:300]} {(node['any'] or node['all'] or node['none'])[:1]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def set_scheme(page: Page, scheme: Scheme) -> None:
    """Show this page of the dashboard in light or dark."""
    page.emulate_media(color_scheme=scheme)
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", SCHEMES[scheme])


def violations(page: Page) -> list[str]:
    """What axe finds on this page in light and in dark, which differ in nothing but colours."""
    lines = []
    dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    present, other = sorted(SCHEMES, reverse=not dark)  # to begin with the present one saves a change
    for scheme in (present, other):
        set_scheme(page, scheme)
        lines += [f"{scheme} {line}" for line in axe_violations(page, only_colors=scheme == other)]
    return lines


def bottom_of(locator: Locator) -> float:
    """Pixels from the top of the window to the lower edge."""
    found = locator.bounding_box()
    assert found is not None
    return found["y"] + found["height"]
