"""Text that somebody opens in a spreadsheet."""

from __future__ import annotations

import re

# What a spreadsheet may take for the start of a formula, also in full width and after blanks.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"-?\d+([.,]\d+)?")


def harmless(value: str) -> str:
    """Put an apostrophe before what a spreadsheet would calculate; plain numbers stay numbers."""
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
