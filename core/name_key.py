"""One way to compare what people and foreign systems write: names, part numbers, column names, ids."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


def name_key(text: str) -> str:
    """Return the text that two spellings of one name share.

    NFKC, casefold, runs of blanks (also U+00A0) made one and none at the ends, format characters (category Cf:
    U+200B, U+200E, U+FEFF, soft hyphen) dropped. For comparing only: what is shown and written stays as it was.
    """
    if not text.isascii():
        text = _folded(_folded(text))  # casefold may leave what NFKC would change again
    return " ".join(text.casefold().split())


def hex_key(text: str) -> str:
    """Return a GUID or thumbprint without blanks, colons and hidden signs, in small letters."""
    return "".join(name_key(text).replace(":", " ").split())


def plain(text: str) -> str:
    """Return the text as people see it: composed (NFC), without format characters, blanks as in `name_key`."""
    if not text.isascii():
        text = _without_format(unicodedata.normalize("NFC", text))
    return " ".join(text.split())


@lru_cache(maxsize=20_000)  # the names of a thousand tenants stand in thousands of items
def _folded(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", _without_format(normal))


def _without_format(text: str) -> str:
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
