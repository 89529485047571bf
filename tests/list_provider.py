"""An operator who lets the product make the lists on a SharePoint site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from simulator import Microsoft365
from simulator.site import HOST, SharePoint
from tests.loggers import restored_loggers
from tests.office import Office


class Provider:
    """An operator with an empty site, whose application has full control of it for a moment."""

    def __init__(self, folder: Path, m365: Microsoft365, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.m365, self._capsys, self._monkeypatch, self.folder = m365, capsys, monkeypatch, folder
        self.environment = {**m365.environment(), "LIZENZTOOL_DATA_DIR": str(folder / "data")}
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        self.site = self.add_site("support", empty=True)

    def add_site(self, name: str, **options: Any) -> SharePoint:
        """Make another site the one that this is about."""
        for profile in (self.m365.profiles_dir / "sharepoint").glob("*.json"):
            profile.unlink()
        self.site = self.m365.add_sharepoint(name, **options)
        self.site.profile_path.unlink(missing_ok=True)
        self.site.grant = "fullcontrol"
        return self.site

    def move(self, data: Path) -> None:
        """Work with another database from now on."""
        self._monkeypatch.setenv("LIZENZTOOL_DATA_DIR", str(data))

    @property
    def url(self) -> str:
        return f"https://{HOST}{self.site.path}"

    @property
    def profile(self) -> Path:
        return self.site.profile_path

    @property
    def infos(self) -> dict[str, Any]:
        """Return what the profile says about the lists."""
        infos: dict[str, Any] = json.loads(self.profile.read_text("utf-8"))["sharepoint_infos"]
        return infos

    @property
    def credentials(self) -> list[str]:
        cert = self.site.cert_path
        return ["--tenant-id", self.site.tenant_id, "--client-id", self.site.client_id, "--cert", str(cert)]

    def arguments(self, *options: str, url: str = "") -> list[str]:
        given = [] if self.profile.exists() else self.credentials
        return ["lists", "provision", "--site", url or self.url, *given, *options]

    def provision(self, *options: str, url: str = "") -> tuple[int, str]:
        """Return exit code and everything that was said."""
        return self.command(*self.arguments(*options, url=url))

    def command(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()
        with restored_loggers():
            code = main(arguments)
        said = self._capsys.readouterr()
        return code, said.out + said.err

    @contextmanager
    def office(self) -> Iterator[Office]:
        """The product at work with the lists of this site."""
        office = Office(self.folder, self.m365, self.site)
        try:
            yield office
        finally:
            office.stop()
            office.engine.dispose()


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Provider]:
    with Microsoft365(tmp_path / "m365") as m365:
        yield Provider(tmp_path, m365, monkeypatch, capsys)


def shape(site: SharePoint) -> dict[str, Any]:
    """Return all that a person sees of the lists: titles, columns with all their settings, items with versions."""
    return {
        items.title: (
            items.template,
            {name: column.row(items.id) for name, column in items.columns.items()},
            [(item.id, item.version, dict(item.fields)) for item in items.items],
        )
        for items in site.lists
    }
