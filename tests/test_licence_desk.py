"""The day of the licence desk: from the alarm to the delivered licence, in browsers against the real process.

Mails go through a real mail server over TLS; Microsoft 365 is the one in the box.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.access import passwords
from core.access.sessions import start_session
from core.cache.case_lists import CaseFilter, case_page
from core.cache.contact_rows import Contact
from core.cases import distributors
from core.cases.distributors import Article, Distributor
from core.cases.ratings import tell_delivered
from core.roles import Actor
from core.tenants import contacts
from simulator.certificates import server_files
from tests.browser import settled, table, violations, watch
from tests.case_world import ZURICH
from tests.mail_server import MailServer, mail_server
from tests.office import Office, open_office, product_process
from tests.people import CHEAP, add_person
from tests.served import PASSWORD, free_port
from tests.test_messages import keep, smtp

pytestmark = pytest.mark.browser

SCHOOL, PART, PRODUCT = "Schule Höri", "M365EDU_A3_FACULTY", "Microsoft 365 A3"
CARLA = Actor("carla", "admin", "page", "Carla")
DESK, HEADMASTER, SHOP = "lizenzen@example.ch", "leitung@example.ch", "bestellung@example.ch"
PHONE = {"width": 390, "height": 844}


@dataclass
class Desk:
    """The running product at `url`, and the mail server that it uses."""

    url: str
    office: Office
    mails: MailServer

    def mail_to(self, address: str) -> EmailMessage:
        """Wait for the newest mail to this address, and return it."""
        end = time.monotonic() + 30
        while not (found := [mail for mail in self.mails.mails if address in str(mail["To"])]):
            assert time.monotonic() < end, self.mails.subjects
            time.sleep(0.02)
        return found[-1]

    def link_to(self, path: str) -> str:
        """Wait for the mail to the headmaster with a link below this path, and return the link."""
        end = time.monotonic() + 30
        while not (found := re.findall(rf"https?://\S+{path}\S+", self.mail_to(HEADMASTER).get_content())):
            assert time.monotonic() < end, self.mails.subjects
            time.sleep(0.02)
        return str(found[0])


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A school with one licence left, its headmaster, a distributor, and the mail server of the house."""
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    monkeypatch.setattr(passwords, "COST", CHEAP)
    with open_office(folder) as office:
        tenant = office.m365.add_tenant(SCHOOL, {PART: (40, 39)})
        authority, server = server_files(office.m365.folder / "tls")
        with mail_server((server, server, authority)) as mails:
            office.settle()
            add_person(office.engine, "anna", PASSWORD, "support")
            keep(office.engine, smtp(mails.port))
            head = Contact("", tenant.tenant_id, "Petra Muster", HEADMASTER)
            contacts.add(office.engine, CARLA, head, datetime.now(UTC))
            lines = "{% for line in lines %}{{ line.quantity }} x {{ line.article }}\n{% endfor %}"
            shop = Distributor(
                name="Muster Handel", address=SHOP, articles={PART: Article("A3-FAC")}, body=lines,
                subject="Bestellung {{ order_key }}",
            )  # fmt: skip
            distributors.keep(office.engine, CARLA, shop)
            with product_process(office, folder, port) as url:
                yield Desk(url, office, mails)


@pytest.fixture
def anna(browser: Browser, desk: Desk) -> Iterator[Page]:
    """Anna of the licence desk, at her browser."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, locale="de-CH") as context:
        complaints = watch(context, desk.url)
        token = start_session(desk.office.engine, "anna", datetime.now(UTC))
        context.add_cookies([{"name": "lizenztool_session", "value": token, "url": desk.url}])
        page = context.new_page()
        page.goto(desk.url)
        settled(page)
        yield page
        assert complaints == []


def refresh(page: Page) -> None:
    """Press the button, and wait for the figures of this refresh."""
    page.get_by_role("button", name="Aktualisieren", exact=True).click()
    expect(page.get_by_text(re.compile("Aktualisiert|aktualisiert")).first).to_be_visible()
    settled(page)


def press(place: Page | Locator, name: str) -> None:
    place.get_by_role("button", name=name, exact=True).click()


def open_case(page: Page, desk: Desk, number: str) -> None:
    page.goto(f"{desk.url}/fall?nummer={number}")
    settled(page)


def test_the_day_of_the_licence_desk(desk: Desk, anna: Page, browser: Browser) -> None:
    tenant = desk.office.m365.find_tenant(SCHOOL)

    # The last licence is given away: the desk is told, and takes the case on Start.
    tenant.set_skus({PART: (40, 40)})
    refresh(anna)
    assert SCHOOL in str(desk.mail_to(DESK)["Subject"])
    shortages = table(anna, "Engpässe jetzt")
    shortages.get_by_text("Übernehmen", exact=True).click()
    expect(shortages).to_contain_text("anna")
    (listed,) = case_page(desk.office.engine, CaseFilter(), limit=9)[0]
    number = listed.case.number

    # The customer is asked for five, by a mail with a link.
    open_case(anna, desk, number)
    press(anna, "Kunde anfragen")
    wanted = anna.get_by_role("dialog").get_by_label(re.compile("^Anzahl"))
    wanted.fill("5")
    wanted.press("Tab")
    press(anna.get_by_role("dialog"), "Kunde anfragen")
    expect(anna.get_by_text(f"Fall {number}: Kunde angefragt.")).to_be_visible()
    link = desk.link_to("/freigabe/")

    # She approves three of them on her phone, whose browser runs no scripts.
    with browser.new_context(viewport=PHONE, locale="de-CH", java_script_enabled=False) as context:
        phone = context.new_page()
        phone.goto(f"{desk.url}{urlsplit(link).path}")
        phone.get_by_label("Ja", exact=False).check()
        phone.get_by_label(re.compile("^Anzahl")).fill("3")
        phone.get_by_label(re.compile("Name")).fill("Petra Muster")
        phone.get_by_role("button").click()
        expect(phone.get_by_role("main")).to_contain_text("3 × Microsoft 365 A3")

    # The order goes out as a mail.
    open_case(anna, desk, number)
    press(anna, "Bestellen")
    press(anna.get_by_role("dialog"), "Bestellung senden")
    expect(anna.get_by_text(f"Zu Fall {number} bestellt.")).to_be_visible()
    order = desk.mail_to(SHOP)
    assert "3 x A3-FAC" in order.get_content()
    assert number in str(order["Subject"])

    # Two licences come, then the third: the case closes itself.
    tenant.set_skus({PART: (42, 40)})
    refresh(anna)
    open_case(anna, desk, number)
    expect(anna.get_by_role("heading", level=1)).to_contain_text("teilweise geliefert")
    tenant.set_skus({PART: (43, 40)})
    refresh(anna)
    open_case(anna, desk, number)
    expect(anna.get_by_role("heading", level=1)).to_contain_text("abgeschlossen")
    expect(anna.get_by_text("3 von 3 geliefert")).to_be_visible()
    assert violations(anna) == []

    # The customer hears of it, and rates on her phone.
    tell_delivered(desk.office.engine, ZURICH, desk.url, datetime.now(UTC))  # what the product does once a minute
    link = desk.link_to("/bewertung/")
    with browser.new_context(viewport=PHONE, locale="de-CH", java_script_enabled=False) as context:
        phone = context.new_page()
        phone.goto(f"{desk.url}{urlsplit(link).path}")
        phone.get_by_label("4", exact=False).check()
        phone.get_by_role("button").click()
        expect(phone.get_by_role("heading", level=1)).to_contain_text("Vielen Dank")

    # The figures know the case, and nobody was written to twice.
    anna.goto(f"{desk.url}/auswertung")
    settled(anna)
    expect(anna.get_by_text(re.compile("^1 Fall wurde beendet"))).to_be_visible()
    expect(anna.get_by_text("1 Bewertung")).to_be_visible()
    assert [str(mail["To"]) for mail in desk.mails.mails] == [DESK, HEADMASTER, DESK, SHOP, DESK, DESK, HEADMASTER]
