"""The catalogues keep their rules; texts come out of them in every language, whatever is missing or broken."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from starlette.requests import Request

from core import texts
from core.licenses.skus import Product
from core.problems import Problem
from core.settings import load_settings
from core.texts import FILE, LOCALES, has_text, language_name, languages, plural, text
from tests import catalogues
from tests.page_world import World
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    hardened,
    no_runtime_left,
    open_page,
    small,
)
from web.api.authentication import language_of
from web.plain_pages import PlainPages

OWN = {
    "format.locale": "fr_CH",
    "format.csv_separator": ";",
    "format.day": "dd/MM/yyyy",
}


@pytest.mark.parametrize("rule", catalogues.RULES, ids=lambda rule: rule.__name__)
def test_the_catalogues_keep_the_rule(rule: catalogues.Rule) -> None:
    assert sorted(set(rule())) == []


# A language is a folder


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("derived") / "locales"
    shutil.copytree(LOCALES, folder)
    for language in ("fr", "uk"):
        derive(folder, language)
    return folder


@pytest.fixture
def more_languages(derived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of catalogues with French (fr) and Ukrainian (uk), made from the German one, each text marked."""
    folder = tmp_path / "locales"
    shutil.copytree(derived, folder)
    for name, value in (("LOCALES", folder), ("_languages", ()), ("_catalogues", {})):
        monkeypatch.setattr(texts, name, value)
    yield folder
    texts.fall_back_to("de")


def derive(folder: Path, language: str) -> None:
    catalog = Catalog(locale=language, fuzzy=False)  # Babel knows the plural forms of each language
    with (folder / "de" / FILE).open("rb") as file:
        for message in read_po(file):
            if isinstance(message.id, str) and message.id:
                shown = message.string if message.id.startswith("format.") else f"[{language}] {message.string}"
                catalog.add(message.id, OWN.get(message.id, shown))
            elif message.id:
                forms = [f"[{language} {form}] {list(message.string or ())[-1]}" for form in range(catalog.num_plurals)]
                catalog.add(message.id, tuple(forms))
    path = folder / language / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog)


@pytest.mark.usefixtures("more_languages")
def test_a_folder_makes_a_language_that_the_setting_takes() -> None:
    assert languages() == ("de", "en", "fr", "uk")
    assert [language_name(language) for language in languages()] == ["Deutsch", "English", "Français", "Українська"]
    assert load_settings({"LIZENZTOOL_LANGUAGE": "fr"}, None).language == "fr"


@pytest.mark.usefixtures("more_languages")
def test_ukrainian_has_its_three_plural_forms() -> None:
    shown = [plural("tenants.count", count, "uk") for count in (1, 2, 5, 21, 112)]

    assert shown == [
        "[uk 0] 1 Tenants", "[uk 1] 2 Tenants", "[uk 2] 5 Tenants", "[uk 0] 21 Tenants", "[uk 2] 112 Tenants",
    ]  # fmt: skip


@pytest.mark.parametrize("count", ["3", 3, "1’003"])
def test_a_language_may_have_plural_forms_where_others_have_none(more_languages: Path, count: object) -> None:
    catalog = Catalog(locale="uk", fuzzy=False)
    catalog.add(("first_push.ask", "first_push.ask"), ("{count} one", "{count} few", "{count} many"))
    with (more_languages / "uk" / FILE).open("wb") as file:
        write_po(file, catalog)

    assert text("first_push.ask", "uk", count=count) == f"{count} few"


@pytest.mark.usefixtures("more_languages")
def test_the_dashboard_speaks_it_and_offers_it(small, open_page) -> None:  # noqa: F811
    app = open_page(small, LICENSES, lang="fr")

    assert app.title[0].value == "[fr] Alle Tenants"
    assert "[fr] Tenant" in [box.label for box in app.multiselect]
    links = " ".join(element.proto.body for element in app.sidebar.get("html"))
    assert re.findall(r"/language\?to=(\w+)", links) == ["de", "en", "uk"]
    assert re.findall(r'<span lang="(\w+)" aria-current="true">', links) == ["fr"]
    assert not app.exception


@pytest.mark.usefixtures("more_languages")
def test_the_dashboard_speaks_it_as_the_setting(tmp_path: Path, open_page) -> None:  # noqa: F811
    assert open_page(World.at(tmp_path, language="fr"), LICENSES).title[0].value == "[fr] Alle Tenants"


@pytest.mark.usefixtures("more_languages")
def test_the_sign_in_pages_speak_it_and_offer_it() -> None:
    scope = {"type": "http", "method": "GET", "path": "/login", "query_string": b"lang=fr", "headers": []}

    answer = PlainPages("de").page(Request(scope), "no_page.html", why="404")

    page = bytes(answer.body).decode()
    assert '<html lang="fr">' in page
    assert "[fr] Diese Seite gibt es nicht" in page
    assert [f">{name}</a>" in page for name in ("Deutsch", "English", "Français", "Українська")] == [True] * 4
    assert "lang=fr" in answer.headers["set-cookie"]


@pytest.mark.usefixtures("more_languages")
def test_the_api_speaks_it_and_products_are_named_in_english() -> None:
    assert [language_of(accepted) for accepted in ("fr-CH, en;q=0.5", "fr;q=0.4, en;q=0.5", "it")] == ["fr", "en", "en"]
    assert Problem("check.no_sharepoint").text("fr").startswith("[fr] Es gibt kein SharePoint-Profil")
    assert Product("1", "X", "Deutsch", "English", None).name("fr") == "English"


# Whatever is missing or broken


@pytest.mark.parametrize("text_of_fr", ["", "{tenant", "{0}", "{tenant.nothing}"], ids=repr)
def test_a_text_that_is_missing_or_broken_comes_in_the_language_of_the_setting(
    more_languages: Path, text_of_fr: str
) -> None:
    catalog = Catalog(locale="fr", fuzzy=False)
    catalog.add("subscriptions.of", text_of_fr)
    with (more_languages / "fr" / FILE).open("wb") as file:
        write_po(file, catalog)

    assert text("subscriptions.of", "fr", tenant="X") == "Abonnements von X"
    texts.fall_back_to("en")
    assert text("subscriptions.of", "fr", tenant="X") == "Subscriptions of X"
    assert plural("tenants.count", 2, "fr") == "2 tenants"


def test_a_key_stands_for_a_text_that_nobody_has() -> None:
    assert text("no.such", "de") == plural("no.such", 2, "en") == "no.such"
    assert not has_text("no.such")
    assert text("tenant.back", "xx") == text("tenant.back", "de")


def test_a_value_that_is_missing_is_a_question_mark() -> None:
    assert text("table.count", "en", shown=1) == "**1** of ? rows"


def test_a_catalogue_that_cannot_be_read_breaks_nothing(more_languages: Path, caplog: pytest.LogCaptureFixture) -> None:
    (more_languages / "fr" / FILE).write_text("no catalogue\n", "utf-8")

    assert text("tenant.back", "fr") == "← Zurück zu allen Tenants"
    assert "fr/LC_MESSAGES/lizenztool.po cannot be read" in caplog.text.replace("\\", "/")


def test_many_who_come_at_once_all_get_the_text(more_languages: Path) -> None:
    shown: list[str] = []
    threads = [threading.Thread(target=lambda: shown.append(text("tenant.back", "uk"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(shown) == {"[uk] ← Zurück zu allen Tenants"}


# The rules find what they look for


ONE_FORM = ('msgid_plural "tenants.count"\nmsgstr[0] "{count} tenant"\nmsgstr[1]', "msgstr")
BACK = 'msgid "plain.back"'


@pytest.mark.parametrize(
    ("rule", "old", "new", "offence"),
    [
        (catalogues.missing_in_a_language, '"Back"', '""', "en: plain.back"),
        (catalogues.missing_in_a_language, "nplurals=2", "nplurals=3", "en: tenants.count"),
        (catalogues.missing_for_the_code, 'msgid "nav.tenant"', 'msgid "nav.tenan"', "pages/tenant.py: nav.tenant"),
        (catalogues.missing_for_the_code, 'msgid "tile.', 'msgid "tiles.', "ui/start/overview.py"),
        (catalogues.unused, BACK, 'msgid "plain.backwards"', "plain.backwards"),
        (catalogues.plural_and_singular_mixed_up, *ONE_FORM, "en: tenants.count"),
        (catalogues.values_that_differ, "**{shown}** of", "**{all}** of", "de: table.count"),
        (catalogues.values_not_given, "of {tenant}", "of {who}", "pages/tenant.py: tenant.licenses_of without who"),
        (catalogues.out_of_order, BACK, 'msgid "plain.sign_in"', "en: plain.closed"),
        (catalogues.left_over, BACK, f"#, fuzzy\n{BACK}", "en: plain.back"),
        (catalogues.left_over, BACK, f'#~ msgid "gone"\n#~ msgstr ""\n\n{BACK}', "en: gone"),
        (catalogues.problems_without_a_full_stop, "nobody is told.", "nobody is told", "en: check.no_sharepoint"),
        (catalogues.problems_not_translated, "Das Passwort braucht eine Ziffer.", "The password needs a digit.",
         "password.digit"),
        (catalogues.signs_of_others, '"Back"', '"Back!"', "en: plain.back"),
        (catalogues.signs_of_others, '"Back"', '"«Back»"', "en: plain.back"),
        (catalogues.signs_of_others, '"Back"', '"“Back"', "en: plain.back"),
        (catalogues.quotes_that_differ, '"Back"', '"“Back”"', "plain.back"),
        (catalogues.wrong_formats, '"en_GB"', '"Britain"', "en: format.locale"),
        (catalogues.wrong_formats, 'msgstr ","', 'msgstr "."', "en: format.csv_separator"),
        (catalogues.log_missing_or_unused, '"niemand"', '""', "de: missing: nobody"),
        (catalogues.log_missing_or_unused, 'msgid "nobody"', 'msgid "no one"', "de: unused: no one"),
        (catalogues.log_values_that_differ, '"Profil: %s"', '"Profil"', "de: profile: %s"),
        (catalogues.log_signs_of_others, '"niemand"', '"niemand!"', "de: niemand!"),
    ],
)  # fmt: skip
def test_a_rule_finds_what_is_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: catalogues.Rule, old: str, new: str, offence: str
) -> None:
    folder = tmp_path / "locales"
    shutil.copytree(LOCALES, folder)
    monkeypatch.setattr(catalogues, "LOCALES", folder)
    contents = {path: path.read_text("utf-8") for path in folder.glob("*/LC_MESSAGES/*.po")}
    assert any(old in content for content in contents.values())

    for path, content in contents.items():
        path.write_text(content.replace(old, new), "utf-8")

    assert [found for found in rule() if found.startswith(offence)]
