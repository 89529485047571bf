"""Compare texts of people and foreign systems: names, part numbers, column names, ids."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

JOINERS = "\u200c\u200d"  # format characters that change how a name looks: Persian letters, emoji of several signs
_AT_ENDS = JOINERS + "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
_DIGITS = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
_KIND_OF_THUMBPRINT = re.compile(r"(sha-?(1|256)\s*)?(fingerprint\s*)?[=:]?")


def name_key(text: str) -> str:
    """Return the key of a name, which is equal for all its spellings.

    NFKC, casefold, runs of blanks (also U+00A0) made one and none at the ends, format characters (category Cf:
    U+200B, U+200E, U+FEFF, soft hyphen) dropped. Only for comparison, never shown or stored as the name.
    """
    if not text.isascii():
        text = _folded(_folded(text))  # casefold may leave what NFKC would change again
    return " ".join(text.casefold().split())


def sort_key(text: str) -> str:
    """Return the key by which names are sorted and searched, as in a German dictionary (DIN 5007-1): ä as a, é as e."""
    folded = name_key(text)
    if folded.isascii():
        return folded
    return "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))


def guid_key(text: str) -> str:
    """Return the GUID that `text` spells as 8-4-4-4-12 small hex digits, or "" if it spells none.

    Braces, quotes, blanks, hidden signs, capitals and any kind of dash make no difference.
    """
    match = _DIGITS.fullmatch("".join(filter(str.isalnum, name_key(text))))
    return "-".join(match.groups()) if match else ""


def thumbprint_key(text: str) -> str:
    """Return the hex digits of a thumbprint as Windows, openssl or PowerShell show it ("SHA1 Fingerprint=8A:76")."""
    return "".join(filter(str.isalnum, _KIND_OF_THUMBPRINT.sub("", name_key(text), count=1)))


def clean_name(text: str) -> str:
    """Return a name as it is stored and written: NFC, no format characters, no blanks at the ends."""
    if text.isascii():
        return text.strip()
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(sign for sign in normal if sign in JOINERS or unicodedata.category(sign) != "Cf")
    return kept.strip(_AT_ENDS)


def plain(text: str) -> str:
    """Return a name as people see it: `clean_name` with blanks as in `name_key`."""
    return " ".join(clean_name(text).split())


@lru_cache(maxsize=20_000)  # thousands of items contain the same names
def _folded(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", "".join(sign for sign in normal if unicodedata.category(sign) != "Cf"))
