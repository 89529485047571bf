"""Browser windows that tests borrow: a new one starts a process and compiles all of Streamlit's scripts anew.

A page in a window that is already there costs a third of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser import watch

WIDE: ViewportSize = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Window:
    """A browser of its own with one tab; `complaints` are those of `watch` since it was lent."""

    page: Page
    locale: str
    complaints: list[str]


class Windows:
    """Windows of `browser` for the server at `url`: whoever borrows one finds it as good as new."""

    def __init__(self, browser: Browser, url: str, **options: bool) -> None:
        self._browser, self._url, self._options = browser, url, options
        self._free: dict[str, list[Window]] = defaultdict(list)

    def lend(self, viewport: ViewportSize = WIDE, locale: str = "de-CH") -> Window:
        """Return a window without cookies and storage, in which no page of the dashboard is open."""
        free = self._free[locale]
        window = free.pop() if free else self._new(locale)
        window.page.set_viewport_size(viewport)
        return window

    def take_back(self, window: Window) -> None:
        """Wipe the window for the next test. It stays at an address of the server, for any other ends its process."""
        page, context = window.page, window.page.context
        for other in context.pages:
            if other is not page:
                other.close()
        context.set_offline(False)
        page.goto(f"{self._url}/health")
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.emulate_media(color_scheme="null")
        context.clear_cookies()
        window.complaints.clear()
        self._free[window.locale].append(window)

    @contextmanager
    def borrowed(self) -> Iterator[Window]:
        """Lend a window for this block."""
        window = self.lend()
        yield window
        self.take_back(window)

    def _new(self, locale: str) -> Window:
        # Whoever presses a button may write to the clipboard; Chromium without a window asks for this right.
        context = self._browser.new_context(locale=locale, permissions=["clipboard-write"], **self._options)
        return Window(context.new_page(), locale, watch(context, self._url))
