"""A support office for tests: Microsoft 365 in a box, and the product pointed at it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from core.cache.run_rows import Run, run
from core.refresh.refresher import Refresher
from core.refresh.services import open_services
from core.roles import schedule_actor
from core.runtime import open_engine
from core.settings import Settings, load_settings
from simulator import Microsoft365
from tests.served import server_process

PARAMETERS = {
    "sendermail": "lizenzen@contoso.example",
    "recipientmail": "support@contoso.example",
    "communication": "E-Mail",
}


class Office:
    """`m365` is the outer world, `sharepoint` its site with the lists; `refresh()` is what the schedule does."""

    def __init__(self, folder: Path, m365: Microsoft365, **settings: str) -> None:
        self.m365 = m365
        self.sharepoint = m365.add_sharepoint(parameters=PARAMETERS)
        self.ahead = timedelta(0)
        environment = m365.environment() | {"LIZENZTOOL_DATA_DIR": str(folder / "data"), **settings}
        self.settings: Settings = load_settings(environment, None)
        self.engine: Engine = open_engine(self.settings)
        self.services = open_services(self.engine, self.settings, now=self.now)
        self.refresher = Refresher(self.services)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def later(self, **time: float) -> None:
        """Let time pass for the product."""
        self.ahead += timedelta(**time)

    def restart(self) -> None:
        """The process ends and another one comes; the database stays."""
        self.stop()
        self.services = open_services(self.engine, self.settings, now=self.now)
        self.refresher = Refresher(self.services)

    def stop(self) -> None:
        """The process ends."""
        self.refresher.stop()
        self.services.close()

    def refresh(self, **options: Any) -> dict[str, Any]:
        return self.refresher.run(schedule_actor(), **options)

    def end_of(self, run_id: str) -> Run:
        """Return the run once it is over."""
        end = time.monotonic() + 30
        while (found := run(self.engine, run_id)) is None or found.is_open:
            assert time.monotonic() < end, found
            time.sleep(0.01)
        return found

    def settle(self) -> dict[str, Any]:
        """Refresh, let the flow answer, refresh again."""
        self.refresh()
        self.m365.flow.run()
        return self.refresh()

    @property
    def messages(self) -> list[str]:
        """Who was told about: "tenant: licence" for every message of the flow."""
        return [f"{message.tenant}: {message.license}" for message in self.m365.flow.messages]

    def rows(self, tenant: str = "") -> list[dict[str, Any]]:
        """The licence list as a person sees it: display names of the columns."""
        listing = self.sharepoint.licenses
        names = ["Lizenzname", "Verfügbar", "Gebraucht", "Frei", "tenant"]
        names += ["trigger_inform_supporter", "technician_informed"]
        columns = {name: self.sharepoint.column(name) for name in names}
        found = [{name: item.fields.get(column) for name, column in columns.items()} for item in listing.items]
        return [row for row in found if not tenant or row["tenant"] == tenant]

    def row(self, tenant: str) -> dict[str, Any]:
        (row,) = self.rows(tenant)
        return row


@contextmanager
def open_office(folder: Path, **settings: str) -> Iterator[Office]:
    with Microsoft365(folder / "m365") as m365:
        office = Office(folder, m365, **settings)
        try:
            yield office
        finally:
            office.stop()
            office.engine.dispose()


@contextmanager
def product_process(office: Office, folder: Path, port: int) -> Iterator[str]:
    """`python app.py` with the data of `office`; it refreshes only when somebody asks for it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    environment |= office.m365.environment() | {
        "LIZENZTOOL_DATA_DIR": str(office.settings.data_dir),
        "LIZENZTOOL_DATABASE_URL": office.settings.database,
        "LIZENZTOOL_LOG_DIR": str(folder / "logs"),
        "LIZENZTOOL_PORT": str(port),
        "LIZENZTOOL_DEMO": "off",
        "LIZENZTOOL_REFRESH_MINUTES": "0",
    }
    with server_process([sys.executable, "app.py"], port, folder, environment) as url:
        yield url
