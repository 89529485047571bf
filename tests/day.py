"""The support team's day: the product in a process of its own, Microsoft 365 in the box, and browsers for the team."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import delete

from core.access import passwords
from core.access.sessions import start_session
from core.cache.schema import rules, saved_views
from simulator import Fault
from simulator.lists import Item
from simulator.tenants import SkuValue, Tenant
from simulator.world import ORGANIZATION_READ
from tests.browser import settled
from tests.office import Office, open_office, product_process
from tests.people import CHEAP, add_person
from tests.served import PASSWORD, free_port
from tests.windows import Window, Windows

TEAM = {"anna": "support", "bruno": "support", "carla": "admin"}
# What the tenants hold every morning: (available, used). Four licences are short: one each in the first four tenants.
TENANTS: dict[str, dict[str, SkuValue]] = {
    "Schule Höri": {"M365EDU_A3_FACULTY": (40, 40), "M365EDU_A3_STUUSEBNFT": (480, 322), "FLOW_FREE": (10_000, 12)},
    "Bau AG Chur": {"O365_BUSINESS_PREMIUM": (35, 38), "VISIOCLIENT": (4, 3), "PROJECTPROFESSIONAL": (5, 1)},
    "Logistik Rheintal": {"MCOEV": {"enabled": 0, "consumed": 11, "warning": 12}, "SPB": (30, 12)},
    "+Plus Pflege": {"SPB": (9, 9)},
    "Treuhand Emmen": {"SPB": (24, 20), "POWER_BI_PRO": (8, 2)},
    "Holzbau Muster": {"SPB": (12, 4)},
    "Spedition Nord": {"SPB": (18, 11), "EXCHANGEDESKLESS": (40, 31)},
    "Kita Sternschnuppe": {"O365_BUSINESS_ESSENTIALS": (14, 9)},
}
LICENSES = sum(len(skus) for skus in TENANTS.values())
UNLISTED = "Kita Sternschnuppe"
PREMIUM = "Microsoft 365 Business Premium"


@dataclass
class Day:
    """The running product at `url`, and the world around it."""

    url: str
    office: Office

    def tenant(self, name: str) -> Tenant:
        return self.office.m365.find_tenant(name)

    def listed(self, name: str) -> Item | None:
        """The row of a tenant in the SharePoint tenant list."""
        found = self.office.sharepoint.tenants.find(Title=name)
        return found[0] if found else None

    def switches(self, name: str) -> tuple[bool, bool]:
        """Active and monitored, as a person sees it in SharePoint."""
        row = self.listed(name)
        assert row is not None
        return row.fields["enabled"], row.fields["monitoring"]

    def dawn(self) -> None:
        """All numbers, switches and rules as they are every morning, read and told, and no saved views."""
        with self.office.engine.begin() as connection:
            connection.execute(delete(rules))
            connection.execute(delete(saved_views))
        lists = self.office.sharepoint
        self.office.m365.expire_tokens()
        for item in lists.tenants.items:
            lists.tenants.delete(item.id)
        for name, skus in TENANTS.items():
            tenant = self.tenant(name)
            tenant.permissions = {ORGANIZATION_READ}
            tenant.set_skus(skus)
            if name != UNLISTED:
                lists.list_tenant(tenant, enabled=True, monitoring=True)
        self.office.settle()

    def take_consent(self, name: str) -> None:
        """An administrator of the tenant takes the permission away, and no token that still has it is left."""
        self.tenant(name).permissions = set()
        self.office.m365.expire_tokens()

    @contextmanager
    def unanswered(self, name: str) -> Iterator[None]:
        """Within this block Microsoft keeps everybody waiting who reads this tenant."""
        go_on = threading.Event()
        self.office.m365.faults.add(
            Fault("GET /subscribedSkus", tenant=self.tenant(name), before=lambda: go_on.wait(60))
        )
        try:
            yield
        finally:
            go_on.set()
            self.office.m365.faults.clear()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """`python app.py` with a data folder of its own; it refreshes only when somebody asks for it."""
    folder, port = tmp_path_factory.mktemp("day"), free_port()
    with open_office(folder) as office:
        for name, skus in TENANTS.items():
            office.m365.add_tenant(name, skus, listed=name != UNLISTED)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(passwords, "COST", CHEAP)
            for account, role in TEAM.items():
                add_person(office.engine, account, PASSWORD, role)
        with product_process(office, folder, port) as url:
            running = Day(url, office)
            running.dawn()
            yield running


@pytest.fixture
def day(product: Day) -> Day:
    """A day on which nothing happens but looking."""
    return product


@pytest.fixture
def eventful_day(product: Day) -> Iterator[Day]:
    """A day on which things happen; afterwards all is as it was in the morning."""
    yield product
    product.dawn()


OpenBrowser = Callable[..., Page]


@pytest.fixture(scope="session")
def windows(browser: Browser, product: Day) -> Windows:
    return Windows(browser, product.url)


@pytest.fixture
def open_browser(day: Day, windows: Windows) -> Iterator[OpenBrowser]:
    """One more browser at this path; with `account` somebody signed in a while ago.

    None of them may complain or ask a foreign host for anything.
    """
    lent: list[Window] = []

    def open_one(path: str = "/", *, account: str = "", **options: Any) -> Page:
        window = windows.lend(**options)
        lent.append(window)
        page = window.page
        if account:
            token = start_session(day.office.engine, account, datetime.now(UTC))
            page.context.add_cookies([{"name": "lizenztool_session", "value": token, "url": day.url}])
        page.goto(f"{day.url}{path}")
        if account:
            settled(page)
        return page

    yield open_one
    complaints = [list(window.complaints) for window in lent]
    for window in lent:
        windows.take_back(window)
    assert complaints == [[] for _ in lent]


@pytest.fixture
def anna(open_browser: OpenBrowser) -> Page:
    """Anna, who has signed in before and looks at the start page."""
    return open_browser(account="anna")


@pytest.fixture
def carla(open_browser: OpenBrowser) -> Page:
    """The one who may also switch."""
    return open_browser(account="carla")
