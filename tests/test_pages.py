"""The pages as a reader meets them, over a real database; Streamlit's AppTest stands for the browser."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button
from streamlit.util import calc_hash

from core import runtime
from core.cache.item_rows import ListMark, save_whole_list
from core.cache.lists_read import (
    ListedTenant,
    SharePointStatus,
    save_sharepoint_status,
    save_tenant_list,
    stored_alarms,
)
from core.cache.refill_permission import refill_allowed
from core.cache.run_rows import finish_run, join_or_wait, save_progress, show_new_figures, waiting_run
from core.cache.tenant_rows import ProfileTenant, save_profiles
from core.problems import Problem
from core.refresh.tenant_switches import SwitchResult
from tests.actors import actor
from tests.html_tables import click, event_of, html_table, html_tables, send
from tests.page_world import HOSTILE, NOW, FakeRefresher, World, filled_world, license_, small_world
from ui import snapshots
from ui.escaping import plain
from ui.frame import navigation, refresh_result, visit
from ui.monitoring import list_differences

DASHBOARD = str(Path(__file__).resolve().parent.parent / "dashboard.py")
START, LICENSES, PRODUCTS, TENANT, MONITORING, RULES = (
    "pages/start.py", "pages/all_tenants.py", "pages/products.py", "pages/tenant.py", "pages/monitoring.py",
    "pages/rules.py",
)  # fmt: skip
PAGES = (START, LICENSES, PRODUCTS, TENANT, MONITORING, RULES)
ADDRESSES = {entry.file: address for address, entry in navigation.PAGES_BY_ADDRESS.items()}
ADMIN = {"name": "admin", "role": "admin", "sid": "1"}


@pytest.fixture(autouse=True)
def no_runtime_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has its own database, and asks it anew each time."""
    monkeypatch.setattr(snapshots, "STATE_SECONDS", -1.0)
    yield
    runtime.install(None)
    refresh_result._seen.clear()


@pytest.fixture(autouse=True)
def hardened(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the server does it: no file of pages/ is run without dashboard.py, see web.streamlit_internals.harden."""
    begin = PagesManager.__init__

    def without_pages_directory(self: PagesManager, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", without_pages_directory)


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page of a world as the admin, with what stands behind the question mark of its address."""

    def opened(world: World, page: str = START, user: dict[str, str] | None = None, **params: Any) -> AppTest:
        runtime.install(world.runtime)
        app = AppTest.from_file(DASHBOARD, default_timeout=30)
        app.user = ADMIN if user is None else user
        app.query_params.update(params)
        app._page_hash = calc_hash(ADDRESSES[page])  # `switch_page` would need a run of another page first
        return app.run()

    return opened


@pytest.fixture
def small(tmp_path: Path) -> World:
    """Two tenants, one of them short."""
    return small_world(tmp_path)


@pytest.fixture
def filled(tmp_path: Path) -> World:
    """A dozen tenants with every trouble once."""
    return filled_world(tmp_path)


def key_of(app: AppTest, name: str) -> str:
    """The key of the control `name` that is shown now; it also says on what the control acts."""
    shown = [str(found.key) for kind in ("button", "selectbox", "text_input") for found in app.get(kind) if found.key]
    return next(key for key in shown if re.fullmatch(rf"{re.escape(name)}(_[0-9a-f]{{16}})?", key))


def button(app: AppTest, name: str) -> Button:
    return app.button(key=key_of(app, name))


def words(app: AppTest) -> str:
    """All text of the page that is not in a table."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    links = [link.proto.label for link in app.get("page_link")]
    return "\n".join([element.value for kind in kinds for element in app.get(kind)] + links)


def asked(app: AppTest, name: str) -> list[str]:
    """A parameter of the address, always as a list."""
    values = app.query_params.get(name, [])
    return [values] if isinstance(values, str) else list(values)


def licenses(app: AppTest) -> list[tuple[str, str]]:
    return [(row["tenant"], row["product_and_sku.sub"]) for row in html_table(app, "Alle Tenants").rows]


# Every page


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("make", [World.at, small_world, filled_world])
def test_every_page_opens(make, path, language, tmp_path, open_page):
    app = open_page(make(tmp_path), path, lang=language)

    assert not app.exception
    assert app.title


@pytest.mark.parametrize("path", PAGES)
def test_without_a_tenant_every_page_says_how_to_connect_the_first(path, tmp_path, open_page):
    app = open_page(World.at(tmp_path), path)

    assert "Noch kein Tenant" in app.info[0].value
    assert "config-<slug>-profile.json" in app.info[0].value
    assert button(app, "first_tenant")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_how_old_its_figures_are(path, filled, open_page):
    assert "10 von 12 Tenants · älteste Angabe" in words(open_page(filled, path)).replace("\\", "")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_without_a_session_sees_a_page(path, small, open_page):
    app = open_page(small, path, user={})

    assert [error.value for error in app.error] == ["Hier ist niemand angemeldet."]
    assert not html_tables(app)
    assert not app.title


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_is_run_without_the_dashboard_checks_too(path, small):
    runtime.install(small.runtime)
    app = AppTest.from_file(str(Path(DASHBOARD).with_name("pages") / Path(path).name), default_timeout=30)
    app.user = {"name": "guest", "role": "none"}

    app.run()

    assert "darf diese Seite nicht sehen" in app.error[0].value
    assert not html_tables(app)


@pytest.mark.parametrize("path", PAGES)
def test_a_broken_database_is_told_in_words(path, small, open_page):
    with small.engine.begin() as connection:
        connection.execute(sql("DROP TABLE licenses"))

    app = open_page(small, path)

    assert not app.exception
    assert app.title[0].value == "Keine Zahlen verfügbar"
    assert plain("lizenztool.db") in app.error[0].value


@pytest.mark.parametrize("path", PAGES)
def test_names_from_outside_are_shown_and_never_interpreted(path, filled, open_page):
    app = open_page(filled, path, **({"tenant": "hostile"} if path == TENANT else {}))

    shown = words(app)

    assert "<img" not in shown.replace("\\<img", "")
    assert "[a](" not in shown
    if path in (TENANT, MONITORING):
        assert plain(HOSTILE) in shown


@pytest.mark.parametrize("path", PAGES)
def test_every_table_has_a_name_for_screen_readers(path, filled, open_page):
    app = open_page(filled, path)

    assert all(table.name for table in html_tables(app))


def test_the_language_comes_from_the_url_and_stays_on_the_next_page(filled, open_page):
    app = open_page(filled, LICENSES, lang="en")
    assert app.title[0].value == "All tenants"

    app.switch_page(MONITORING).run()

    assert "With a profile but not in the tenant list" in words(app)


def test_the_setting_decides_the_language_of_who_has_not_chosen(tmp_path, open_page):
    app = open_page(small_world(tmp_path, language="en"), LICENSES)

    assert app.title[0].value == "All tenants"


# Start


def tiles(app: AppTest) -> dict[str, Any]:
    """The link of each tile by its label."""
    links = [link.proto for link in app.get("page_link")]
    return {link.label: link for link in links if "**" in link.label}


def test_start_answers_first(small, open_page):
    app = open_page(small)

    assert app.title[0].value == "2 Engpässe in 1 Tenant."
    assert [re.sub(r":\w+\[|[\]*]", "", label) for label in tiles(app)] == [
        "2 Engpässe", "1 überbelegt", "0 wird knapp", "0 nicht lesbar", "0 Zertifikate < 30 Tage",
    ]  # fmt: skip


def test_start_lists_shortages_with_the_state_of_their_message(small, open_page):
    table = html_table(open_page(small), "Engpässe jetzt")

    assert table.column("tenant") == ["Bau AG Chur", "Bau AG Chur"]
    assert [words.split(" ")[0] for words in table.column("alarm")] == ["wird", "gemeldet"]


def test_start_says_what_has_changed_and_a_click_opens_the_list_and_then_the_licence(small, open_page):
    hoeri = small.known[0].tenant_id
    small.read(hoeri, license_("SPB", 40, 40), ago=timedelta(minutes=10))
    app = open_page(small)
    line = button(app, "recent_changes")
    assert re.fullmatch(r"Seit (gestern|Freitag): :red\[1 neu\]", line.label)
    assert ":red[**3**] Engpässe" in tiles(app)
    assert ":orange[**1**] überbelegt" in tiles(app)

    app = line.click().run()
    table = next(table for table in html_tables(app) if table.name.startswith("Änderungen seit"))
    assert [(row["event"], row["tenant"]) for row in table.rows] == [("Engpass", "Schule Höri")]

    app = click(app, table, 0, "tenant")
    assert "<dt>Frei</dt><dd>0</dd>" in panel(app)


def test_without_a_change_start_says_so_and_no_figure_is_red(small, open_page):
    app = open_page(small)

    assert re.search(r"Seit (gestern|Freitag): keine Änderung", words(app))
    assert not any(label.startswith(":red") for label in tiles(app))


def test_a_tile_opens_the_list_it_counts(small, open_page):
    shortages, _, _, unreadable, _ = tiles(open_page(small)).values()

    assert (shortages.page, shortages.query_string) == ("alle-tenants", "state=shortage")
    assert (unreadable.page, unreadable.query_string) == ("monitoring", "show=unreadable")


@pytest.mark.parametrize(("language", "label"), [("de", "Als CSV herunterladen"), ("en", "Download as CSV")])
def test_the_download_of_streamlits_own_grid_is_hidden_in_either_language(language, label, small, open_page):
    assert f'[aria-label^="{label}"]) {{ display: none; }}' in panel(open_page(small, TENANT, lang=language))


@pytest.mark.parametrize("column", ["tenant", "product"])
def test_a_name_opens_the_licence_on_the_same_page(column, small, open_page):
    app = open_page(small)
    table = html_table(app, "Engpässe jetzt")

    click(app, table, 0, column)

    assert app.title[0].value == "2 Engpässe in 1 Tenant."
    assert asked(app, "lizenz") == [table.ids[0]]
    assert {"Tenant öffnen", "Ausnahme hinzufügen"} <= {link.proto.label for link in app.get("page_link")}
    assert "<dt>Meldung</dt><dd>wird gemeldet</dd>" in panel(app)
    assert "Partner/BeginClientSession.aspx?CTID=" in app.get("link_button")[0].proto.url


def panel(app: AppTest) -> str:
    """The HTML in the panel of the open licence."""
    return "".join(element.proto.body for element in app.get("html"))


def test_the_address_of_an_open_licence_opens_it_for_a_colleague(small, open_page):
    table = html_table(open_page(small), "Engpässe jetzt")

    assert "<dt>Frei</dt>" in panel(open_page(small, LICENSES, lizenz=table.ids[1]))


@pytest.mark.parametrize("license_id", ["", "nonsense", "nonsense/x", "1"])
def test_the_address_of_no_licence_opens_nothing(license_id, small, open_page):
    app = open_page(small, LICENSES, lizenz=license_id)

    assert not app.exception
    assert "<dt>" not in panel(app)
    assert "lizenz" not in app.query_params


@pytest.mark.parametrize(
    "value", [None, 1, "x", [], {}, {"row": 1}, {"row": "x", "column": "tenant"}, {"row": [], "column": {}}]
)
@pytest.mark.parametrize("event", ["open", "sort", "more", "nonsense"])
def test_an_event_that_no_table_of_ours_sends_does_nothing(value, event, small, open_page):
    app = open_page(small, LICENSES)
    before = licenses(app)

    send(app, html_table(app, "Alle Tenants"), event, value)

    assert not app.exception
    assert "<dt>" not in panel(app)
    assert licenses(app) == before


# Alle Tenants


def test_filters_come_from_the_url(filled, open_page):
    app = open_page(filled, LICENSES, q="höri", state=["shortage", "low"], kind="paid", sort="free")

    assert {tenant for tenant, _ in licenses(app)} == {"Schule Höri"}
    assert app.text_input[0].value == "höri"
    assert app.multiselect[1].value == ["shortage", "low"]


def test_filters_go_into_the_url_as_codes(filled, open_page):
    app = open_page(filled, LICENSES)

    app.multiselect(key="filter_state").set_value(["over"])
    app.text_input(key="filter_q").set_value("rheinau").run()

    assert asked(app, "state") == ["over"]
    assert asked(app, "q") == ["rheinau"]
    assert licenses(app) == [("Gymnasium Rheinau", "SPB")]


def test_what_a_link_asks_for_and_is_not_there_is_left_out(filled, open_page):
    app = open_page(filled, LICENSES, state=["nonsense", "over"], tenants="gone", sort="nonsense", kind="nonsense")

    assert not app.exception
    assert licenses(app) == [("Gymnasium Rheinau", "SPB")]
    assert set(app.query_params) == {"state"}


def test_filters_are_kept_while_another_page_is_visited(filled, open_page):
    app = open_page(filled, LICENSES, state="over")
    app.switch_page(MONITORING).run()
    assert "state" not in app.query_params

    app.switch_page(LICENSES).run()

    assert licenses(app) == [("Gymnasium Rheinau", "SPB")]
    assert asked(app, "state") == ["over"]


def test_the_way_back_over_a_foreign_parameter_keeps_the_filters(filled, open_page):
    """The browser's Back shows the list with the address of the tenant page."""
    app = open_page(filled, LICENSES, state="over")
    app.switch_page(TENANT).run()

    app.switch_page(LICENSES)
    app.query_params["tenant"] = "hostile"
    app.run()

    assert licenses(app) == [("Gymnasium Rheinau", "SPB")]
    assert "tenant" not in app.query_params


def test_reset_shows_all_rows_again(filled, open_page):
    app = open_page(filled, LICENSES, state="over", q="rheinau")

    app.button(key="filter_reset").click().run()

    assert "**97** von 97 Zeilen" in words(app)
    assert not set(app.query_params) & {"state", "q"}


def test_without_a_match_the_next_step_is_told(filled, open_page):
    app = open_page(filled, LICENSES, q="gibt es nicht")

    assert "Filter zurücksetzen" in app.info[0].value
    assert not html_tables(app)


def test_a_title_sorts_then_reverses_then_the_worst_come_first_again(filled, open_page):
    app = open_page(filled, LICENSES)
    worst_first = licenses(app)

    def frees() -> list[int]:
        return [int(free.replace("’", "")) for free in html_table(app, "Alle Tenants").column("free")]

    send(app, html_table(app, "Alle Tenants"), "sort", "free")
    assert (frees(), asked(app, "sort")) == (sorted(frees()), ["free"])
    send(app, html_table(app, "Alle Tenants"), "sort", "free")
    assert (frees(), asked(app, "sort")) == (sorted(frees(), reverse=True), ["-free"])
    send(app, html_table(app, "Alle Tenants"), "sort", "free")
    assert (licenses(app), asked(app, "sort")) == (worst_first, [])


def test_a_long_table_shows_a_part_and_says_so_until_more_is_asked_for(filled, open_page):
    app = open_page(filled, LICENSES)
    table = html_table(app, "Alle Tenants")
    assert (len(table.rows), table.total) == (50, 97)

    send(app, table, "more", 50)

    assert len(html_table(app, "Alle Tenants").rows) == 97


# Products


def test_a_product_opens_its_licences_in_all_tenants(small, open_page):
    app = open_page(small, PRODUCTS)
    assert "**Microsoft 365 Business Premium**: 1 Engpass, 30 frei in anderen Tenants" in words(app)
    table = html_table(app, "Produkte")
    assert table.column("product_and_sku.sub") == ["POWER_BI_PRO", "SPB"]

    app = click(app, table, 1, "product_and_sku")

    assert app.title[0].value == "Alle Tenants"
    assert asked(app, "q") == ["SPB"]
    assert {part for _, part in licenses(app)} == {"SPB"}
    assert len(licenses(app)) == 2


def test_filters_and_order_of_the_products_are_in_the_url(small, open_page):
    app = open_page(small, PRODUCTS, q="business", sort="-free", kind="paid")
    assert html_table(app, "Produkte").column("product_and_sku.sub") == ["SPB"]

    app.text_input(key="product_filter_q").set_value("").run()
    app = send(app, html_table(app, "Produkte"), "sort", "enabled")

    assert (asked(app, "q"), asked(app, "sort"), asked(app, "kind")) == ([], ["enabled"], ["paid"])
    assert html_table(app, "Produkte").column("enabled") == ["50", "5"]


def test_an_old_link_to_products_opens_without_what_does_not_exist(small, open_page):
    app = open_page(small, PRODUCTS, sort="nonsense", kind="nonsense")

    assert not app.exception
    assert len(html_table(app, "Produkte").rows) == 2


# Tenant


def test_a_tenant_is_opened_by_its_slug(small, open_page):
    app = open_page(small, TENANT, tenant="hoeri")

    assert app.title[0].value == "Schule Höri"
    assert "aktiv, überwacht · Stufe Standard · gelesen" in words(app)
    assert "Zertifikat noch 178 Tage" in words(app)


def test_the_timeline_of_a_tenant_says_what_happened_when_the_newest_first(small, open_page):
    hoeri = small.known[0].tenant_id
    for ago, consumed in ((9, 39), (8, 40), (7, 41), (6, 20)):
        small.read(hoeri, license_("SPB", 40, consumed), ago=timedelta(days=ago))

    app = open_page(small, TENANT, tenant="hoeri")

    table = html_table(app, "Ereignisse bei Schule Höri")
    assert table.column("event") == ["Engpass behoben", "überbelegt", "Engpass", "knapp"]
    assert table.column("free") == ["20", "-1", "0", "1"]
    assert table.rows[0]["at"].endswith("(vor 6 Tagen)")
    assert "Lückenlos aufgezeichnet seit" in words(app)
    app = click(app, table, 0, "product")
    assert "Engpass behoben, frei 20" in words(app)
    assert "<dt>Frei</dt>" in panel(app)


def test_a_long_timeline_is_shown_in_parts(small, open_page):
    hoeri = small.known[0].tenant_id
    for ago in range(10, 0, -1):
        small.read(hoeri, license_("SPB", 40, 40 - ago % 2 * 20), ago=timedelta(days=ago))
    app = open_page(small, TENANT, tenant="hoeri")
    table = html_table(app, "Ereignisse bei Schule Höri")
    assert (len(table.rows), table.total) == (5, 10)

    app = send(app, table, "more", 5)

    assert len(html_table(app, "Ereignisse bei Schule Höri").rows) == 10


def test_a_tenant_without_events_says_since_when_nothing_has_happened(small, open_page):
    assert "Keine Ereignisse seit" in words(open_page(small, TENANT, tenant="chur"))


def test_an_unknown_tenant_is_told_and_no_other_is_shown_in_its_place(small, open_page):
    app = open_page(small, TENANT, tenant="nonsense")

    for _ in "arrived", "again":
        assert "«nonsense»" in app.warning[0].value
        assert (app.title[0].value, asked(app, "tenant")) == ("Tenant", ["nonsense"])
        assert not any(name in words(app) for name in ("Schule Höri", "Bau AG Chur"))
        assert (html_tables(app), [found.key for found in app.button if "tenant_" in str(found.key)]) == ([], [])
        app.run()

    app.selectbox(key="chosen_tenant").set_value("hoeri").run()
    assert (app.title[0].value, asked(app, "tenant"), list(app.warning)) == ("Schule Höri", ["hoeri"], [])


def test_a_tenant_that_is_gone_is_not_replaced_by_another_one(small, open_page):
    app = open_page(small, TENANT, tenant="hoeri")
    save_profiles(small.engine, small.known[1:], {})
    show_new_figures(small.engine)
    visit_anew(app)

    assert "«hoeri»" in app.warning[0].value
    assert app.title[0].value == "Tenant"


def visit_anew(app: AppTest) -> None:
    app.switch_page(START).run()
    app.switch_page(TENANT).run()


def test_a_tenant_that_was_never_read_has_no_last_state(filled, open_page):
    never = filled.tenant("Nie gelesen", slug="nie")
    filled.fail(never, "graph.unreachable", tenant="Nie gelesen")

    message = open_page(filled, TENANT, tenant="nie").error[0].value

    assert "es gibt noch keine Zahlen" in message
    assert "letzte bekannte Stand" not in message


def test_a_command_is_named_only_to_whoever_may_run_it(small, open_page):
    ended = Problem("profile.cert_expired", {"file": "neu.json", "real": "2026-11-01", "slug": "neu"})
    save_profiles(small.engine, small.known, {"neu.json": ("neu", [ended])})

    for role, named in (("admin", True), ("support", False), ("viewer", False)):
        told = words(open_page(small, START, user={"name": role, "role": role, "sid": "1"}))
        assert "abgelaufen" in told
        assert ("python -m core" in told, "wer den Server betreut" in told) == (named, not named)


def test_a_certificate_that_ends_leads_whoever_may_to_its_renewal(small, open_page):
    ends = ProfileTenant(small.known[0].tenant_id, "hoeri", "Schule Höri", NOW + timedelta(days=5, hours=1))
    save_profiles(small.engine, [ends, *small.known[1:]], {})

    for role, leads in (("admin", True), ("support", False), ("viewer", False)):
        told = words(open_page(small, START, user={"name": role, "role": role, "sid": "1"}))
        assert "endet in 5 Tagen" in told
        assert ("Jetzt erneuern" in told, "wer den Server betreut" in told) == (leads, not leads)


def test_a_failing_tenant_says_since_when_why_and_what_to_do(filled, open_page):
    app = open_page(filled, TENANT, tenant="tenant-8")

    assert "nicht lesbar" in app.error[0].value
    assert "hochladen" in app.error[0].value
    assert "status 401, request\\-id" not in app.error[0].value
    assert "status 401" in app.code[0].value


def test_subscriptions_that_may_not_be_read_say_why(filled, open_page):
    app = open_page(filled, TENANT, tenant="tenant-2")

    assert "Die Termine können nicht gelesen werden" in app.warning[0].value


def test_another_tenant_goes_into_the_url(filled, open_page):
    app = open_page(filled, TENANT, tenant="tenant-1")

    app.selectbox(key="chosen_tenant").set_value("Bau AG Chur").run()

    assert app.title[0].value == "Bau AG Chur"
    assert asked(app, "tenant") == ["tenant-3"]


# Monitoring


def test_monitoring_names_what_lists_and_profiles_do_not_share(filled, open_page):
    app = open_page(filled, MONITORING)

    assert "Alte Firma GmbH" in words(app)
    assert button(app, "add_tenant-11").label == "In Liste aufnehmen"
    assert "config\\-neu\\-profile\\.json" in words(app)


def vanish(world, *kept):
    """The next reading of the tenant list finds only these rows."""
    world.listed([tenant.tenant_id for tenant in world.known if tenant.name in kept])


def test_monitoring_says_which_rows_vanished_and_offers_both_ways_out(filled, open_page):
    vanish(filled)
    app = open_page(filled, MONITORING)

    assert "11 Tenants sind aus der Tenantliste verschwunden" in app.error[1].value
    assert f"{plain('Bau AG Chur')} · nicht überwacht" in words(app)
    assert [button(app, key).label for key in ("put_back_tenant-3", "end_tenant-3", "put_back_all", "end_all")] == [
        "Wieder eintragen", "Entfernung bestätigen", "Alle 11 wieder eintragen", "Alle 11 Entfernungen bestätigen",
    ]  # fmt: skip
    assert "und 6 weitere" in words(app)


def test_monitoring_is_ended_only_after_a_question(small, open_page, monkeypatch):
    asked: list[str] = []

    def end(services: Any, tenant_ids: list[str], actor: Any) -> list[SwitchResult]:
        asked.extend(tenant_ids)
        return []

    monkeypatch.setattr(list_differences, "end_monitoring", end)
    small.refresher = FakeRefresher(small)
    vanish(small, "Schule Höri")
    app = open_page(small, MONITORING)

    button(app, "end_chur").click().run()
    assert asked == []
    assert f"keine Engpässe mehr gemeldet für: {plain('Bau AG Chur')}" in words(app)
    button(app, "end_now").click().run()

    assert asked == [small.known[1].tenant_id]


def test_a_viewer_sees_what_vanished_and_can_settle_nothing(small, open_page):
    vanish(small)
    app = open_page(small, MONITORING, {"name": "vera", "role": "viewer", "sid": "2"})

    assert "2 Tenants sind aus der Tenantliste verschwunden" in app.error[0].value
    assert not [button.key for button in app.button if str(button.key).startswith(("put_back", "end_"))]


def test_start_says_what_vanished_first(small, open_page):
    vanish(small, "Schule Höri")

    assert "Aus der Tenantliste verschwunden" in words(open_page(small, START))


@pytest.mark.parametrize("title", ["Schule Höri", "SCHULE HÖRI", "Schule\u00a0Höri\u200b"])
def test_another_spelling_of_a_title_is_no_stranger(title, small, open_page):
    rows = [ListedTenant("1", unicodedata.normalize("NFD", title), True, True), ListedTenant("2", "Alt", True, True)]
    save_tenant_list(small.engine, rows, {small.known[0].tenant_id: rows[0]}, NOW)
    small.finished()
    app = open_page(small, MONITORING)

    assert "- Alt" in words(app)
    assert "ohne Profil" in words(app)
    assert not any("Schule" in line for line in words(app).splitlines() if line.startswith("- "))


def test_a_push_that_tells_many_is_announced_and_can_be_silenced(small, open_page):
    small.read(small.known[0].tenant_id, license_("SPB", 4, 4), license_("VISIOCLIENT", 2, 3))
    small.finished()
    app = open_page(small, MONITORING)
    assert "meldet dem Support 3 Engpässe, die es schon gibt" in words(app)

    button(app, "take_over").click().run()
    assert len([alarm for alarm in stored_alarms(small.engine).values() if alarm.told_at]) == 1
    button(app, "take_over_now").click().run()

    assert "3 Engpässe als gemeldet vermerkt" in app.success[0].value
    assert "die es schon gibt" not in words(app)
    assert len([alarm for alarm in stored_alarms(small.engine).values() if alarm.told_at]) == 4


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_only_an_admin_takes_over(role, small, open_page):
    small.read(small.known[0].tenant_id, license_("SPB", 4, 4), license_("VISIOCLIENT", 2, 3))
    small.finished()
    app = open_page(small, MONITORING, {"name": "sam", "role": role, "sid": "2"})

    assert "die es schon gibt" in words(app)
    assert "take_over" not in [button.key for button in app.button]


EMPTIED = Problem("sharepoint.list_emptied", {"lost": "12", "written": "12", "told": "6", "untold": "1"})


def unescaped(app: AppTest) -> str:
    """The words of the page as a reader sees them, without the signs that protect them from Markdown."""
    return words(app).replace("\\", "")


def emptied(small) -> None:
    """The last refresh has found an empty licence list."""
    save_whole_list(small.engine, ListMark("license", "key.columns", "", NOW), [])
    save_sharepoint_status(small.engine, SharePointStatus(configured=True, read_at=NOW, problems=[EMPTIED]))
    small.finished()


def test_an_emptied_list_is_filled_again_after_a_question_that_says_what_is_told(small, open_page):
    emptied(small)
    app = open_page(small, MONITORING)
    assert "In der Lizenzstatusliste fehlen 12 von 12 Zeilen" in words(app)

    button(app, "lists_refill").click().run()
    assert "Engpässe, die noch gemeldet werden: 1." in unescaped(app)
    assert refill_allowed(small.engine) == ""
    button(app, "lists_refill_now").click().run()

    assert refill_allowed(small.engine) == "key"
    assert "Die Liste wird jetzt neu gefüllt" in app.success[0].value


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_only_an_admin_lets_an_emptied_list_be_filled(role, small, open_page):
    emptied(small)

    app = open_page(small, MONITORING, {"name": "sam", "role": role, "sid": "2"})

    assert "fehlen 12 von 12 Zeilen" in words(app)
    assert not [button.key for button in app.button if "lists_" in str(button.key)]


def test_whose_the_lists_are_is_said_with_the_button_to_take_them_over(small, open_page):
    who = {"host": "srv-02", "installation": "0123456789ab", "since": "25.11.2026 08:00", "at": "26.11.2026 14:00"}
    problem = Problem("sharepoint.other_owner", who)
    save_sharepoint_status(small.engine, SharePointStatus(configured=True, read_at=NOW, problems=[problem]))
    small.finished()
    app = open_page(small, MONITORING)
    assert "eine andere Installation: srv-02" in unescaped(app)
    assert "die es schon gibt" not in words(app), "the other one tells, not this one"

    button(app, "lists_take_over").click().run()

    assert "Bisher schreibt srv-02, zuletzt 26.11.2026 14:00." in unescaped(app)


def test_monitoring_checks_the_parameters_of_the_flow(filled, open_page):
    table = html_table(open_page(filled, MONITORING), "Parameter des Flows")

    assert table.column("parameter") == ["sendermail", "recipientmail", "communication"]
    assert [words[0] for words in table.column("check")] == ["✓", "✓", "✗"]


def unreadable_tenant(app: AppTest, table: str, column: str) -> str:
    """Click the first chip that says that a tenant cannot be read; return the name of the tenant."""
    shown = html_table(app, table)
    row = next(place for place, words in enumerate(shown.column(column)) if "nicht lesbar" in words)
    click(app, shown, row, column)
    return shown.column("tenant")[row]


@pytest.mark.parametrize(
    ("page", "table", "column"),
    [(LICENSES, "Alle Tenants", "state"), (MONITORING, "Tenants mit ihren Schaltern", "condition")],
)
def test_a_click_on_unreadable_says_why_and_offers_another_try_and_the_tenant(page, table, column, filled, open_page):
    app = open_page(filled, page)

    tenant = unreadable_tenant(app, table, column)

    assert app.get("dialog")[0].proto.dialog.title == tenant
    assert re.match(r"Seit .* nicht lesbar; gezeigt wird der letzte bekannte Stand\. ", app.error[-1].value)
    assert button(app, "refresh_unreadable.again")
    assert "Tenant öffnen" in {link.proto.label for link in app.get("page_link")}


def test_who_only_looks_gets_the_reason_without_another_try(filled, open_page):
    app = open_page(filled, LICENSES, {"name": "vera", "role": "viewer", "sid": "2"})

    unreadable_tenant(app, "Alle Tenants", "state")

    assert "nicht lesbar" in app.error[-1].value
    assert not any("refresh" in str(one.key) for one in app.button)


def test_a_warning_about_an_unreadable_tenant_opens_the_same(filled, open_page):
    app = open_page(filled)

    button(app, "attention").click().run()

    assert "nicht lesbar" in app.error[-1].value
    assert button(app, "refresh_unreadable.again")


def test_the_panel_of_an_unreadable_tenants_licence_says_why(filled, open_page):
    app = open_page(filled, LICENSES)
    table = html_table(app, "Alle Tenants")
    row = next(place for place, words in enumerate(table.column("state")) if "nicht lesbar" in words)

    click(app, table, row, "product_and_sku")

    assert "nicht lesbar" in app.error[-1].value


@pytest.mark.parametrize(("show", "tenants"), [("unreadable", 2), ("certificates", 1), ("off", 1), ("nonsense", 11)])
def test_monitoring_shows_the_list_a_link_asks_for(show, tenants, filled, open_page):
    app = open_page(filled, MONITORING, show=show)

    assert len(html_table(app, "Tenants mit ihren Schaltern").rows) == tenants


# Refresh


def result_line(app: AppTest) -> Any:
    """What the line of the result is told, None if there is none."""
    found = (one.proto for one in app.get("bidi_component") if one.proto.component_name == "lizenztool.passing_line")
    return next((json.loads(proto.bytes) for proto in found), None)


def click_result(app: AppTest, button: str) -> AppTest:
    """Click a button of the line of the result, as the browser tells it."""
    found = (one.proto for one in app.get("bidi_component") if one.proto.component_name == "lizenztool.passing_line")
    states = app._tree.get_widget_states()
    states.widgets.append(event_of(next(found).id, button, True))
    return app._run(states)


def test_newer_figures_are_offered_and_never_swapped_in(small, open_page):
    app = open_page(small, LICENSES)
    before = licenses(app)
    small.read(small.known[0].tenant_id, license_("SPB", 40, 40), ago=timedelta(0))
    small.finished()

    app.run()
    assert licenses(app) == before
    assert "Neuere Zahlen vorhanden" in words(app)

    app.button(key="show_newer").click().run()
    assert html_table(app, "Alle Tenants").column("free").count("0") == 2
    assert "Neuere Zahlen vorhanden" not in words(app)


def test_a_new_visit_takes_the_newest_figures(small, open_page):
    app = open_page(small, LICENSES)
    small.read(small.known[0].tenant_id, license_("SPB", 40, 40), ago=timedelta(0))
    small.finished()

    app.switch_page(START).run()

    assert app.title[0].value == "3 Engpässe in 2 Tenants."


def test_who_refreshes_sees_the_progress_and_then_the_new_figures(small, open_page):
    small.refresher = FakeRefresher(small)
    app = open_page(small)

    app.button(key="refresh_refresh.button").click().run()
    assert small.refresher.asked == [("page", "admin", ())]
    assert app.button(key="refresh_refresh.button").disabled

    small.read(small.known[0].tenant_id, license_("SPB", 40, 40), ago=timedelta(0))
    run_id = app.session_state["_own_run"]
    changed = {"new_shortages": [["Schule Höri", HOSTILE]], "ended_shortages": [], "rows": 1}
    failed = [{"tenant": "Bau AG Chur", "code": "x", "message": "Nichts ging <b>mehr</b>."}]
    summary = {"tenants": 2, "ok": 1, "failed": failed, "skipped": [], "changed": changed}
    finish_run(small.engine, run_id, "done", summary, 3.0, NOW)
    app.run()

    assert app.title[0].value == "3 Engpässe in 2 Tenants."
    line = result_line(app)
    assert line["words"] == "Aktualisiert: 1 von 2 Tenants in 3 s gelesen. Neue Engpässe: 1."
    assert line["seconds"] == 0  # it stays

    app = click_result(app, "details")
    assert plain(HOSTILE) in words(app)
    assert plain("Nichts ging <b>mehr</b>.") in words(app)

    click_result(app, "close")
    assert result_line(app) is None


def test_a_long_push_shows_how_far_it_is_and_keeps_neither_figures_nor_button_back(small, open_page):
    small.refresher = FakeRefresher(small)
    app = open_page(small)
    app.button(key="refresh_refresh.button").click().run()
    run_id = app.session_state["_own_run"]

    small.read(small.known[0].tenant_id, license_("SPB", 40, 40), ago=timedelta(0))
    save_progress(small.engine, run_id, "sharepoint", 1240, 8000)
    show_new_figures(small.engine)
    app.run()

    assert "3 Engpässe" in app.title[0].value
    assert app.get("progress")[0].proto.text.startswith("SharePoint: 1’240 von 8’000 geschrieben")
    assert not app.button(key="refresh_refresh.button").disabled

    finish_run(small.engine, run_id, "done", {"tenants": 2, "ok": 2, "sharepoint": {"remaining": 3400}}, 3.0, NOW)
    app.run()
    assert "3’400 Einträge folgen mit der nächsten Aktualisierung" in words(click_result(app, "details"))


def test_a_tenant_can_be_refreshed_alone(small, open_page):
    small.refresher = FakeRefresher(small)
    app = open_page(small, TENANT, tenant="hoeri")

    button(app, "refresh_refresh.one").click().run()

    assert small.refresher.asked == [("page", "admin", (small.known[0].tenant_id,))]


def test_a_refresh_that_failed_is_told(small, open_page):
    small.refresher = FakeRefresher(small)
    app = open_page(small)
    app.button(key="refresh_refresh.button").click().run()
    finish_run(small.engine, app.session_state["_own_run"], "failed", {}, 1.0, NOW)

    app.run()

    assert "misslungen" in result_line(app)["words"]
    assert result_line(app)["seconds"] == 0


def test_without_a_refresher_the_button_says_why(small, open_page):
    button = open_page(small).button(key="refresh_refresh.button")

    assert button.disabled
    assert "app.py" in button.help


def test_a_session_that_slept_through_many_refreshes_wakes_up_on_the_newest(small, open_page):
    app = open_page(small, LICENSES)
    for _ in range(snapshots.KEPT_SNAPSHOTS + 1):
        small.finished()
        snapshots.newest(small.runtime)

    app.run()

    assert not app.exception
    assert app.session_state[visit.PIN][0] == snapshots.newest(small.runtime).version


def test_who_loads_the_page_anew_is_told_a_good_result_once(small, open_page):
    small.finished(by="admin")

    line = result_line(open_page(small))
    assert "2 von 2 Tenants" in line["words"]
    assert line["seconds"] == 8

    assert result_line(open_page(small)) is None


def test_an_open_page_asks_for_a_result_once(small, open_page):
    small.finished(by="admin")
    app = open_page(small)
    asked: list[str] = []
    event.listen(small.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))

    app.run()

    assert result_line(app) is not None
    assert not [words for words in asked if "WHERE runs.run_id" in words]


def test_who_loads_the_page_anew_is_told_a_bad_result_until_it_is_closed(small, open_page):
    small.finished(by="admin", state="failed")
    assert "misslungen" in result_line(open_page(small))["words"]

    click_result(open_page(small), "close")

    assert result_line(open_page(small)) is None


def test_the_result_of_somebody_else_is_not_pushed_at_anybody(small, open_page):
    small.finished(by="somebody")

    assert not open_page(small).success


def test_who_left_during_a_refresh_waits_for_it_on_return(small, open_page):
    small.refresher = FakeRefresher(small)
    small.refresher.request(actor("admin"))

    app = open_page(small)

    assert app.session_state["_own_run"]


def test_who_left_while_a_refresh_waited_for_its_turn_waits_for_it_on_return(small, open_page):
    small.refresher = FakeRefresher(small)
    small.refresher.request(actor("somebody"))
    waiting = join_or_wait(small.engine, waiting_run("page", "admin", [], NOW), lambda _run, _wanted: False)

    app = open_page(small)

    assert app.session_state["_own_run"] == waiting.run_id
    assert app.button(key="refresh_refresh.button").disabled
