"""An admin's day in a real browser: shut somebody out, end sessions, read the audit, switch by keyboard."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from core import audit
from core.access import accounts, api_tokens
from core.cache.rule_rows import all_rules
from core.licenses.alarm_rules import Rule
from core.roles import Actor
from core.tenants.tenant_rules import keep
from tests.actors import ADMIN
from tests.browser import cell, column_of, open_from_menu, settled, sign_in, table, violations
from tests.day import Day, OpenBrowser
from tests.people import add_person
from tests.served import PASSWORD

pytestmark = pytest.mark.browser


def open_administration(page: Page, name: str) -> None:
    page.locator(".st-key-administration").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_test_id("stMain").locator("h1")).to_have_text(name)
    settled(page)


def open_row(page: Page, name: str, row: str) -> Locator:
    """Click the name in a row of the table `name`; the dialog that opens."""
    table(page, name).get_by_role("button", name=row, exact=True).click()
    dialog = page.get_by_role("dialog", name=row)
    expect(dialog).to_be_visible()
    return dialog


def notice(page: Page) -> None:
    expect(page).to_have_url(re.compile(r"/login\?reason=revoked"))
    expect(page.get_by_role("status")).to_have_text("Diese Sitzung wurde beendet.")


def test_whoever_is_disabled_is_at_the_sign_in_at_once_in_every_tab(anna: Page, carla: Page, day: Day) -> None:
    other = anna.context.new_page()
    other.goto(f"{day.url}/alle-tenants")
    settled(other)
    open_administration(carla, "Konten")
    open_row(carla, "Alle Konten", "anna")
    carla.get_by_role("button", name="Sperren").click()
    carla.locator("[class*=st-key-account_now] button").click()

    expect(carla.get_by_text("anna ist gesperrt.")).to_be_visible()
    notice(anna)
    notice(other)
    found = accounts.sign_in(day.office.engine, "anna", PASSWORD, now=datetime.now(UTC))
    assert isinstance(found, accounts.SignInRefused)

    open_row(carla, "Alle Konten", "anna")
    carla.get_by_role("button", name="Zulassen").click()
    expect(carla.get_by_text("anna wieder zulassen?")).to_be_visible()
    carla.locator("[class*=st-key-account_now] button").click()
    expect(carla.get_by_text("anna ist wieder zugelassen.")).to_be_visible()
    sign_in(anna, "anna", PASSWORD)


def test_one_session_is_ended_and_the_other_goes_on(open_browser: OpenBrowser, day: Day) -> None:
    add_person(day.office.engine, "emil", PASSWORD, "viewer")
    first, second = open_browser(account="emil"), open_browser(account="emil")
    carla = open_browser("/konten", account="carla")
    sessions = table(carla, "Offene Sitzungen")
    assert column_of(sessions, "Name").count("emil") == 2

    cell(sessions, "emil", "Browser").first.get_by_role("button").click()  # the upper one, which was used last
    carla.get_by_role("button", name="Diese Sitzung beenden").click()
    expect(carla.get_by_text("Diese Sitzung von emil beenden?")).to_be_visible()
    carla.get_by_label("Eigenes Passwort").fill(PASSWORD)
    carla.get_by_role("button", name="Beenden", exact=True).click()
    expect(carla.get_by_text("Sitzung von emil beendet.")).to_be_visible()

    notice(second)
    open_from_menu(first, "Alle Tenants")
    assert column_of(table(carla, "Offene Sitzungen"), "Name").count("emil") == 1


def test_whoever_may_not_finds_no_way_to_administration(anna: Page) -> None:
    menu = anna.get_by_test_id("stSidebar")
    expect(menu.get_by_role("link", name="Mein Konto")).to_be_visible()
    expect(menu.get_by_role("link", name="Konten")).to_have_count(0)


def test_the_audit_is_downloaded_by_an_admin_alone(anna: Page, day: Day, open_browser: OpenBrowser) -> None:
    carla = open_browser("/protokoll", account="carla")
    seen: list[str] = []
    carla.on("request", lambda request: seen.append(request.url) if "/media/" in request.url else None)
    with carla.expect_download() as download:
        carla.get_by_role("button", name="CSV der Auswahl").click()

    content = Path(download.value.path()).read_text("utf-8-sig")
    assert content.startswith("Nr.;Wann;Wer;Aktion;Ziel;Ergebnis;Änderung")
    assert len(seen) == 1
    cookies = {cookie["name"]: cookie["value"] for cookie in anna.context.cookies()}
    assert requests.get(seen[0], cookies=cookies, timeout=10).status_code == 404
    newest = audit.find(day.office.engine, ADMIN, audit.Search(), limit=1)[0][0]
    assert (newest.action, newest.target, newest.actor) == ("export", "audit", "carla")


def test_the_pages_of_the_audit_are_turned(day: Day, open_browser: OpenBrowser) -> None:
    for number in range(120):
        audit.record(day.office.engine, ADMIN, "test", f"Blatt {number}", at=datetime.now(UTC))
    carla = open_browser("/protokoll?q=blatt", account="carla")
    expect(carla.get_by_text("120 Einträge")).to_be_visible()
    assert column_of(table(carla, "Protokoll der Änderungen"), "Ziel")[0] == "Blatt 119"

    carla.get_by_test_id("stPagination").get_by_text("2", exact=True).click()
    expect(carla).to_have_url(re.compile(r"p=2"))
    expect(cell(table(carla, "Protokoll der Änderungen"), "Blatt 19", "Aktion")).to_have_text("test")
    assert column_of(table(carla, "Protokoll der Änderungen"), "Ziel")[0] == "Blatt 19"

    carla.get_by_role("button", name="Prüfen").click()
    expect(carla.get_by_text(re.compile("Unverändert: "))).to_be_visible()


# Page -> its table, and what the name of the row begins with that is opened.
ROWS = {"regeln": ("Ausnahmen", "Alle Produkte"), "konten": ("Alle Konten", "carla"),
        "programme": ("Zugänge für Programme", "Bericht"), "protokoll": ("Protokoll der Änderungen", "")}  # fmt: skip


def test_a_row_is_opened_and_closed_by_keyboard_and_the_focus_returns(carla: Page, eventful_day: Day) -> None:
    now, engine = datetime.now(UTC), eventful_day.office.engine
    api_tokens.make(engine, Actor("carla", "admin", "page"), "Bericht", "viewer", now + timedelta(days=9), now)
    keep(engine, Rule("", "", "Reserve", "carla", now, threshold=0), ADMIN)
    for page, (name, row) in ROWS.items():
        carla.goto(f"{eventful_day.url}/{page}")
        settled(carla)
        button = table(carla, name).get_by_role("button", name=re.compile(f"^{row}")).first
        button.press("Enter")
        dialog = carla.get_by_role("dialog")
        expect(dialog.locator("dl")).to_be_visible()
        assert (page, violations(carla)) == (page, [])

        carla.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()


def test_the_numbers_of_an_exception_are_those_that_were_typed(open_browser: OpenBrowser, eventful_day: Day) -> None:
    carla = open_browser("/regeln", account="carla")
    carla.get_by_role("button", name="Ausnahme hinzufügen").click()
    dialog = carla.get_by_role("dialog")
    for name, number in (("threshold", "7"), ("warn", "12")):
        dialog.locator(f".st-key-rule_{name} input").fill(number)
        carla.keyboard.press("Tab")
    dialog.locator(".st-key-rule_reason input").fill("Puffer")
    carla.keyboard.press("Tab")
    dialog.get_by_role("button", name="Speichern").click()

    expect(cell(table(carla, "Ausnahmen"), "Alle Produkte", "Grund")).to_have_text("Puffer")
    (rule,) = all_rules(eventful_day.office.engine)
    assert (rule.threshold, rule.warn) == (7, 12)


def test_the_second_factor_is_set_up_with_an_app(open_browser: OpenBrowser, day: Day) -> None:
    add_person(day.office.engine, "dora", PASSWORD, "viewer")
    dora = open_browser("/mein-konto", account="dora")
    dora.get_by_label("Passwort dieses Kontos").fill(PASSWORD)
    dora.get_by_role("button", name="Einrichten").click()
    picture = dora.locator(".st-key-factor_setup img")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 150
    secret = dora.locator(".st-key-factor_setup code").inner_text().strip()

    dora.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    dora.get_by_role("button", name="Bestätigen").click()

    expect(dora.get_by_text("Der zweite Faktor ist eingerichtet.")).to_be_visible()
    expect(dora.locator(".st-key-secret code")).to_be_visible()


def test_the_switches_of_a_tenant_are_set_by_keyboard(eventful_day: Day, open_browser: OpenBrowser) -> None:
    carla = open_browser("/tenant?tenant=spedition-nord", account="carla")
    carla.get_by_role("button", name="Überwachung ausschalten").focus()
    carla.keyboard.press("Enter")
    off = carla.get_by_role("dialog").get_by_role("button", name="Ausschalten")
    expect(off).to_be_visible()
    off.focus()
    carla.keyboard.press("Enter")

    expect(carla.get_by_text("Überwachung ausgeschaltet: Spedition Nord.")).to_be_visible()
    assert eventful_day.switches("Spedition Nord") == (True, False)
    expect(carla.get_by_text("aktiv, nicht überwacht")).to_be_visible()
