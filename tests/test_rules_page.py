"""The rules as a reader meets them: in the licence tables and on their own page."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from streamlit.testing.v1 import AppTest

from core.cache.rule_rows import all_rules, save_rule
from core.licenses.alarm_rules import MODES, Rule, RuleLevel
from core.licenses.skus import Reason
from tests.actors import entry
from tests.html_tables import click, html_table, html_tables
from tests.page_world import HOSTILE, NOW, World, filled_world, sku_of
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    START,
    TENANT,
    button,
    hardened,
    no_runtime_left,
    open_page,
    panel,
    small,
    tiles,
    words,
)
from ui import snapshots
from ui.rules.rule_effect import Effect
from ui.tables.license_columns import license_table
from ui.texts import text

SPB, POWER_BI = sku_of("SPB"), sku_of("POWER_BI_PRO")


def tenant_id(world: World, slug: str) -> str:
    return next(tenant.tenant_id for tenant in world.known if tenant.slug == slug)


def rule(world: World, slug: str = "", sku_id: str = "", *, reason: str = "Absprache", **fields: Any) -> Rule:
    kept = Rule(tenant_id(world, slug) if slug else "", sku_id, reason, "anna", NOW, **fields)
    save_rule(world.engine, kept, entry(), NOW)
    return kept


# In the tables


def exported(world: World, language: str = "de") -> list[dict[str, Any]]:
    """The licences as in the files."""
    rows: list[dict[str, Any]] = license_table(snapshots.newest(world.runtime), language, "Europe/Zurich").to_pylist()
    return rows


def test_the_files_say_which_rule_decided(small: World) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only", reason=HOSTILE)
    rule(small, "hoeri", SPB, threshold=30)

    assert {(row["tenant"], row["sku_part_number"]): row["rule"] for row in exported(small)} == {
        ("Schule Höri", "SPB"): "Produkt: Engpass ab 30 frei (Absprache)",
        ("Bau AG Chur", "SPB"): f"Tenant: nur anzeigen ({HOSTILE})",
        ("Bau AG Chur", "POWER_BI_PRO"): f"Tenant: nur anzeigen ({HOSTILE})",
    }
    assert "Product: short at 30 free (Absprache)" in [row["rule"] for row in exported(small, "en")]


@pytest.mark.parametrize(
    ("slug", "words_of_rule"), [("hoeri", "Produkt: Engpass ab 30 frei (Absprache)"), ("chur", "")]
)
def test_an_open_licence_says_which_rule_decided(
    small: World,  # noqa: F811
    open_page: Any,  # noqa: F811
    slug: str,
    words_of_rule: str,
) -> None:
    rule(small, "hoeri", SPB, threshold=30)
    app = open_page(small, TENANT, tenant=slug)

    click(app, html_tables(app)[0], 0, "product_and_sku")

    assert ("<dt>Regel</dt>" in panel(app)) is bool(words_of_rule)
    assert words_of_rule in panel(app)


def test_what_a_reason_says_is_never_html(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only", reason=HOSTILE)
    app = open_page(small, TENANT, tenant="chur")

    click(app, html_tables(app)[0], 0, "product_and_sku")

    assert "&lt;img" in panel(app)
    assert "<img" not in panel(app)


def test_a_threshold_makes_one_chip_not_two(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "hoeri", SPB, threshold=30)

    assert html_table(open_page(small, LICENSES, q="höri"), "Alle Tenants").column("state") == ["Engpass"]


def test_what_is_hidden_is_shown_by_its_filter_alone(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", POWER_BI, mode="hidden")

    app = open_page(small, LICENSES)
    assert "POWER_BI_PRO" not in html_table(app, "Alle Tenants").column("product_and_sku.sub")
    assert "1 ausgeblendet" in words(app)
    assert html_tables(open_page(small, TENANT, tenant="chur"))[0].column("product_and_sku.sub") == ["SPB"]

    (row,) = html_table(open_page(small, LICENSES, state="hidden"), "Alle Tenants").rows
    assert (row["product_and_sku.sub"], row["state"]) == ("POWER_BI_PRO", "ausgeblendet")


def test_start_does_not_count_what_a_rule_silences_and_says_so(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only")

    app = open_page(small, START)

    assert app.title[0].value == "Keine Engpässe bekannt."
    assert "wegen einer Ausnahme nicht gemeldet: 2" in words(app)
    assert all(label.startswith("**0**") for label in tiles(app))


def test_a_threshold_shows_on_the_start_page_before_the_next_refresh(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "hoeri", threshold=30)

    assert "Schule Höri" in html_table(open_page(small, START), "Engpässe jetzt").column("tenant")


# The page

RULES = "pages/rules.py"


@pytest.fixture
def page(small: World, open_page: Any) -> AppTest:  # noqa: F811
    """The page without any exception yet."""
    app: AppTest = open_page(small, RULES)
    return app


def open_rule(app: AppTest, row: int) -> AppTest:
    return click(app, html_table(app, "Ausnahmen"), row, "product")


def test_without_an_exception_the_standard_is_told(page: AppTest) -> None:
    assert page.title[0].value == "Regeln"
    assert "**Standard:**" in words(page)
    assert "Überall gilt der Standard" in words(page)


def test_the_exceptions_are_a_table_with_all_that_is_known(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, threshold=1)
    rule(small, "chur", POWER_BI, mode="edge", until=NOW.date() - timedelta(days=2), reason=HOSTILE)

    table = html_table(open_page(small, RULES, lang="en"), "Exceptions")

    assert table.column("tenant") == ["All tenants", "Bau AG Chur"]
    assert table.column("product") == ["All products", "Power BI Pro"]
    assert table.column("mode") == ["", "fully used is fine"]
    assert table.column("threshold") == ["1", ""]
    assert table.column("reason") == ["Absprache", HOSTILE]
    assert table.column("author") == ["anna", "anna"]
    assert table.column("until")[1].startswith("over ")


def test_an_exception_is_added_with_its_author_after_its_effect_was_told(small: World, page: AppTest) -> None:  # noqa: F811
    page.button(key="rule_add").click().run()
    page.selectbox(key="rule_tenant").set_value(tenant_id(small, "chur")).run()
    page.radio(key="rule_mode").set_value("show_only").run()
    assert "**2 Lizenzen würden nicht mehr gemeldet.**" in words(page)
    assert all_rules(small.engine) == []

    page.text_input(key="rule_reason").set_value("Testumgebung").run()
    button(page, "rule_save").click().run()

    assert not page.exception
    (kept,) = all_rules(small.engine)
    assert (kept.scope, kept.mode, kept.reason, kept.author) == (
        (tenant_id(small, "chur"), ""), "show_only", "Testumgebung", "admin",
    )  # fmt: skip
    assert "Gespeichert: Bau AG Chur" in page.success[0].value
    assert html_table(page, "Ausnahmen").column("reason") == ["Testumgebung"]
    assert not page.text_input


def test_a_threshold_tells_what_would_alarm(small: World, page: AppTest) -> None:  # noqa: F811
    page.button(key="rule_add").click().run()
    page.selectbox(key="rule_tenant").set_value(tenant_id(small, "hoeri")).run()
    page.selectbox(key="rule_product").set_value(SPB).run()

    page.number_input(key="rule_threshold").set_value(30).run()

    assert "**1 Lizenz würde neu gemeldet.**" in words(page)


def test_without_a_reason_nothing_is_saved(small: World, page: AppTest) -> None:  # noqa: F811
    page.button(key="rule_add").click().run()
    page.number_input(key="rule_threshold").set_value(1).run()

    button(page, "rule_save").click().run()

    assert [error.value for error in page.error] == ["Bitte einen Grund angeben."]
    assert all_rules(small.engine) == []


def test_silence_is_not_offered_for_all_tenants_at_once(page: AppTest) -> None:
    page.button(key="rule_add").click().run()

    assert page.radio(key="rule_mode").disabled
    assert page.selectbox(key="rule_product").disabled


def test_a_link_opens_the_form_of_an_exception_for_a_licence_once(small: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(small, RULES, tenant="chur", sku=SPB)
    assert app.selectbox(key="rule_tenant").value == tenant_id(small, "chur")
    assert app.selectbox(key="rule_product").value == SPB
    assert not app.query_params

    app.button(key="rule_cancel").click().run()
    assert not app.text_input


def test_a_link_to_a_licence_with_an_exception_opens_that_one(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", SPB, threshold=2, reason="Reserve")

    app = open_page(small, RULES, tenant="chur", sku=SPB)

    assert app.selectbox(key="rule_product").disabled
    assert app.text_input(key="rule_reason").value == "Reserve"


@pytest.mark.parametrize(("slug", "sku_id"), [("", SPB), ("nobody", SPB), (HOSTILE, SPB), ("chur", "gone")])
def test_a_link_to_an_unknown_licence_opens_no_form(
    slug: str, sku_id: str, small: World, open_page: Any  # noqa: F811
) -> None:  # fmt: skip
    app = open_page(small, RULES, tenant=slug, sku=sku_id)

    assert not app.exception
    assert not app.text_input


def test_an_exception_of_a_licence_that_was_deleted_is_changed_and_keeps_its_scope(
    small: World, open_page: Any  # noqa: F811
) -> None:  # fmt: skip
    rule(small, "chur", "gone", threshold=2)

    app = open_page(small, RULES, tenant="chur", sku="gone")
    app.number_input(key="rule_threshold").set_value(3).run()
    button(app, "rule_save").click().run()

    assert [(saved.sku_id, saved.threshold) for saved in all_rules(small.engine)] == [("gone", 3)]


def test_a_link_shows_roles_that_look_what_holds_and_no_form(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", SPB, threshold=2, reason="Reserve")

    app = open_page(small, RULES, {"name": "anna", "role": "support", "sid": "2"}, tenant="chur", sku=SPB)

    assert "<dd>Reserve</dd>" in panel(app)
    assert not app.text_input


def test_an_exception_is_changed_and_keeps_its_scope(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", SPB, threshold=2)
    app = open_rule(open_page(small, RULES), 0)
    button(app, "rule_change").click().run()
    assert app.selectbox(key="rule_product").disabled
    assert app.number_input(key="rule_threshold").value == 2

    app.radio(key="rule_mode").set_value("edge").run()
    button(app, "rule_save").click().run()

    (kept,) = all_rules(small.engine)
    assert (kept.scope, kept.threshold, kept.mode) == ((tenant_id(small, "chur"), SPB), None, "edge")


def test_an_exception_ends_only_after_its_effect_was_told(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only")
    app = open_rule(open_page(small, RULES), 0)

    button(app, "rule_end").click().run()
    assert "2 Lizenzen würden neu gemeldet." in words(app)
    assert len(all_rules(small.engine)) == 1

    button(app, "rule_end_now").click().run()
    assert all_rules(small.engine) == []
    assert "Beendet: Bau AG Chur" in app.success[0].value


def test_cancel_changes_nothing(small: World, page: AppTest) -> None:  # noqa: F811
    page.button(key="rule_add").click().run()

    page.button(key="rule_cancel").click().run()

    assert not page.text_input
    assert all_rules(small.engine) == []


def test_who_may_only_look_sees_the_rules_and_no_button(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only")

    app = open_page(small, RULES, user={"name": "gast", "role": "viewer"})

    open_rule(app, 0)
    assert len(html_table(app, "Ausnahmen").rows) == 1
    assert [button.key for button in app.button if str(button.key).startswith("rule_")] == []


def test_products_without_an_alarm_are_listed_with_the_reason(tmp_path: Path, open_page: Any) -> None:  # noqa: F811
    app = open_page(filled_world(tmp_path), RULES)

    table = html_table(app, "Wegen ihrer Art nicht gemeldet")
    listed = zip(*(table.column(name) for name in ("sku_part_number", "kind", "why", "rows")), strict=True)
    assert set(listed) == {
        ("FLOW_FREE", "gratis", "so in sku_mappings.json", "12"),
        ("VISIOCLIENT", "Test", "alle Abonnements sind Tests", "1"),
    }


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_word_of_a_rule_has_a_text(language: str) -> None:
    for mode in MODES:
        assert text(f"rule.mode.{mode or 'inherit'}", language)
    for name in ("threshold", "warn", *(mode for mode in MODES if mode)):
        assert text(f"rule.what.{name}", language, count=2)
    for level in get_args(RuleLevel):
        assert text(f"rule.level.{level}", language)
    for reason in set(get_args(Reason)) - {"default"}:
        assert text(f"rule.why.{reason}", language)
    for name in asdict(Effect()):
        assert text(f"rule.effect.{name}", language, count=2)
        assert text(f"rule.effect_one.{name}", language)
