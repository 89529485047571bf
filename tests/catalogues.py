"""Rules for the catalogues in `locales/`, each a function that returns every offence: `python -m tests.catalogues`.

Which keys the code uses, and how it may compose them, says tests/keys_in_code.py.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from gettext import c2py  # type: ignore[attr-defined] # not in typeshed; Babel and Django use it, too
from itertools import pairwise
from pathlib import Path
from string import Formatter

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import read_po

from core.texts import FILE, LOCALES, LOG_FILE
from tests.keys_in_code import calls, compositions, constants, key_of, nodes, pattern_of

KEY = re.compile(r"[a-z_]+(\.[a-z_-]+)+")
QUOTES = {"de": ("«", "»", '“”„"'), "en": ("“", "”", '«»„"')}  # opening, closing, and those of others
ENDS = (".", "{why}", "{command}")  # the reason is a sentence of its own; a command is copied without a full stop
PROBLEM = re.compile(  # the areas of problems, without what pages say in them
    r"(?!database\.(failed|no_answer)|refresh\.(button|one|unavailable|starting|step|counts|written|by|newer|show)\b)"
    r"(profile|auth|factor|files|secrets|signin|graph|sharepoint|database|check|refresh|access|network)\.[a-z_]+"
)
LOG_CALL = re.compile(r"log\.(info|warning|error|exception|critical|log)|word")
PLACE = re.compile(r"%(?:\.\d+)?[sdfr]")  # of a value in a sentence of the log
SHOWS_A_SIGN = {"password.special"}  # names the sign ! itself
Catalogue = dict[str, tuple[str, ...]]  # key -> its text, or its plural forms
Rule = Callable[[], Iterable[str]]


def catalogues() -> dict[str, Catalogue]:
    """Language -> what its file says, also what is marked fuzzy."""
    return {path.parent.parent.name: _catalogue(path) for path in sorted(LOCALES.glob(f"*/{FILE}"))}


@lru_cache
def _catalogue(path: Path) -> Catalogue:
    with path.open("rb") as file:
        messages = [message for message in read_po(file, abort_invalid=True) if message.id]
    return {
        str(message.id if isinstance(message.id, str) else message.id[0]): tuple(
            message.string if isinstance(message.string, tuple) else [str(message.string)]
        )
        for message in messages
    }


def values_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


# Rules


def missing_in_a_language() -> Iterator[str]:
    every = {key for catalogue in catalogues().values() for key in catalogue}
    for language, catalogue in catalogues().items():
        yield from (
            f"{language}: {key}"
            for key in every - {key for key, texts in catalogue.items() if all(map(str.strip, texts))}
        )


def missing_for_the_code() -> Iterator[str]:
    """Keys that the code asks for, literals of pages that look like one, and compositions that give no key at all."""
    keys = set(catalogues()["de"])
    for path, _, call in calls():
        if (key := key_of(call)) and KEY.fullmatch(key) and key not in keys:
            yield f"{path}: {key}"
        first = call.args[0]
        in_sql = path.startswith("core/cache/")  # where text() is another
        if isinstance(first, ast.JoinedStr) and not in_sql and not any(map(matches(first), keys)):
            yield f"{path}:{call.lineno}: no key is composed like this"
    areas = {key.split(".")[0] for key in keys}
    for text, path in constants().items():
        of_a_page = path.startswith(("ui/", "pages/"))
        if of_a_page and KEY.fullmatch(text) and text.split(".")[0] in areas and text not in keys:
            yield f"{path}: {text}"


def matches(composed: ast.JoinedStr) -> Callable[[str], object]:
    """What tells whether a key can be composed like this."""
    return re.compile(pattern_of(composed)).fullmatch


def unused() -> Iterator[str]:
    written, composed = constants(), re.compile("|".join(compositions()))
    yield from (key for key in catalogues()["de"] if key not in written and not composed.fullmatch(key))


def plural_and_singular_mixed_up() -> Iterator[str]:
    """Keys with forms that are asked for as one text, or the other way round, or that have forms without a count."""
    known = catalogues()
    forms = {key for key, texts in known["de"].items() if len(texts) > 1}
    for path, name, call in calls():
        if (key := key_of(call)) in known["de"] and (name == "plural") != (key in forms):
            yield f"{path}: {name}({key})"
    for language, catalogue in known.items():
        needed, _ = plural_rule(language)
        for key, texts in catalogue.items():
            one_too_few = key in forms and len(texts) != needed
            if one_too_few or (key not in forms and len(texts) > 1 and "count" not in values_of(texts[-1])):
                yield f"{language}: {key}"


def plural_rule(language: str) -> tuple[int, Callable[[int], int]]:
    """(number of forms, rule count -> form) of the catalogue's header."""
    with (LOCALES / language / FILE).open("rb") as file:
        catalog = read_po(file)
    return catalog.num_plurals, c2py(catalog.plural_expr)


def values_that_differ() -> Iterator[str]:
    """Texts of one key that do not hold the same values; a form that stands for 1 alone may leave {count} out."""
    known = catalogues()
    for language, catalogue in known.items():
        _, form_of = plural_rule(language)
        alone = {form_of(1)} - {form_of(count) for count in range(1000) if count != 1}
        for key, texts in catalogue.items():
            wanted = values_of(known["en"].get(key, texts)[-1])
            for form, text in enumerate(texts):
                optional = {"count"} if len(texts) > 1 and form in alone else set()
                if values_of(text) | optional != wanted | optional:
                    yield f"{language}: {key}"


def values_not_given() -> Iterator[str]:
    """Calls that write out the key and their values, but not all that the text needs."""
    known = catalogues()["en"]
    for path, name, call in calls():
        texts = known.get(key_of(call))
        given = {keyword.arg for keyword in call.keywords}
        if texts and name != "Problem" and None not in given:
            needed = values_of(texts[-1]) - ({"count"} if name == "plural" else set())
            yield from (f"{path}: {key_of(call)} without {value}" for value in needed - given)


def out_of_order() -> Iterator[str]:
    """Keys that do not stand in the order of the alphabet, or twice."""
    for language in catalogues():
        keys = re.findall(r'^msgid "(.+)"$', (LOCALES / language / FILE).read_text("utf-8"), re.MULTILINE)
        yield from (f"{language}: {key}" for before, key in pairwise(keys) if before >= key)


def left_over() -> Iterator[str]:
    """Texts that wait for somebody to look at them (fuzzy), and those of keys that are gone (obsolete)."""
    for language in catalogues():
        with (LOCALES / language / FILE).open("rb") as file:
            catalog = read_po(file)
        yield from (f"{language}: {message.id}" for message in catalog if message.fuzzy and message.id)
        yield from (f"{language}: {message.id}" for message in catalog.obsolete.values())


def problems() -> dict[str, dict[str, str]]:
    """Language -> code of each problem -> its sentence."""
    return {
        language: {key: texts[0] for key, texts in catalogue.items() if PROBLEM.fullmatch(key)}
        for language, catalogue in catalogues().items()
    }


def problems_without_a_full_stop() -> Iterator[str]:
    for language, sentences in problems().items():
        yield from (f"{language}: {code}" for code, sentence in sentences.items() if not sentence.endswith(ENDS))


def problems_not_translated() -> Iterator[str]:
    """Sentences, also those about accounts and passwords, that are the same in German and English."""
    german, english = catalogues()["de"], catalogues()["en"]
    sentences = (key for key in german if PROBLEM.fullmatch(key) or key.startswith(("account.", "password.")))
    yield from (key for key in sentences if german[key] == english.get(key))


def signs_of_others() -> Iterator[str]:
    """ß, exclamation marks and quotes that the language does not use, and quotes that are not closed."""
    for language, (opening, closing, foreign) in QUOTES.items():
        for key, texts in catalogues()[language].items():
            for text in texts:
                signs = set("ß!" if key not in SHOWS_A_SIGN else "ß") | set(foreign)
                if signs & set(text) or text.count(opening) != text.count(closing):
                    yield f"{language}: {key}"


def quotes_that_differ() -> Iterator[str]:
    german, english = catalogues()["de"], catalogues()["en"]
    both = german.keys() & english.keys()
    yield from (key for key in both if german[key][-1].count("«") != english[key][-1].count("“"))


def wrong_formats() -> Iterator[str]:
    """A locale that Babel does not know, or a separator that no spreadsheet splits at."""
    for language, catalogue in catalogues().items():
        try:
            Locale.parse(catalogue["format.locale"][0])
        except (UnknownLocaleError, ValueError):
            yield f"{language}: format.locale"
        if catalogue["format.csv_separator"][0] not in (";", ","):
            yield f"{language}: format.csv_separator"


# The log: its sentences stand in the code, in English, and in a file of their own for each other language.


@lru_cache
def log_sentences() -> set[str]:
    """The first text of each log call, and what is marked with `word`; not those that are only places of values."""
    sentences = set()
    for _, node in nodes():
        if isinstance(node, ast.Call) and LOG_CALL.fullmatch(ast.unparse(node.func)):
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            sentences |= set(texts[:1])
    return {sentence for sentence in sentences if re.search("[a-z]", PLACE.sub("", sentence))}


def log_catalogues() -> dict[str, Catalogue]:
    return {path.parent.parent.name: _catalogue(path) for path in sorted(LOCALES.glob(f"*/{LOG_FILE}"))}


def log_missing_or_unused() -> Iterator[str]:
    for language, catalogue in log_catalogues().items():
        filled = {sentence for sentence, texts in catalogue.items() if all(texts)}
        yield from (f"{language}: missing: {sentence}" for sentence in log_sentences() - filled)
        yield from (f"{language}: unused: {sentence}" for sentence in catalogue.keys() - log_sentences())


def log_values_that_differ() -> Iterator[str]:
    """Values have no names in the log, so they stand in the order of the English sentence."""
    for language, catalogue in log_catalogues().items():
        for sentence, (text, *_) in catalogue.items():
            if PLACE.findall(sentence) != PLACE.findall(text):
                yield f"{language}: {sentence}"


def log_signs_of_others() -> Iterator[str]:
    for language, catalogue in log_catalogues().items():
        _, _, foreign = QUOTES[language]
        yield from (f"{language}: {text}" for (text, *_) in catalogue.values() if set(foreign + "ß!") & set(text))


RULES: tuple[Rule, ...] = (
    missing_in_a_language, missing_for_the_code, unused, plural_and_singular_mixed_up, values_that_differ,
    values_not_given, out_of_order, left_over, problems_without_a_full_stop, problems_not_translated, signs_of_others,
    quotes_that_differ, wrong_formats, log_missing_or_unused, log_values_that_differ, log_signs_of_others,
)  # fmt: skip


def main() -> int:
    """Print every offence; 0 if there is none, else 1."""
    offences = [f"{rule.__name__}: {offence}" for rule in RULES for offence in sorted(set(rule()))]
    print("\n".join(offences) or f"{', '.join(f'{name} {len(found)}' for name, found in catalogues().items())} texts")
    return int(bool(offences))


if __name__ == "__main__":
    sys.exit(main())
