"""Texts for people, from the gettext catalogues in `locales/`.

The key of a text (`column.tenant`) is its msgid; its values are written in braces (`{name}`). Each folder of `locales/`
is a language: with `locales/fr/LC_MESSAGES/lizenztool.po` French can be chosen everywhere. A catalogue is read from its
.po file, without a compile step, when its language is first needed, once per process.

The caller escapes values from outside if the text is shown as Markdown (`ui.escaping.plain`) or HTML (templates).
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

LOCALES = Path(__file__).parent.parent / "locales"
FILE = "LC_MESSAGES/lizenztool.po"
LOG_FILE = "LC_MESSAGES/log.po"  # the sentences of the log; their keys are the English ones
CODE = re.compile(r"[a-z]{2,3}")  # the folder of a language: its ISO 639 code
MOST_DIGITS = 18  # read of a count that chooses the plural form

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language: `texts` by key, `forms` those with plural forms."""

    texts: Mapping[str, str]
    forms: NullTranslations


class _Values(dict[str, object]):
    """Values of a text, with "?" for a missing one: better than no text."""

    def __missing__(self, key: str) -> str:
        return "?"


_lock = threading.Lock()
_fallback = "de"
_languages: tuple[str, ...] = ()
_catalogues: dict[str, Catalogue] = {}
_BROKEN = (LookupError, ValueError, AttributeError, TypeError)  # a key or value is missing, or braces are wrong


def languages() -> tuple[str, ...]:
    """Return the codes of the languages with a catalogue, sorted."""
    global _languages  # noqa: PLW0603 - the folder is read once
    if not _languages:
        codes = (path.parent.parent.name for path in LOCALES.glob(f"*/{FILE}"))
        _languages = tuple(sorted(code for code in codes if CODE.fullmatch(code)))
    return _languages


def language_name(language: str) -> str:
    """Return the name of a language in that language ("Deutsch"); its code if Babel does not know it."""
    try:
        name = Locale.parse(language).get_language_name() or language
    except (UnknownLocaleError, ValueError):
        return language
    return name[:1].upper() + name[1:]


def fall_back_to(language: str) -> None:
    """Set the language of texts that their own language does not have: that of the setting."""
    global _fallback  # noqa: PLW0603 - one per process, as the setting
    _fallback = language


def text(key: str, language: str, /, **values: object) -> str:
    """Return the text in `language` with its values. Never raises.

    A text that `language` does not have is returned in the language of the setting; if that has none either, the key is
    returned. A language may have plural forms of any text with the value {count}.
    """
    try:
        return _catalogues[language].texts[key].format_map(values)
    except _BROKEN:
        return _first_filled((_pattern(_catalogue(name), key, values) for name in (language, _fallback)), key, values)


def plural(key: str, count: int, language: str, /, **values: object) -> str:
    """Return the plural form for `count` with its values; {count} is `count` unless `values` has another."""
    values.setdefault("count", count)
    try:
        if (pattern := _catalogues[language].forms.ngettext(key, key, count)) != key:
            return pattern.format_map(values)
    except _BROKEN:
        pass
    return _first_filled((_form(_catalogue(name), key, count) for name in (language, _fallback)), key, values)


def has_text(key: str) -> bool:
    """Return True if any language has the text; a problem code that another version has stored may have none."""
    return any(key in _catalogue(name).texts for name in (_fallback, *languages()))


def log_words(language: str) -> Mapping[str, str]:
    """Return the sentences of the log in `language` by the English ones; none for English and unknown languages."""
    path = LOCALES / language / LOG_FILE
    return _read_file(path).texts if language in languages() and path.exists() else {}


def _pattern(catalogue: Catalogue, key: str, values: Mapping[str, object]) -> str | None:
    """Return the text without values, in the plural form for {count} if it has such forms; None if there is none."""
    digits = "".join(filter(str.isdecimal, str(values.get("count", ""))))[:MOST_DIGITS]  # without separators
    return catalogue.texts.get(key) or (_form(catalogue, key, int(digits)) if digits else None)


def _form(catalogue: Catalogue, key: str, count: int) -> str | None:
    """Return the plural form for `count`; the text itself if it has no such forms, None if there is none."""
    pattern = catalogue.forms.ngettext(key, key, count)
    return catalogue.texts.get(key) if pattern == key else pattern


def _first_filled(patterns: Iterable[str | None], key: str, values: Mapping[str, object]) -> str:
    """Return the first pattern that is not None and has correct braces, with the values; else the key."""
    for pattern in patterns:
        if pattern is not None:
            with suppress(*_BROKEN):
                return pattern.format_map(_Values(values))
    return key


def _catalogue(language: str) -> Catalogue:
    """Return the catalogue of a language, read at its first use; an empty one for an unknown language."""
    if language in _catalogues:
        return _catalogues[language]
    if language not in languages():
        return Catalogue({}, NullTranslations())
    with _lock:
        if language not in _catalogues:
            _catalogues[language] = _read_file(LOCALES / language / FILE)
    return _catalogues[language]


def _read_file(path: Path) -> Catalogue:
    """Return the catalogue in the file, an empty one if it cannot be read: its texts are shown in another language."""
    compiled = BytesIO()
    try:
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        write_mo(compiled, catalog)
        compiled.seek(0)
        forms = GNUTranslations(compiled)
    except (OSError, ValueError, PoFileError):
        log.exception("%s cannot be read; its texts are shown in another language", path)
        return Catalogue({}, NullTranslations())
    messages = (message for message in catalog if isinstance(message.id, str) and message.id and not message.fuzzy)
    return Catalogue({str(message.id): str(message.string) for message in messages if message.string}, forms)
