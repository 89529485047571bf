"""`python -m core tenant cert`: what it prints, its exit codes, and that no key is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.profiles import certificates
from simulator.portal import LICENSES_READ
from tests.office import Office
from tests.test_rotation import OWN_KEYS, customer
from tests.test_tenant_command import office, run  # noqa: F401 - a fixture

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def small_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "KEY_BITS", certificates.LEAST_BITS)


def test_by_hand_the_clicks_are_said_and_the_same_command_goes_on(office: Office, capsys: Capture) -> None:  # noqa: F811
    app = customer(office, "Bau AG Chur", LICENSES_READ)
    office.refresh()

    assert run("cert", "renew", "bau-ag-chur") == 0
    out = capsys.readouterr().out
    assert [line[:2] for line in out.splitlines() if line[1:3] == ". "] == ["1.", "2.", "3."]
    cer = next(Path(word) for word in out.split() if word.endswith(".cer"))
    assert "Danach: python -m core tenant cert renew bau-ag-chur" in out
    assert "PRIVATE" not in out + cer.read_text()

    assert run("cert", "renew", "bau-ag-chur", "--wait", "0") == 1
    assert "AADSTS700027" in capsys.readouterr().out
    office.m365.portal.upload(app, cer.read_bytes())
    assert run("cert", "renew", "bau-ag-chur") == 0
    assert "in Gebrauch" in capsys.readouterr().out
    assert run("cert", "renew", "bau-ag-chur", "--finish") == 1
    assert "noch nicht gelesen" in capsys.readouterr().err
    office.refresh()
    assert run("cert", "renew", "bau-ag-chur", "--finish") == 0
    assert "noch von Hand zu löschen" in capsys.readouterr().out


def test_json_says_where_each_certificate_stands(office: Office, capsys: Capture) -> None:  # noqa: F811
    customer(office, "Bau AG Chur")
    office.sharepoint.permissions.add(OWN_KEYS)

    assert run("cert", "renew", "bau-ag-chur", "--prepare", "--json") == 0
    prepared = json.loads(capsys.readouterr().out)
    assert (prepared["rotation"]["state"], prepared["rotation"]["way"], prepared["problem"]) == ("prove", "graph", None)
    assert run("cert", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {(one["kind"], one["slug"]): one["rotation"] and one["rotation"]["state"] for one in listed} == {
        ("tenant", "bau-ag-chur"): "prove", ("sharepoint", office.sharepoint.slug): None,
    }  # fmt: skip
    assert run("cert", "renew", "bau-ag-chur", "--switch", "--json") == 1
    assert json.loads(capsys.readouterr().out)["problem"]["code"] == "rotation.prove_first"
    assert run("cert", "renew", "bau-ag-chur", "--cancel", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rotation"]["state"] == "cancelled"
    assert run("cert", "show", office.sharepoint.slug, "--sharepoint", "--json") == 0
    assert json.loads(capsys.readouterr().out)["certificate"]["thumbprint"]


def test_all_that_end_soon_and_the_one_that_cannot(office: Office, capsys: Capture) -> None:  # noqa: F811
    customer(office, "Bau AG Chur")
    customer(office, "Dorf Uri", days=300)
    lost = customer(office, "Eis AG")
    lost.cert_path.write_text("rubbish")

    assert run("cert", "renew", "--all", "--days", "30") == 1
    out = capsys.readouterr().out
    assert "Bau AG Chur (bau-ag-chur): umgestellt, abschliessen" in out
    assert "eis-ag" in out.lower() or "Eis AG" in out
    assert "Dorf Uri" not in out
    lost.profile_path.unlink()
    office.refresh()
    assert run("cert", "renew", "--all") == 0
    assert "erneuert" in capsys.readouterr().out
    assert run("cert", "renew", "--all") == 0
    assert "Kein Zertifikat endet in den nächsten 30 Tagen" in capsys.readouterr().out


def test_wrong_use_is_a_sentence(office: Office, capsys: Capture) -> None:  # noqa: F811
    for arguments in (("show", "niemand"), ("renew", "niemand"), ("renew",), ("renew", office.sharepoint.slug)):
        assert run("cert", *arguments) == 2
        assert "Es gibt kein Profil" in capsys.readouterr().err
