"""From an empty installation to a tenant that is read, on the page; the clicks are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from core.cache.onboarding_rows import find_onboarding
from core.cache.tenant_rows import tenant_rows
from simulator.portal import LICENSES_READ
from tests.browser import settled, sign_in, violations, watch
from tests.office import Office, open_office, product_process
from tests.people import add_person
from tests.served import PASSWORD, free_port
from tests.test_onboarding import SKUS, customer

pytestmark = pytest.mark.browser
MOST_CLICKS = 4  # to a tenant that is read, without those in Microsoft's portal


@dataclass
class Clicks:
    """The buttons and links that were clicked on our own pages."""

    page: Page
    names: list[str] = field(default_factory=list)

    def on(self, name: str, role: str = "button") -> None:
        self.names.append(name)
        main = self.page.get_by_test_id("stMain")
        main.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, str]]:
    """The running product without any tenant, and its address."""
    folder = tmp_path_factory.mktemp("empty")
    with open_office(folder) as office:
        office.m365.add_customer("Schule Höri", SKUS, domain="hoeri.example")
        add_person(office.engine, "carla", PASSWORD, "admin")
        with product_process(office, folder, free_port()) as url:
            yield office, url


def in_the_portal(office: Office, cer: Path) -> str:
    """What a person does in Entra before the consent."""
    portal, tenant = office.m365.portal, customer(office)
    client_id = portal.register_app(tenant)
    portal.upload(tenant, cer.read_bytes())
    return client_id


def test_from_nothing_to_a_tenant_that_is_read(
    empty: tuple[Office, str], context: BrowserContext, tmp_path: Path
) -> None:
    office, url = empty
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{url}/login?lang=de")
    sign_in(page, "carla", PASSWORD)
    complaints, clicks = watch(context, url), Clicks(page)

    clicks.on("Tenant aufnehmen")
    expect(page.locator("h1")).to_have_text("Tenant aufnehmen")
    page.get_by_label("Name", exact=True).fill("Schule Höri")
    page.get_by_label("Tenant-ID oder Domäne").fill("hoeri.example")
    page.keyboard.press("Tab")
    clicks.on("Beginnen")
    expect(page.get_by_text("App-Registrierung – offen")).to_be_visible()
    settled(page)
    assert violations(page) == []
    with page.expect_download() as download:
        clicks.on("Öffentlichen Teil herunterladen")
    download.value.save_as(tmp_path / "public.cer")
    assert b"PRIVATE" not in (tmp_path / "public.cer").read_bytes()
    page.get_by_label("Anwendungs-ID (Client)").fill(in_the_portal(office, tmp_path / "public.cer"))
    page.keyboard.press("Tab")
    clicks.on("Weiter")
    expect(page.get_by_text("Zustimmung – wartet")).to_be_visible()
    expect(page.get_by_text("Microsoft braucht nach Hochladen und Zustimmung")).to_be_visible()
    office.m365.portal.consent(customer(office))  # and nobody clicks: it tries by itself

    expect(page.get_by_text("Erstes Lesen – erledigt")).to_be_visible()
    expect(
        page.get_by_text("davon mit Engpass: 2 (Microsoft 365 Business Premium, Power BI Pro)").first
    ).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert len(clicks.names) <= MOST_CLICKS, clicks.names
    (row,) = tenant_rows(office.engine).values()
    assert row.last_read_at is not None
    assert complaints == []

    page.get_by_role("link", name="Tenant ansehen").click()
    expect(page.get_by_text("Es ging dafür keine einzelne Meldung hinaus").first).to_be_visible()
    page.get_by_role("button", name="Zur Kenntnis genommen").click()
    expect(page.get_by_text("Es ging dafür keine einzelne Meldung hinaus")).to_have_count(0)
    assert find_onboarding(office.engine, "schule-hoeri").seen_by == "carla"  # type: ignore[union-attr]


def test_a_certificate_is_renewed_by_hand_on_the_page(empty: tuple[Office, str], context: BrowserContext) -> None:
    office, url = empty
    tenant = office.m365.add_tenant("Bau AG Chur", SKUS, permissions={LICENSES_READ}, certificate_days=6)
    office.refresh()
    page = context.new_page()
    page.goto(f"{url}/login?lang=de")
    sign_in(page, "carla", PASSWORD)
    complaints = watch(context, url)

    page.get_by_text("Jetzt erneuern").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Neues Zertifikat machen").click()
    expect(dialog.get_by_text("darf ihre Schlüssel nicht selbst ändern")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Öffentlichen Teil herunterladen").click()
    public = download.value.path().read_bytes()
    assert b"PRIVATE" not in public
    settled(page)
    assert violations(page) == []
    office.m365.portal.upload(tenant, public)
    dialog.get_by_role("button", name="Hochgeladen, weiter").click()
    expect(dialog.get_by_text("Alt, liegt noch bereit")).to_be_visible()
    office.refresh()
    dialog.get_by_role("button", name="Altes löschen").click()

    expect(dialog.get_by_text("Das Zertifikat ist erneuert.")).to_be_visible()
    expect(dialog.get_by_text("noch von Hand zu löschen")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Zertifikat noch 729 Tage")).to_be_visible()
    assert complaints == []
