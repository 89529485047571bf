"""Text from outside (names of tenants and products, messages of services), shown literally in Markdown."""

from __future__ import annotations

import re

from core.bounds import bounded_text

# Every ASCII sign that Markdown, HTML, Streamlit's directives (:red[x], :material/x:, $x$) or emoji codes could read.
_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^\"'/@])")
LONGEST = 10_000  # characters; more of a text from outside is nobody's to read
_BREAKS = re.compile(r"\s+")
# A backslash cannot stop what looks like an address from becoming a link; a joiner without width can.
_ADDRESS = re.compile(r"(?i)(https?|ftp|mailto|www)(?=[:.])|(?=@)")


def plain(text: object) -> str:
    """`text` as Markdown that shows exactly this text, on one line."""
    line = _BREAKS.sub(" ", bounded_text(str(text), LONGEST)).strip()
    return _SIGNS.sub(r"\\\1", _ADDRESS.sub(lambda found: f"{found[0]}\u2060", line))
