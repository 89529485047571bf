"""The texts for people, from the gettext catalogues in `locales/`: the only way to them.

A text is asked for by its key (`column.tenant`), which is its msgid; values stand in it in braces (`{name}`). A folder
of `locales/` is a language: with `locales/fr/LC_MESSAGES/lizenztool.po` French can be chosen everywhere. A catalogue is
read as it is, without a compile step, when its language is first asked for, once per process.

What comes from outside is escaped by the caller where the text is Markdown (`ui.escaping.plain`) or HTML (templates).
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
CODE = re.compile(r"[a-z]{2,3}")  # of a language (ISO 639): the name of its folder
MOST_DIGITS = 18  # of a count that decides on a plural form

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language: key -> text, and those with plural forms."""

    texts: Mapping[str, str]
    forms: NullTranslations


class _Values(dict[str, object]):
    """A sentence with a missing value is still better than no sentence."""

    def __missing__(self, key: str) -> str:
        return "?"


_lock = threading.Lock()
_folder = LOCALES
_fallback = "de"
_languages: tuple[str, ...] = ()
_read: dict[str, Catalogue] = {}
_BROKEN = (LookupError, ValueError, AttributeError, TypeError)  # a key or value is missing, or braces are wrong


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue, in the order of the alphabet."""
    global _languages  # noqa: PLW0603 - the folder is looked at once
    if not _languages:
        found = (path.parent.parent.name for path in _folder.glob(f"*/{FILE}"))
        _languages = tuple(sorted(name for name in found if CODE.fullmatch(name)))
    return _languages


def language_name(language: str) -> str:
    """Return what a language calls itself, "Deutsch"; the code of one that Babel does not know."""
    try:
        name = Locale.parse(language).get_language_name() or language
    except (UnknownLocaleError, ValueError):
        return language
    return name[:1].upper() + name[1:]


def fall_back_to(language: str) -> None:
    """Tell texts that are missing in their language in this one from now on: that of the setting."""
    global _fallback  # noqa: PLW0603 - one per process, as the setting
    _fallback = language


def read_from(folder: Path) -> None:
    """Take the catalogues from `folder` from now on and forget those that were read."""
    global _folder, _languages
    with _lock:
        _folder, _languages = folder, ()
        _read.clear()


def text(key: str, language: str, /, **values: object) -> str:
    """Return the text in `language` with its values; never raise.

    A text that is missing comes in the language of the setting; the key stands for one that is missing there, too.
    A language may give plural forms to any text with the value {count}.
    """
    try:
        return _read[language].texts[key].format_map(values)
    except _BROKEN:
        return _first_filled((_pattern(_catalogue(name), key, values) for name in (language, _fallback)), key, values)


def plural(key: str, count: int, language: str, /, **values: object) -> str:
    """Return the text in the form for `count`, with its values; {count} is `count` itself unless it is given, too."""
    values.setdefault("count", count)
    try:
        if (pattern := _read[language].forms.ngettext(key, key, count)) != key:
            return pattern.format_map(values)
    except _BROKEN:
        pass
    return _first_filled((_form(_catalogue(name), key, count) for name in (language, _fallback)), key, values)


def has_text(key: str) -> bool:
    """Return whether a language has a text for the key: none has one for a code that another version has stored."""
    return any(key in _catalogue(name).texts for name in (_fallback, *languages()))


def _pattern(catalogue: Catalogue, key: str, values: Mapping[str, object]) -> str | None:
    """Return the text as it stands in the catalogue; where it has plural forms the one for the value {count}."""
    digits = "".join(filter(str.isdecimal, str(values.get("count", ""))))[:MOST_DIGITS]  # without separators
    return catalogue.texts.get(key) or (_form(catalogue, key, int(digits)) if digits else None)


def _form(catalogue: Catalogue, key: str, count: int) -> str | None:
    """Return the form of a text for `count`; where it has none, the text."""
    pattern = catalogue.forms.ngettext(key, key, count)
    return catalogue.texts.get(key) if pattern == key else pattern


def _first_filled(patterns: Iterable[str | None], key: str, values: Mapping[str, object]) -> str:
    """Return the first of the patterns that is there and has its braces right, with the values; else the key."""
    for pattern in patterns:
        if pattern is not None:
            with suppress(*_BROKEN):
                return pattern.format_map(_Values(values))
    return key


def _catalogue(language: str) -> Catalogue:
    """Return the catalogue of a language, read when it is first asked for; an empty one if there is none."""
    if language in _read:
        return _read[language]
    if language not in languages():
        return Catalogue({}, NullTranslations())
    with _lock:
        if language not in _read:
            _read[language] = _read_file(_folder / language / FILE)
    return _read[language]


def _read_file(path: Path) -> Catalogue:
    """Return what the file holds; nothing for a file that cannot be read: then every text comes in another language."""
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
    singular = (found for found in catalog if isinstance(found.id, str) and found.id and not found.fuzzy)
    return Catalogue({str(found.id): str(found.string) for found in singular if found.string}, forms)
