"""Read CSV of spreadsheets, and write it: no text becomes a formula, and the separator fits the reader's language.

A spreadsheet splits a CSV at its own separator: a Swiss Excel splits at semicolons, LibreOffice asks. So a formula may
begin not only at the start of a cell but after any separator in it.

There is no line `sep=;`: with it Excel ignores the BOM, and every umlaut breaks.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import IO, Any

from core import texts

READ_SEPARATORS = ",;\t"
ENCODING = "utf-8-sig"  # without the BOM Excel takes the file for Windows-1252

# Signs that begin a formula, with their NFKC equivalents and the typographic minus.
_SIGNS = "=\u207c\u208c\ufe66\uff1d+\u207a\u208a\ufb29\ufe62\uff0b@\ufe6b\uff20\\-\u207b\u208b\u2212\ufe63\uff0d"
# Separators at which a spreadsheet may split; a blank only by an option of LibreOffice.
_SEPARATORS = r";,|\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b\uff5c"
# What may be between the start of a cell and the sign: blanks, quotes, invisible characters.
_UNSEEN = (
    r"\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff"
    r"\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a"
    r"\"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\uff02"
)
_GAP = _SEPARATORS + _UNSEEN
# Starts only at the first character of a gap and is possessive, so it takes linear time.
_SIGN = re.compile(rf"((?<![{_GAP}])[{_GAP}]*+)([{_SIGNS}])")
_SPLITS = re.compile(rf"[{_SEPARATORS}]")
_NUMBER = re.compile(r"-\d+(?:[.,]\d+)?\s*\Z")
# Harmless after a blank: a negative number within words or JSON, or a sign alone, as in "Plan - Schulen".
_WORDS = re.compile(rf"-\d+(?:[.,]\d+)?[)\]}},;]*(?:\s|\Z)|[{_SIGNS}](?:\s|\Z)")


def harmless(value: str) -> str:
    """Return the text with an apostrophe before each sign that could begin a formula, wherever the text is split.

    Plain negative numbers stay numbers. Without the added apostrophes the text is unchanged.
    """
    quoted = _SIGN.sub(lambda match: _quoted(match, value), value)
    return f"'{quoted}" if value[:1] in tuple("\t\r\n") else quoted  # some strip them, see OWASP, CSV injection


def _quoted(match: re.Match[str], value: str) -> str:
    gap, sign = match.groups()
    place = match.start(2)
    if match.start() == 0 or _SPLITS.search(gap):
        fine = bool(_NUMBER.match(value, place))
    else:
        fine = bool(_WORDS.match(value, place)) or not re.search(r"\s", gap)
    return match[0] if fine else f"{gap}'{sign}"


def separator(language: str) -> str:
    """Return what Excel expects between values: where a comma is the decimal sign, as in German, a semicolon."""
    return texts.text("format.csv_separator", language)


def csv_reader(text: str) -> Any:
    """Return a `csv.reader` of the text, whose values the separator stands between that its heading has most of.

    A tab comes from cells copied out of a spreadsheet. The heading is the first line that is not blank. The reader is
    strict: else a missing quotation mark would silently make one cell of the rest of the file.
    """
    heading = text.lstrip().partition("\n")[0]
    return csv.reader(io.StringIO(text, newline=""), delimiter=max(READ_SEPARATORS, key=heading.count), strict=True)


def write_row(file: IO[str], row: Iterable[Any], language: str) -> None:
    """Write a row, with harmless texts, to a CSV for readers of `language`; `file` has ENCODING and newline=""."""
    writer = csv.writer(file, delimiter=separator(language), lineterminator="\r\n")
    writer.writerow([harmless(value) if isinstance(value, str) else value for value in row])
