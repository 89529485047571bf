"""Recognise passwords that are easy to guess: a common word, a run of keys or a name, with digits or signs around it.

Digits and signs are removed first, then the rest is judged. The two lists of words are read at the first call.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
LONGEST = 256  # characters, as in core.access.passwords
SHORTEST_WORD, SHORTEST_RUN = 3, 3
FEWEST_LETTERS = 3  # a password needs, once runs of keys, digits and signs are removed

# Rows and columns of German and English keyboards, the alphabet, the digits.
_ROWS = (
    "1234567890", "qwertzuiop", "qwertyuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz",
    "1qay", "2wsx", "3edc", "4rfv", "5tgb", "6zhn", "7ujm", "1qaz", "6yhn", "qay", "qaz", "wsx", "edc", "rfv", "tgb",
)  # fmt: skip
_RUNS = frozenset(
    row[start : start + length]
    for forward in _ROWS
    for row in (forward, forward[::-1])
    for length in range(SHORTEST_RUN, len(row) + 1)
    for start in range(len(row) - length + 1)
)
# Signs that stand for a letter; 1, ! and | for one of two.
_SIGNS = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "€": "e", "+": "t"}
_LEET = tuple(str.maketrans(_SIGNS | dict.fromkeys("1!|", letter)) for letter in "il")
_NO_LETTERS = re.compile(r"[^a-z]+")
_ENDS = re.compile(r"^[^a-z]+|[^a-z]+$")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})


def is_common(password: str, names: Iterable[str] = ()) -> bool:
    """Return True if `password` is easy to guess; `names` are those of its account."""
    account_names = {
        _without_accents(part) for name in names for part in re.split(r"[\W_\d]+", name) if len(part) >= SHORTEST_WORD
    }
    words = _common_words() | account_names
    return any(_is_weak(form, words) for form in _forms(password[:LONGEST].casefold()))


def _is_weak(form: str, words: frozenset[str] | set[str]) -> bool:
    rest = _without_runs(form)
    groups = _NO_LETTERS.split(rest)
    letters = _without_repeats("".join(groups))
    if len(letters) < FEWEST_LETTERS:
        return True
    long_ones = "".join(group for group in groups if len(group) >= SHORTEST_WORD)  # Winter2026!A
    candidates = {letters, letters[::-1], long_ones, long_ones[::-1]}
    return any(one in _leaked_passwords() or _consists_of(one, words) for one in candidates)


def _forms(password: str) -> set[str]:
    """Return the words that may be meant: umlauts in both spellings, signs as letters, with and without the ends."""
    forms = set()
    for text in (password.translate(_UMLAUTS), _without_accents(password)):
        plain = _without_accents(text)
        for leet in _LEET:
            head = re.sub(r"[^a-z]+$", "", plain)  # «$chule2026»: the sign in front is a letter
            forms |= {plain, _ENDS.sub("", plain).translate(leet), head.translate(leet), plain.translate(leet)}
    return forms


def _without_accents(text: str) -> str:
    """Return `text` in small letters without accents: é -> e, ü -> u."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _without_runs(text: str) -> str:
    """Return `text` with a blank in place of each longest run of keys."""
    parts, start = [], 0
    while start < len(text):
        ends = (end for end in range(min(len(text), start + 26), start + SHORTEST_RUN - 1, -1))
        end = next((end for end in ends if text[start:end] in _RUNS), 0)
        parts.append(" " if end else text[start])
        start = end or start + 1
    return "".join(parts)


def _without_repeats(text: str) -> str:
    """Return the part that `text` repeats, else `text`: aaaa -> a, passwortpasswort -> passwort."""
    for length in range(1, len(text) // 2 + 1):
        if len(text) % length == 0 and text[:length] * (len(text) // length) == text:
            return text[:length]
    return text


def _consists_of(letters: str, words: frozenset[str] | set[str]) -> bool:
    """Return True if `letters` is one of these words, or two of them in a row."""
    return letters in words or any(letters[:cut] in words and letters[cut:] in words for cut in range(3, len(letters)))


@cache
def _common_words() -> frozenset[str]:
    return frozenset(form for word in _read("common_words.txt") for form in (word, *_umlaut_forms(word)))


@cache
def _leaked_passwords() -> frozenset[str]:
    return frozenset(_read("common_passwords.txt"))


def _umlaut_forms(word: str) -> Iterable[str]:
    """Return the forms without the e of an umlaut: the list has zuerich, «Zürich» without its accent is zurich."""
    return [re.sub(r"([aou])e", r"\1", word)]


def _read(name: str) -> list[str]:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]
