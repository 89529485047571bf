"""The support team's day, in real browsers against the real process; Microsoft 365 is the one in the box."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from core.cache.catalogue import load_catalogue
from core.cache.frames import licenses_frame
from simulator.world import ORGANIZATION_READ
from tests.browser import (
    axe_violations,
    bottom_of,
    cell,
    chips_of,
    column_of,
    header_of,
    open_from_menu,
    rows_of,
    settled,
    sign_in,
    switch,
    table,
    violations,
)
from tests.day import LICENSES, PREMIUM, UNLISTED, Day, OpenBrowser
from tests.office import Office
from tests.served import PASSWORD
from web.asgi_app import FIRST_FILES

pytestmark = pytest.mark.browser

# What is short


def test_the_first_look_says_what_is_short_where_and_whether_it_is_told(open_browser: OpenBrowser):
    anna = open_browser(viewport={"width": 1366, "height": 650})
    sign_in(anna, "anna", PASSWORD)
    shortages = table(anna, "Engpässe jetzt")

    expect(anna.get_by_role("heading", level=1)).to_have_text("4 Engpässe in 4 Tenants.")
    expect(
        anna.get_by_text(re.compile(r"^Stand (gestern )?\d\d:\d\d · 8 von 8 Tenants · älteste Angabe"))
    ).to_be_visible()
    assert set(column_of(shortages, "Tenant")) == {"Schule Höri", "Bau AG Chur", "Logistik Rheintal", "+Plus Pflege"}
    assert all(re.fullmatch(r"gemeldet (gestern )?\d\d:\d\d", words) for words in column_of(shortages, "Meldung"))
    expect(cell(shortages, "Bau AG Chur", "Frei")).to_have_text("-3")
    row = bottom_of(shortages.locator("tr").nth(2)) - bottom_of(shortages.locator("tr").nth(1))
    assert bottom_of(shortages) + (10 - 4) * row < 650  # without scrolling, were there ten


def test_while_somebody_types_the_browser_fetches_all_files_of_the_first_page(open_browser: OpenBrowser):
    anna = open_browser("/login")
    anna.context.new_cdp_session(anna).send("Network.clearBrowserCache")
    anna.reload()
    anna.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(file => file.name.includes('/static/')).length"
        " === document.querySelectorAll('link[rel=prefetch]').length"
    )
    sign_in(anna, "anna", PASSWORD)
    table(anna, "Engpässe jetzt")

    fetched, used = anna.evaluate(
        "() => { const files = performance.getEntriesByType('resource').filter(file => file.name.includes('/static/'));"
        " return [files.filter(file => file.transferSize).map(file => file.name), files.length]; }"
    )
    assert fetched == []
    assert used == len(FIRST_FILES)


def test_a_figure_leads_to_the_list_of_what_it_counts(anna: Page, day: Day):
    for link, path, rows in (
        ("4 Engpässe", "/alle-tenants?state=shortage", 4),
        ("1 überbelegt", "/alle-tenants?state=over", 1),
        ("0 wird knapp", "/alle-tenants?state=low", 0),
    ):
        anna.get_by_role("link", name=link).click()
        expect(anna).to_have_url(f"{day.url}{path}")
        expect(anna.get_by_text(f"{rows} von {LICENSES} Zeilen")).to_be_visible()
        open_from_menu(anna, "Start")
    anna.get_by_role("link", name="0 nicht lesbar").click()
    expect(anna).to_have_url(f"{day.url}/monitoring?show=unreadable")
    expect(anna.get_by_text("Hier ist zurzeit kein Tenant.")).to_be_visible()


def test_what_has_changed_is_a_click_away_and_each_name_in_it_opens_its_licence(anna: Page):
    anna.get_by_role("button", name=re.compile(r"^Seit .*4 gemeldet$")).click()
    changes = anna.get_by_role("dialog")
    expect(changes.get_by_role("cell", name="gemeldet", exact=True)).to_have_count(4)
    assert violations(anna) == []

    changes.get_by_role("button", name=re.compile("^Bau AG Chur, ")).click()

    licence = anna.get_by_role("dialog").filter(has_text="Im Admin Center öffnen")
    expect(licence.get_by_role("listitem").first).to_contain_text("gemeldet")
    expect(anna).to_have_url(re.compile("lizenz="))


# A view and where it travels


def test_a_filtered_view_sent_to_a_colleague_shows_the_same_after_the_sign_in(
    anna: Page, day: Day, open_browser: OpenBrowser
):
    open_from_menu(anna, "Alle Tenants")
    anna.get_by_label("Suche").fill("business")
    expect(anna.get_by_text(f"7 von {LICENSES} Zeilen")).to_be_visible()
    anna.get_by_label("Zustand").click()
    anna.get_by_role("option", name="Engpass (alle)").click()
    anna.keyboard.press("Escape")
    expect(anna.get_by_text(f"2 von {LICENSES} Zeilen")).to_be_visible()
    expect(anna).to_have_url(f"{day.url}/alle-tenants?q=business&state=shortage")

    bruno = open_browser(anna.url.removeprefix(day.url))
    expect(bruno).to_have_url(re.compile(r"/login\?next="))
    sign_in(bruno, "bruno", PASSWORD)

    expect(bruno).to_have_url(anna.url)
    expect(bruno.get_by_label("Suche")).to_have_value("business")
    expect(bruno.get_by_text(f"2 von {LICENSES} Zeilen")).to_be_visible()
    assert rows_of(table(bruno, "Alle Tenants", rows=2)) == rows_of(table(anna, "Alle Tenants", rows=2))
    assert set(column_of(table(bruno, "Alle Tenants"), "Tenant")) == {"Bau AG Chur", "+Plus Pflege"}


def test_filters_survive_reload_and_the_way_to_another_page_and_back(open_browser: OpenBrowser, day: Day):
    anna = open_browser("/alle-tenants?q=visio&kind=paid", account="anna")
    expect(anna.get_by_text(f"1 von {LICENSES} Zeilen")).to_be_visible()

    anna.reload()
    expect(anna.get_by_text(f"1 von {LICENSES} Zeilen")).to_be_visible()
    open_from_menu(anna, "Start")
    open_from_menu(anna, "Alle Tenants")

    expect(anna.get_by_text(f"1 von {LICENSES} Zeilen")).to_be_visible()
    expect(anna).to_have_url(f"{day.url}/alle-tenants?q=visio&kind=paid")


def test_the_csv_of_the_view_holds_the_rows_of_the_table_and_of_the_cache(day: Day, open_browser: OpenBrowser):
    anna = open_browser("/alle-tenants?state=shortage&sort=-product", account="anna")
    shown = table(anna, "Alle Tenants")

    with anna.expect_download() as download:
        anna.get_by_role("button", name="CSV der Ansicht").click()
    content = Path(download.value.path()).read_bytes()
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")

    assert re.fullmatch(r"lizenzen-ansicht-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    assert content.startswith("\ufeff".encode())
    tenants = [row[header.index("Tenant")].removeprefix("'") for row in rows]
    assert tenants == column_of(shown, "Tenant")
    assert [row[header.index("Zustand")].split(", ") for row in rows] == chips_of(shown)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[header.index("Gemeldet am")]) for row in rows)
    place = [header.index(name) for name in ("SKU-ID", "Verfügbar", "Verbraucht", "Frei", "Artikelnummer (SKU)")]
    assert sorted(tuple(row[column] for column in place) for row in rows) == sorted(short_in_cache(day.office))
    assert "'+Plus Pflege" in {row[header.index("Tenant")] for row in rows}


def short_in_cache(office: Office) -> list[tuple[str, ...]]:
    frame = licenses_frame(
        office.engine, load_catalogue(office.engine)[0], now=office.now(), flow_timeout=timedelta(hours=1)
    )
    short = frame[frame["shortage"]]
    columns = ["sku_id", "enabled", "consumed", "free", "sku_part_number"]
    return [tuple(str(value) for value in row) for row in short[columns].itertuples(index=False)]


# One tenant


def test_a_name_opens_the_licence_and_leads_on_to_its_tenant_and_back(anna: Page, day: Day):
    anna.goto(f"{day.url}/alle-tenants?q=emmen")
    expect(anna.get_by_text(f"2 von {LICENSES} Zeilen")).to_be_visible()
    name = table(anna, "Alle Tenants").get_by_role("button", name="Power BI Pro", exact=True)

    name.click()
    panel = anna.get_by_role("dialog", name="Power BI Pro · Treuhand Emmen")
    expect(panel.get_by_text("POWER_BI_PRO")).to_be_visible()
    panel.get_by_role("button", name="Link kopieren").click()
    expect(panel.get_by_role("button", name="Link kopiert")).to_be_visible()
    anna.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(name).to_be_focused()
    expect(anna).to_have_url(f"{day.url}/alle-tenants?q=emmen")

    anna.keyboard.press("Enter")
    panel.get_by_role("link", name="Tenant öffnen").click()
    expect(anna.get_by_role("heading", level=1)).to_have_text("Treuhand Emmen")
    expect(anna).to_have_url(f"{day.url}/tenant?tenant=treuhand-emmen")
    assert set(column_of(table(anna, "Lizenzen von Treuhand Emmen"), "Produkt")) == {PREMIUM, "Power BI Pro"}
    assert len(rows_of(table(anna, "Abonnements von Treuhand Emmen"))) == 2

    anna.get_by_role("link", name="Zurück zu allen Tenants").click()
    expect(anna).to_have_url(f"{day.url}/alle-tenants?q=emmen")
    expect(anna.get_by_text(f"2 von {LICENSES} Zeilen")).to_be_visible()


# How many clicks it takes


def count_clicks(page: Page) -> Callable[[], int]:
    """Count the presses of the mouse from now on; a reload ends the count."""
    page.evaluate("() => { window.presses = 0; addEventListener('pointerdown', () => { window.presses++ }, true) }")
    return lambda: int(page.evaluate("() => window.presses"))


def test_one_click_opens_a_shortage_and_the_second_refreshes_its_tenant(anna: Page, eventful_day: Day):
    eventful_day.tenant("Bau AG Chur").set_sku("O365_BUSINESS_PREMIUM", consumed=30)
    clicks = count_clicks(anna)

    table(anna, "Engpässe jetzt").get_by_role("button", name="Bau AG Chur", exact=True).click()
    panel = anna.get_by_role("dialog")
    expect(panel.get_by_text("O365_BUSINESS_PREMIUM")).to_be_visible()
    assert clicks() == 1

    panel.get_by_role("button", name="Nur diesen aktualisieren").click()
    expect(panel.locator("div", has=anna.get_by_text("Frei", exact=True)).last).to_contain_text("5")
    assert clicks() == 2


def test_five_clicks_lead_from_a_shortage_to_an_exception_with_its_reason(carla: Page, eventful_day: Day):
    clicks = count_clicks(carla)
    table(carla, "Engpässe jetzt").get_by_role("button", name="Bau AG Chur", exact=True).click()
    carla.get_by_role("dialog").get_by_role("link", name="Ausnahme hinzufügen").click()

    form = carla.get_by_role("dialog", name="Neue Ausnahme")
    expect(form.get_by_label("geerbt")).to_be_focused()
    form.get_by_text("voll belegt in Ordnung", exact=True).click()
    expect(form.get_by_text("An den heutigen Zahlen ändert das nichts.")).to_be_visible()
    form.get_by_label("Grund (Pflicht)").click()
    carla.keyboard.type("Nachbestellt, kommt im August")
    form.get_by_role("button", name="Speichern").click()

    expect(carla.get_by_text("Gespeichert: Bau AG Chur, ")).to_be_visible()
    assert column_of(table(carla, "Ausnahmen"), "Grund") == ["Nachbestellt, kommt im August"]
    assert clicks() == 5


def test_an_unreadable_tenant_is_tried_again_where_it_says_so(anna: Page, eventful_day: Day):
    eventful_day.take_consent("Bau AG Chur")
    eventful_day.office.refresh()
    anna.reload()
    table(anna, "Engpässe jetzt").get_by_role("button", name="nicht lesbar: Bau AG Chur").click()
    reason = anna.get_by_role("dialog", name="Bau AG Chur")
    expect(reason.get_by_text("LicenseAssignment.Read.All")).to_be_visible()
    eventful_day.tenant("Bau AG Chur").permissions = {ORGANIZATION_READ}
    eventful_day.office.m365.expire_tokens()

    reason.get_by_role("button", name="Erneut versuchen").click()

    expect(reason.get_by_text("Wieder lesbar")).to_be_visible()
    reason.get_by_role("link", name="Tenant öffnen").click()
    expect(anna.get_by_role("heading", level=1)).to_have_text("Bau AG Chur")


# Refresh


def test_a_refresh_shows_its_progress_to_all_and_its_numbers_to_whoever_asked(
    eventful_day: Day, open_browser: OpenBrowser
):
    anna = open_browser("/tenant?tenant=treuhand-emmen", account="anna")
    bruno = open_browser("/alle-tenants?q=emmen", account="bruno")
    of_tenant, of_bruno = table(anna, "Lizenzen von Treuhand Emmen"), table(bruno, "Alle Tenants")
    expect(cell(of_tenant, PREMIUM, "Frei")).to_have_text("4")
    eventful_day.tenant("Treuhand Emmen").set_sku("SPB", consumed=24)

    with eventful_day.unanswered("Holzbau Muster"):
        anna.get_by_role("button", name="Aktualisieren", exact=True).click()
        for page in (anna, bruno):
            expect(page.get_by_text("Tenants werden gelesen: 7 von 8 · gestartet von anna")).to_be_visible()

    told = anna.get_by_role("status").filter(has_text="Aktualisiert: 8 von 8 Tenants")
    expect(told).to_contain_text("Neue Engpässe: 1.")
    expect(cell(of_tenant, PREMIUM, "Frei")).to_have_text("0")
    expect(bruno.get_by_text("Neuere Zahlen vorhanden")).to_be_visible()
    expect(cell(of_bruno, PREMIUM, "Frei")).to_have_text("4")

    bruno.get_by_role("button", name="Anzeigen").click()
    expect(cell(of_bruno, PREMIUM, "Frei")).to_have_text("0")
    expect(told).to_be_hidden()  # by itself


def test_the_result_of_a_refresh_that_failed_somewhere_stays_until_it_is_closed_and_moves_nothing(
    anna: Page, eventful_day: Day
):
    eventful_day.take_consent("Holzbau Muster")
    before = table(anna, "Engpässe jetzt").bounding_box()

    anna.get_by_role("button", name="Aktualisieren", exact=True).click()
    told = anna.get_by_role("status").filter(has_text="Aktualisiert: 7 von 8 Tenants")
    expect(told).to_be_visible()
    anna.get_by_role("button", name="Einzelheiten").click()
    expect(anna.get_by_role("dialog").get_by_text("Holzbau Muster nicht gelesen")).to_be_visible()
    anna.keyboard.press("Escape")
    anna.get_by_role("button", name="Schliessen").click()
    expect(told).to_be_hidden()

    eventful_day.dawn()
    anna.get_by_role("button", name="Aktualisieren", exact=True).click()
    expect(anna.get_by_role("status").filter(has_text="Aktualisiert: 8 von 8 Tenants")).to_be_visible()
    assert table(anna, "Engpässe jetzt").bounding_box() == before


def test_a_refresh_of_one_tenant_reads_no_other(eventful_day: Day, open_browser: OpenBrowser):
    anna = open_browser("/tenant?tenant=treuhand-emmen", account="anna")
    eventful_day.tenant("Treuhand Emmen").set_sku("POWER_BI_PRO", consumed=5)
    eventful_day.office.m365.reset_requests()

    anna.get_by_role("button", name="Nur diesen aktualisieren").click()

    expect(cell(table(anna, "Lizenzen von Treuhand Emmen"), "Power BI Pro", "Frei")).to_have_text("3")
    expect(anna.get_by_text("Aktualisiert: 1 von 1 Tenant in")).to_be_visible()
    answered = [r for r in eventful_day.office.m365.requests if r.path.endswith("/subscribedSkus") and r.status == 200]
    assert [request.tenant_id for request in answered] == [eventful_day.tenant("Treuhand Emmen").tenant_id]


# Monitoring


def test_monitoring_is_switched_off_in_sharepoint_after_a_question_that_names_the_tenant_and_taken_back(
    carla: Page, eventful_day: Day
):
    open_from_menu(carla, "Monitoring")
    switch(carla, "Überwachung", "Spedition Nord").click()

    question = carla.get_by_role("dialog")
    expect(question).to_contain_text("Überwachung für 1 Tenant ausschalten?")
    expect(question).to_contain_text("Es werden keine Engpässe mehr gemeldet für: Spedition Nord.")
    assert eventful_day.switches("Spedition Nord") == (True, True)
    expect(switch(carla, "Überwachung", "Spedition Nord").and_(carla.locator("[aria-busy]"))).to_be_checked()

    question.get_by_role("button", name="Ausschalten").click()
    expect(carla.get_by_text("Überwachung ausgeschaltet: Spedition Nord.")).to_be_visible()
    assert eventful_day.switches("Spedition Nord") == (True, False)
    expect(switch(carla, "Überwachung", "Spedition Nord")).not_to_be_checked()
    expect(switch(carla, "Überwachung", "Spedition Nord")).to_be_focused()
    expect(switch(carla, "Aktiv", "Spedition Nord")).to_be_checked()
    expect(switch(carla, "Überwachung", "Treuhand Emmen")).to_be_checked()

    carla.get_by_role("button", name="Rückgängig").click()
    expect(carla.get_by_text("Überwachung eingeschaltet: Spedition Nord.")).to_be_visible()
    expect(switch(carla, "Überwachung", "Spedition Nord")).to_be_checked()
    expect(switch(carla, "Überwachung", "Spedition Nord")).to_be_focused()
    assert eventful_day.switches("Spedition Nord") == (True, True)


def test_the_focus_returns_to_the_switch_of_a_tenants_page_after_its_question_and_the_way_back(
    eventful_day: Day, open_browser: OpenBrowser
):
    carla = open_browser("/tenant?tenant=spedition-nord", account="carla")
    carla.get_by_role("button", name="Überwachung ausschalten").click()
    carla.get_by_role("dialog").get_by_role("button", name="Ausschalten").click()
    expect(carla.get_by_role("button", name="Überwachung einschalten")).to_be_focused()

    carla.get_by_role("button", name="Rückgängig").press("Enter")
    expect(carla.get_by_role("button", name="Überwachung ausschalten")).to_be_focused()


def test_a_switch_that_somebody_set_in_sharepoint_meanwhile_is_not_overwritten(
    eventful_day: Day, open_browser: OpenBrowser
):
    carla = open_browser("/monitoring", account="carla")
    row = eventful_day.listed("Holzbau Muster")
    assert row is not None
    eventful_day.office.sharepoint.tenants.update(row.id, {"monitoring": False})
    version = row.version

    switch(carla, "Aktiv", "Holzbau Muster").click()
    carla.get_by_role("dialog").get_by_role("button", name="Ausschalten").click()

    message = carla.get_by_role("alert").filter(has_text="Holzbau Muster wurde in SharePoint inzwischen geändert")
    expect(message).to_contain_text("Jetzt gilt: aktiv, nicht überwacht.")
    assert (eventful_day.switches("Holzbau Muster"), row.version) == ((True, False), version)
    expect(switch(carla, "Überwachung", "Holzbau Muster")).not_to_be_checked()
    expect(switch(carla, "Aktiv", "Holzbau Muster")).to_be_checked()


def test_the_browser_keeps_no_figure_and_no_name(anna: Page):
    for name in ("Alle Tenants", "Start"):
        open_from_menu(anna, name)

    kept = anna.evaluate(
        """async () => JSON.stringify([
            {...localStorage}, {...sessionStorage}, document.cookie, (await indexedDB.databases()).map((db) => db.name),
            window.caches ? await caches.keys() : [],
        ])"""
    )

    assert [word for word in ("Höri", "Chur", "Rheintal", "anna", "SPB") if word in kept] == []


def test_a_question_is_left_with_escape_and_nothing_has_changed(day: Day, open_browser: OpenBrowser):
    carla = open_browser("/monitoring", account="carla")
    switch(carla, "Aktiv", "Spedition Nord").focus()
    carla.keyboard.press("Space")
    carla.get_by_role("dialog").press("Escape")

    expect(carla.get_by_role("dialog")).to_have_count(0)
    expect(switch(carla, "Aktiv", "Spedition Nord").and_(carla.locator(":not([aria-busy])"))).to_be_checked()
    expect(switch(carla, "Aktiv", "Spedition Nord")).to_be_focused()
    assert day.switches("Spedition Nord") == (True, True)


def test_a_tenant_that_is_not_in_the_list_comes_into_it_after_a_question(eventful_day: Day, open_browser: OpenBrowser):
    carla = open_browser("/monitoring", account="carla")
    expect(carla.get_by_text("Mit Profil, aber nicht in der Tenantliste")).to_be_visible()
    assert eventful_day.listed(UNLISTED) is None

    carla.get_by_role("button", name="In Liste aufnehmen").click()
    question = carla.get_by_role("dialog")
    expect(question).to_contain_text(UNLISTED)
    question.get_by_role("button", name="In Liste aufnehmen").click()

    expect(carla.get_by_text(f"Gespeichert: {UNLISTED}.")).to_be_visible()
    expect(carla.get_by_text("Mit Profil, aber nicht in der Tenantliste")).to_have_count(0)
    assert eventful_day.switches(UNLISTED) == (True, True)
    expect(switch(carla, "Überwachung", UNLISTED)).to_be_checked()


# The end of the day


def test_sign_out_ends_every_tab_and_nothing_works_any_more(anna: Page, day: Day):
    other = anna.context.new_page()
    other.goto(f"{day.url}/alle-tenants?q=visio")
    expect(other.get_by_text(f"1 von {LICENSES} Zeilen")).to_be_visible()
    other.wait_for_load_state("networkidle")  # what is still to come would be refused after the sign-out
    cookies = {cookie["name"]: cookie["value"] for cookie in anna.context.cookies()}

    anna.get_by_role("link", name="Abmelden").click()
    anna.get_by_role("button", name="Abmelden").click()

    for tab in (anna, other):
        expect(tab).to_have_url(re.compile(r"/login"))
        expect(tab.get_by_label("Passwort")).to_be_visible()
    for path in ("/", "/alle-tenants", "/tenant?tenant=treuhand-emmen", "/monitoring"):
        other.goto(f"{day.url}{path}")
        expect(other.get_by_label("Passwort")).to_be_visible()
        kept = requests.get(f"{day.url}{path}", cookies=cookies, allow_redirects=False, timeout=10)
        assert (kept.status_code, kept.headers["location"].partition("?")[0]) == (303, "/login")


# For everybody


def test_german_is_the_language_until_english_is_chosen_which_stays(open_browser: OpenBrowser):
    anna = open_browser(account="anna", locale="en-US")
    expect(anna.get_by_role("heading", level=1)).to_have_text("4 Engpässe in 4 Tenants.")
    expect(anna.locator("html")).to_have_attribute("lang", "de")

    anna.get_by_role("link", name="English", exact=True).click()
    expect(anna.get_by_role("heading", level=1)).to_have_text("4 shortages in 4 tenants.")
    anna.reload()
    expect(anna.get_by_role("heading", level=1)).to_have_text("4 shortages in 4 tenants.")
    open_from_menu(anna, "All tenants")
    assert header_of(table(anna, "All tenants"))[:3] == ["State", "Tenant", "Product"]
    open_from_menu(anna, "Monitoring")
    expect(anna.get_by_role("heading", level=1)).to_have_text("Monitoring")
    anna.reload()
    expect(anna.locator("html")).to_have_attribute("lang", "en")


def test_the_jump_box_opens_any_place_by_keyboard_alone(anna: Page):
    box, field = (
        anna.get_by_role("dialog", name="Tenant, Produkt, Ansicht oder Seite öffnen"),
        anna.get_by_role("combobox").first,
    )
    anna.get_by_role("button", name="Suchen").focus()
    anna.keyboard.press("Control+k")
    expect(field).to_be_focused()
    anna.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(anna.get_by_role("button", name="Suchen")).to_be_focused()

    anna.keyboard.press("/")
    anna.keyboard.type("a")
    anna.keyboard.press("/")  # in a field it is a sign like any other
    expect(field).to_have_value("a/")
    field.fill("bau  AG")
    expect(box.get_by_role("status")).to_have_text("2 Treffer")  # the tenant, and its case
    expect(box.get_by_role("option").first).to_have_text("Bau AG ChurTenant")
    field.fill("tenant")
    expect(box.get_by_role("option")).to_have_text(["TenantSeite", "Alle TenantsSeite"])
    assert axe_violations(anna) == []
    anna.keyboard.press("ArrowDown")
    expect(box.get_by_role("option", selected=True)).to_have_text("Alle TenantsSeite")
    expect(field).to_have_attribute("aria-activedescendant", "jb-1")
    anna.evaluate("() => { window.neverLeft = true }")
    anna.keyboard.press("Enter")
    expect(anna.get_by_role("heading", level=1)).to_have_text("Alle Tenants")

    anna.keyboard.press("Control+k")
    anna.keyboard.type("hori schule")
    anna.keyboard.press("Enter")
    expect(anna.get_by_role("heading", level=1)).to_have_text("Schule Höri")
    expect(anna).to_have_url(re.compile("/tenant\\?tenant=schule-hoeri$"))
    assert anna.evaluate("window.neverLeft")  # no page was loaded anew


def test_views_are_kept_by_keyboard_alone(open_browser: OpenBrowser, eventful_day: Day):
    bruno = open_browser("/alle-tenants?state=over", account="bruno")
    menu = bruno.get_by_role("button", name="Ansicht", exact=False).first
    expect(bruno.get_by_role("button", name="Suchen")).to_be_visible()  # its script also keeps the focus of menus
    menu.focus()
    bruno.keyboard.press("Enter")
    expect(bruno.get_by_role("menuitem", name="Ansicht speichern")).to_be_focused()
    bruno.keyboard.press("Enter")
    expect(bruno.get_by_role("dialog", name="Ansicht speichern")).to_be_visible()
    bruno.keyboard.press("Escape")
    expect(menu).to_be_focused()

    bruno.keyboard.press("Enter")
    expect(bruno.get_by_role("menuitem", name="Ansicht speichern")).to_be_focused()
    bruno.keyboard.press("Enter")
    bruno.get_by_label("Name der Ansicht").focus()
    bruno.keyboard.type("Überbelegt")
    assert axe_violations(bruno) == []
    bruno.get_by_role("dialog").get_by_role("button", name="Speichern", exact=True).press("Enter")
    expect(bruno.get_by_text("Ansicht gespeichert: Überbelegt.")).to_be_visible()
    expect(menu).to_contain_text("Ansicht: Überbelegt")

    open_from_menu(bruno, "Regeln")
    bruno.keyboard.press("Control+k")
    bruno.keyboard.type("uberb")
    expect(bruno.get_by_role("option", selected=True)).to_have_text("ÜberbelegtAnsicht")
    bruno.keyboard.press("Enter")
    expect(bruno).to_have_url(f"{eventful_day.url}/alle-tenants?state=over")


def test_questions_results_and_messages_are_accessible(eventful_day: Day, open_browser: OpenBrowser):
    carla = open_browser("/monitoring", account="carla")
    switch(carla, "Überwachung", "Spedition Nord").click()
    expect(carla.get_by_role("dialog")).to_be_visible()
    assert violations(carla) == []
    carla.get_by_role("dialog").get_by_role("button", name="Ausschalten").click()
    expect(carla.get_by_text("Überwachung ausgeschaltet: Spedition Nord.")).to_be_visible()
    assert violations(carla) == []

    eventful_day.take_consent("Holzbau Muster")
    with eventful_day.unanswered("Spedition Nord"):
        carla.get_by_role("button", name="Aktualisieren", exact=True).click()
        carla.mouse.move(0, 0)  # the help of a button stands outside of the landmarks
        expect(carla.get_by_text("Tenants werden gelesen: 7 von 8")).to_be_visible()
        assert violations(carla) == []
    expect(carla.get_by_text("Aktualisiert: 7 von 8 Tenants")).to_be_visible()
    assert violations(carla) == []
    for path in ("/", "/tenant?tenant=holzbau-muster"):
        carla.goto(f"{eventful_day.url}{path}")
        settled(carla)
        expect(carla.get_by_text("Die Berechtigung für subscribedSkus fehlt").first).to_be_visible()
        assert (path, violations(carla)) == (path, [])
