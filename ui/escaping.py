"""Escaping of text from outside (names of tenants and products, messages of services) for Markdown."""

from __future__ import annotations

import re

from core.bounds import bounded_text

# Every ASCII character with a meaning in Markdown, HTML, Streamlit's directives (:red[x], :material/x:, $x$) or emoji
# codes.
_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^\"'/@])")
LONGEST = 10_000  # characters; longer texts from outside are cut
_BREAKS = re.compile(r"\s+")
# A backslash does not stop the text of an address from becoming a link; a zero-width joiner does.
_ADDRESS = re.compile(r"(?i)(https?|ftp|mailto|www)(?=[:.])|(?=@)")


def plain(text: object) -> str:
    """Return Markdown that shows exactly `text`, on one line."""
    line = _BREAKS.sub(" ", bounded_text(str(text), LONGEST)).strip()
    return _SIGNS.sub(r"\\\1", _ADDRESS.sub(lambda match: f"{match[0]}\u2060", line))
