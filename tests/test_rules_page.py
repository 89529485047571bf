"""The rules as a reader meets them: in the licence tables and on their own page."""

from __future__ import annotations

from typing import Any

from core.cache.policies import save_policy
from core.policies import Policy
from tests.page_world import HOSTILE, NOW, World, sku_of
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    START,
    TENANT,
    hardened,
    no_runtime_left,
    open_page,
    small,
    words,
)

SPB, POWER_BI = sku_of("SPB"), sku_of("POWER_BI_PRO")


def tenant_id(world: World, slug: str) -> str:
    return next(tenant.tenant_id for tenant in world.known if tenant.slug == slug)


def rule(world: World, slug: str = "", sku_id: str = "", *, reason: str = "Absprache", **fields: Any) -> Policy:
    kept = Policy(tenant_id(world, slug) if slug else "", sku_id, reason, "anna", NOW, **fields)
    save_policy(world.engine, kept)
    return kept


# In the tables


def test_without_a_rule_no_table_speaks_of_rules(small: World, open_page: Any) -> None:  # noqa: F811
    assert "rule" not in open_page(small, LICENSES).dataframe[0].value.columns


def test_the_tables_say_which_rule_decided(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only", reason=HOSTILE)
    rule(small, "hoeri", SPB, threshold=30)

    table = open_page(small, LICENSES).dataframe[0].value

    said = dict(zip(zip(table["tenant"], table["part_number"], strict=True), table["rule"], strict=True))
    assert said == {
        ("Schule Höri", "SPB"): "Produkt: Alarm ab 30 frei (Absprache)",
        ("Bau AG Chur", "SPB"): f"Tenant: nur anzeigen ({HOSTILE})",
        ("Bau AG Chur", "POWER_BI_PRO"): f"Tenant: nur anzeigen ({HOSTILE})",
    }
    own = open_page(small, TENANT, tenant="hoeri", lang="en").dataframe[0].value
    assert own["rule"].tolist() == ["Product: alarm at 30 free (Absprache)"]


def test_a_threshold_makes_one_chip_not_two(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "hoeri", SPB, threshold=30)

    table = open_page(small, LICENSES, q="höri").dataframe[0].value

    assert table["state"].tolist() == [["● Engpass"]]


def test_what_is_hidden_is_shown_by_its_filter_alone(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", POWER_BI, mode="hidden")

    app = open_page(small, LICENSES)
    assert "POWER_BI_PRO" not in app.dataframe[0].value["part_number"].tolist()
    assert "1 ausgeblendet" in words(app)
    assert open_page(small, TENANT, tenant="chur").dataframe[0].value["part_number"].tolist() == ["SPB"]

    table = open_page(small, LICENSES, state="hidden").dataframe[0].value
    assert list(zip(table["part_number"], table["state"], strict=True)) == [("POWER_BI_PRO", ["◌ ausgeblendet"])]


def test_start_does_not_count_what_a_rule_silences_and_says_so(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "chur", mode="show_only")

    app = open_page(small, START)

    assert "Keine Engpässe." in app.title[0].value
    assert "durch Regeln ausgenommen: 2" in words(app)
    assert {metric.value for metric in app.metric} == {"0"}


def test_a_threshold_shows_on_the_start_page_before_the_next_refresh(small: World, open_page: Any) -> None:  # noqa: F811
    rule(small, "hoeri", threshold=30)

    table = open_page(small, START).dataframe[0].value

    assert "Schule Höri" in table["tenant"].tolist()
