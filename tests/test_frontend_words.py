"""Streamlit's frontend speaks the language of the page: each word that it shows is found and replaced."""

from __future__ import annotations

from functools import cache

import pytest

from core import texts
from tests.served import Served
from tests.test_static_files import get
from web.frontend_words import FIXED_LOCALE, PLACES, place, translate
from web.streamlit_internals import FILES, index_html


@cache
def scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in (FILES / "js").glob("*.js"))


@pytest.mark.parametrize(("form", "words", "key"), PLACES, ids=[words[:40] for _, words, _ in PLACES])
def test_each_place_is_in_the_scripts(form: str, words: str, key: str) -> None:
    assert place(form, words) in scripts(), key


def test_the_locale_of_date_fields_is_in_the_scripts() -> None:
    assert scripts().count(FIXED_LOCALE) >= 2


@pytest.mark.parametrize("language", texts.languages())
def test_the_scripts_of_a_language_have_its_words_and_nothing_else_changes(language: str) -> None:
    script = next((FILES / "js").glob("index.*.js")).read_text("utf-8")

    translated = translate(script, language)

    assert f"showError(`{texts.text('frontend.disconnected', language)}`" in translated
    assert "streamlit run yourscript.py" not in translated
    assert translated.count("`") == script.count("`") - 2  # the command line
    assert translated.count("${") == script.count("${")


def test_quotes_of_a_language_break_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "text", lambda *_, value, other: f"l`eau \\ {value}{other}")

    assert translate('"aria-label":`Remove ${e}`', "fr") == '"aria-label":`l\\`eau \\\\ ${e}`'


@pytest.mark.parametrize("language", texts.languages())
def test_the_page_loads_the_scripts_of_its_language(served: Served, language: str) -> None:
    page = get(served, f"?lang={language}").text
    first = next(name for name in index_html().split('"') if "/js/index." in name).removeprefix("./static/")

    script = get(served, f"static/{language}/{first}").text

    assert f'<html lang="{language}"' in page
    assert f'"./static/{language}/{first}"' in page
    assert '"./static/js/' not in page
    assert texts.text("frontend.disconnected", language) in script
