"""`python -m tests.pictures FOLDER --url URL`: pictures of every page, in three sizes, two themes and two languages.

For the eye of whoever changes a page: start the product (the demo will do), take pictures before and after. The account
is `--account`, its password the environment variable PASSWORD. Tests do not use it.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Error, Page, ViewportSize, sync_playwright

from tests.browser import SCHEMES, settled, sign_in
from tests.conftest import CHROMIUM
from ui.frame.navigation import PAGES_BY_ADDRESS

SIZES: tuple[ViewportSize, ...] = (
    {"width": 1366, "height": 650},
    {"width": 1920, "height": 1080},
    {"width": 390, "height": 844},
)
Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
QUIET_MS = 400  # a table of our own is drawn right after the page


def main() -> int:
    """Take the pictures; return 1 if a page could not be drawn."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--account", default="admin")
    parser.add_argument("--pages", nargs="*", default=list(PAGES_BY_ADDRESS), help="their addresses; all without")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = signed_in(browser, options.url, options.account, os.environ["PASSWORD"])
        for language in LANGUAGES:
            page.goto(f"{options.url}/language?to={language}")
            for address in options.pages:
                failed += take(page, options.url, address, language, options.folder)
        browser.close()
    print("\n".join(f"not drawn: {name}" for name in failed))
    return 1 if failed else 0


def signed_in(browser: Browser, url: str, account: str, password: str) -> Page:
    """Return a tab in which the account is signed in."""
    page = browser.new_context(locale="en-US").new_page()
    page.goto(f"{url}/login")
    sign_in(page, account, password)
    return page


def take(page: Page, url: str, address: str, language: Language, folder: Path) -> list[str]:
    """Take the pictures of one page as it opens; return the names of those that failed."""
    failed = []
    for size, scheme in product(SIZES, SCHEMES):
        name = f"{address or 'start'}-{size['width']}-{scheme}-{language}"
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        try:
            page.goto(f"{url}/{address}")
            settled(page)
        except Error:
            failed.append(name)
            continue
        page.wait_for_timeout(QUIET_MS)
        page.screenshot(path=folder / f"{name}.png")
    return failed


if __name__ == "__main__":
    sys.exit(main())
