"""Text that somebody opens in a spreadsheet, and the CSV that its reader's language expects.

A spreadsheet splits a CSV at its own separator, not at ours: a comma file opens with semicolons in a Swiss Excel, and
LibreOffice asks. So what follows any separator is taken for the start of a cell, beside the real start.

There is no line `sep=;`: with it Excel no longer heeds the BOM, and every umlaut breaks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import IO, Any

from core import texts

ENCODING = "utf-8-sig"  # without the BOM Excel takes the file for Windows-1252

# What begins a formula, with all that Unicode calls the same (NFKC), and the minus of typesetters.
_SIGNS = "=\u207c\u208c\ufe66\uff1d+\u207a\u208a\ufb29\ufe62\uff0b@\ufe6b\uff20\\-\u207b\u208b\u2212\ufe63\uff0d"
# Where a spreadsheet may split whoever opens it; a blank splits only when somebody ticks that in LibreOffice.
_SEPARATORS = r";,|\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b\uff5c"
# What may stand between the start of a cell and the sign: blanks, quotes, and what nobody sees.
_UNSEEN = (
    r"\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff"
    r"\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a"
    r"\"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\uff02"
)
_GAP = _SEPARATORS + _UNSEEN
# Begins at the first sign of a gap only and gives nothing back, so it takes time in proportion to the text.
_SIGN = re.compile(rf"((?<![{_GAP}])[{_GAP}]*+)([{_SIGNS}])")
_SPLITS = re.compile(rf"[{_SEPARATORS}]")
_NUMBER = re.compile(r"-\d+(?:[.,]\d+)?\s*\Z")
# After a blank: a negative number within words or JSON, or a sign on its own, as in "Plan - Schulen".
_WORDS = re.compile(rf"-\d+(?:[.,]\d+)?[)\]}},;]*(?:\s|\Z)|[{_SIGNS}](?:\s|\Z)")


def harmless(value: str) -> str:
    """Put an apostrophe before each sign that a spreadsheet would calculate from, however it splits the text.

    Plain negative numbers stay numbers. Without the added apostrophes it is the text as it was.
    """
    quoted = _SIGN.sub(lambda found: _quoted(found, value), value)
    return f"'{quoted}" if value[:1] in tuple("\t\r\n") else quoted  # some strip them, see OWASP, CSV injection


def _quoted(found: re.Match[str], value: str) -> str:
    gap, sign = found.groups()
    place = found.start(2)
    if found.start() == 0 or _SPLITS.search(gap):
        fine = bool(_NUMBER.match(value, place))
    else:
        fine = bool(_WORDS.match(value, place)) or not re.search(r"\s", gap)
    return found[0] if fine else f"{gap}'{sign}"


def separator(language: str) -> str:
    """Return what Excel expects between values: where a comma is the decimal sign, as in German, a semicolon."""
    return texts.text("format.csv_separator", language)


def write_row(file: IO[str], row: Iterable[Any], language: str) -> None:
    """Add a row, every text harmless, to a CSV for readers of `language`; `file` is open with ENCODING, newline=""."""
    writer = csv.writer(file, delimiter=separator(language), lineterminator="\r\n")
    writer.writerow([harmless(value) if isinstance(value, str) else value for value in row])
