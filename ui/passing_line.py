"""A line with a result that disappears by itself; nothing on the page moves for it."""

from __future__ import annotations

from typing import Literal

from ui.own_components import show_component
from ui.texts import text

HTML = '<div class="passing-line"><span role="status"></span><button></button><button></button></div>'


def passing_line(
    key: str, occasion: str, words: str, *, seconds: int, close: str
) -> Literal["details", "close"] | None:
    """Show `words` once for each `occasion`, for so many seconds of looking; return the button that was clicked.

    Screen readers read the words out when nothing else is said. With 0 seconds the line stays until it is closed.
    """
    described = {
        "occasion": occasion, "words": words, "seconds": seconds, "details": text("result.details"), "close": close,
    }  # fmt: skip
    answer = show_component("passing_line", HTML, key=key, description=described, events=["details", "close"])
    return "details" if answer.details else "close" if answer.close else None
