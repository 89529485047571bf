"""docs/anleitung.md, followed to the letter: from an empty installation to the first message about a shortage."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import pytest

from core.cache.tenant_rows import tenant_rows
from simulator.portal import LICENSES_READ
from tests.list_provider import Provider
from tests.served import ROOT

GUIDE = ROOT / "docs" / "anleitung.md"
PROMPT = "$ python -m core "
NAME, SLUG = "Schule Höri", "schule-hoeri"


class Follower:
    """An operator who reads the guide and does what it says between its commands."""

    def __init__(self, operator: Provider) -> None:
        self.provider, self.m365 = operator, operator.m365
        self.customer = self.m365.add_customer(NAME, {"SPB": (10, 10), "SPE_E3": (5, 1)}, domain="schule-hoeri.example")
        self.client_id = ""
        self.root = self.m365.profiles_dir.parent

    def after(self, command: str) -> None:
        """Do what the guide says after this command, by hand, in Microsoft's portals."""
        portal, site = self.m365.portal, self.provider.site
        if command.startswith("tenant add"):
            self.client_id = portal.register_app(self.customer)
            portal.upload(self.customer, (self.root / f"certs/{SLUG}/mycert_{SLUG}.cer").read_bytes())
            portal.consent(self.customer, LICENSES_READ)
        elif command.startswith("cert new sp-support"):
            portal.upload(site, (self.root / "certs/sp-support/mycert_sp-support.cer").read_bytes())
        elif command.startswith("lists provision"):
            site.grant = "write"
        elif command.startswith("flow export"):
            for package in sorted((self.provider.folder / "flows").glob("*.zip")):
                self.m365.flow.install(package)

    def filled(self, command: str) -> list[str]:
        """Return the words of a command with what the guide leaves to the reader."""
        site = self.provider.site
        own: Mapping[str, str] = {"<Anwendungs-ID>": self.client_id}
        if command.startswith("lists"):
            own = {
                "<Anwendungs-ID>": site.client_id,
                "<Verzeichnis-ID>": site.tenant_id,
                "https://firma.sharepoint.com/sites/support": self.provider.url,
            }
        for shown, real in own.items():
            command = command.replace(shown, real)
        return shlex.split(command)


def commands() -> list[str]:
    """Return the commands of the guide that begin with a prompt, in their order."""
    lines = [line.strip() for line in GUIDE.read_text("utf-8").splitlines()]
    return [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]


def test_the_guide_leads_from_nothing_to_the_first_message(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Follower(provider)
    monkeypatch.chdir(provider.folder)
    for command in commands():
        code, said = provider.command(*reader.filled(command))
        assert code == 0, f"{command}: {said}"
        reader.after(command)

    provider.m365.flow.run()

    assert [message.tenant for message in provider.m365.flow.messages] == [NAME]
    assert provider.command("sync")[0] == 0
    provider.m365.flow.run()
    assert len(provider.m365.flow.messages) == 1
    with provider.office() as office:
        (row,) = tenant_rows(office.engine).values()
        assert (row.name, row.listed, row.monitored, row.failing_since) == (NAME, True, True, None)
        assert [row["technician_informed"] for row in office.rows()] == [True, False]
