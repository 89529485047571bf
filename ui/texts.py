"""The texts of the pages in the reader's language: `core.texts` with the language of this session.

Values that come from outside are escaped by the caller (`ui.escaping.plain`) wherever the text is Markdown.
"""

from __future__ import annotations

from core import texts
from ui.frame import language as reader


def text(key: str, language: str | None = None, /, **values: object) -> str:
    """Return the text in `language` (default: the reader's), with its values."""
    return texts.text(key, language or reader.current(), **values)


def plural(key: str, count: int, language: str | None = None, /, **values: object) -> str:
    """Return the text in the form for `count`, in `language` (default: the reader's), with its values."""
    return texts.plural(key, count, language or reader.current(), **values)
