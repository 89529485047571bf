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

import pytest
from sqlalchemy import Engine

from core.cache.run_rows import Run, run
from core.refresh.refresher import Refresher
from core.refresh.services import open_services
from core.roles import schedule_actor
from core.runtime import open_engine
from core.settings import Settings, load_settings
from simulator import Microsoft365
from simulator.site import SharePoint
from tests.served import server_process

PARAMETERS = {
    "sendermail": "lizenzen@contoso.example",
    "recipientmail": "support@contoso.example",
    "communication": "E-Mail",
}

# For what stands in the lists: others run the same statements on both databases, `make postgresql` these on a server.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Office:
    """The product with its database, and `m365`, the simulated Microsoft 365; `sharepoint` is the site there.

    With `sharepoint` it is a further installation that uses the lists of an office that is there already.
    """

    def __init__(self, folder: Path, m365: Microsoft365, sharepoint: SharePoint | None = None, **settings: str) -> None:
        self.m365 = m365
        self.sharepoint = sharepoint or m365.add_sharepoint(parameters=PARAMETERS)
        self.ahead = timedelta(0)
        environment = m365.environment() | {"LIZENZTOOL_DATA_DIR": str(folder / "data"), **settings}
        self.settings: Settings = load_settings(environment, None)
        self.engine: Engine = open_engine(self.settings)
        self.services = open_services(self.engine, self.settings, now=self.now)
        self.refresher = Refresher(self.services)

    @property
    def database(self) -> str:
        """Return the address of the database, for another process; with --postgresql not that of the settings."""
        on_server = self.engine.dialect.name == "postgresql"
        return self.engine.url.render_as_string(hide_password=False) if on_server else self.settings.database

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def later(self, **time: float) -> None:
        """Move the clock of the product forward."""
        self.ahead += timedelta(**time)

    def restart(self) -> None:
        """End the product and start it again with the same database."""
        self.stop()
        self.services = open_services(self.engine, self.settings, now=self.now)
        self.refresher = Refresher(self.services)

    def reopen(self) -> None:
        """Start the product with the database that is in its data folder now."""
        self.engine = open_engine(self.settings)
        self.restart()

    def stop(self) -> None:
        """End the product as a process would end."""
        self.refresher.stop()
        self.services.close()

    def refresh(self, **options: Any) -> dict[str, Any]:
        return self.refresher.run(schedule_actor(), **options)

    def end_of(self, run_id: str) -> Run:
        """Wait for the end of the run, and return it."""
        end = time.monotonic() + 30
        while (found := run(self.engine, run_id)) is None or found.is_open:
            assert time.monotonic() < end, found
            time.sleep(0.01)
        return found

    def settle(self) -> dict[str, Any]:
        """Refresh, let the flow answer, and refresh again if it had something to say; return the last summary."""
        summary = self.refresh()
        return self.refresh() if self.m365.flow.run() else summary

    @property
    def messages(self) -> list[str]:
        """Return "tenant: licence" for every message that the flow has sent."""
        return [f"{message.tenant}: {message.license}" for message in self.m365.flow.messages]

    def rows(self, tenant: str = "") -> list[dict[str, Any]]:
        """Return the rows of the licence list, by the display names of the columns."""
        listing = self.sharepoint.licenses
        names = ["Lizenzname", "Verfügbar", "Gebraucht", "Frei", "tenant"]
        names += ["trigger_inform_supporter", "technician_informed"]
        columns = {name: self.sharepoint.column(name) for name in names}
        rows = [{name: item.fields.get(column) for name, column in columns.items()} for item in listing.items]
        return [row for row in rows if not tenant or row["tenant"] == tenant]

    def row(self, tenant: str) -> dict[str, Any]:
        (row,) = self.rows(tenant)
        return row


@contextmanager
def further_office(folder: Path, first: Office, **settings: str) -> Iterator[Office]:
    """Another installation with the profiles and lists of `first`, and a database of its own in `folder`."""
    office = Office(folder, first.m365, first.sharepoint, **settings)
    try:
        yield office
    finally:
        office.stop()
        office.engine.dispose()


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
def product_process(office: Office, folder: Path, port: int, *, before: str = "pass") -> Iterator[str]:
    """`python app.py` with the data of `office`; it refreshes only when somebody asks for it.

    `before` is what the process executes first.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    environment |= office.m365.environment() | {
        "LIZENZTOOL_DATA_DIR": str(office.settings.data_dir),
        "LIZENZTOOL_DATABASE_URL": office.database,
        "LIZENZTOOL_LOG_DIR": str(folder / "logs"),
        "LIZENZTOOL_PORT": str(port),
        "LIZENZTOOL_DEMO": "off",
        "LIZENZTOOL_REFRESH_MINUTES": "0",
    }
    script = f'{before}\nimport runpy, sys\nsys.argv = ["app.py"]\nrunpy.run_path("app.py", run_name="__main__")'
    with server_process([sys.executable, "-c", script], port, folder, environment) as url:
        yield url
