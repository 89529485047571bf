"""`python -m core tenant`: the guide followed to the letter, and what the other actions print."""

from __future__ import annotations

import errno
import json
import re
import resource
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from core.__main__ import main
from core.cache.onboarding_rows import find_onboarding
from core.cache.tenant_rows import tenant_rows
from core.onboarding.job import Job
from core.onboarding.profile_step import save_profile
from core.profiles.certificates import new_certificate
from core.profiles.profile_writer import profile_path, write_profile
from simulator.certificates import rsa_key
from tests.loggers import restored_loggers
from tests.office import Office, open_office
from tests.test_docs import GUIDE
from tests.test_onboarding import CARLA, DOMAIN, key_file, with_key

SECTION = re.compile(r"## Erster echter Tenant in zehn Minuten\n(.*?)\n### Unterbrochen", re.DOTALL)
SEVEN = {"SPB": (10, 2), "POWER_BI_PRO": (5, 1), "VISIOCLIENT": (4, 1), "PROJECTPROFESSIONAL": (3, 1), "MCOEV": (2, 1),
         "EXCHANGESTANDARD": (9, 1), "FLOW_FREE": (10_000, 3)}  # fmt: skip
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The commands of this process talk to the simulated Microsoft 365; there is one customer."""
    with open_office(tmp_path) as opened:
        environment = opened.m365.environment() | {"LIZENZTOOL_DATA_DIR": str(opened.settings.data_dir)}
        for name, value in {**environment, "LIZENZTOOL_LOG_DIR": str(tmp_path / "logs")}.items():
            monkeypatch.setenv(name, value)
        opened.m365.add_customer("Schule Höri", SEVEN).domains = {"schule-hoeri.example", DOMAIN}
        yield opened


def run(*arguments: str) -> int:
    with restored_loggers():
        return main(["tenant", *arguments])


def guide_steps() -> list[tuple[list[str], list[str]]]:
    """(arguments, the lines that the guide shows below) of every command in its first section."""
    section = SECTION.search(GUIDE.read_text("utf-8"))
    assert section
    steps: list[tuple[list[str], list[str]]] = []
    for block in re.findall(r"^```\n(\$.*?)^```", section[1], re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ python -m core tenant "):
                steps.append((shlex.split(line.removeprefix("$ python -m core tenant ")), []))
            else:
                steps[-1][1].append(line)
    return steps


def test_the_guide_followed_to_the_letter_reads_the_first_tenant(office: Office, capsys: Capture) -> None:
    portal, tenant = office.m365.portal, office.m365.find_tenant("Schule Höri")
    steps = guide_steps()
    assert [arguments[0] for arguments, _ in steps] == ["add", "continue", "test", "list"]

    for arguments, shown in steps:
        if "<Anwendungs-ID>" in arguments:  # the person has been in the portal meanwhile
            client_id = portal.register_app(tenant)
            portal.upload(tenant, (office.m365.folder / "certs/schule-hoeri/mycert_schule-hoeri.cer").read_bytes())
            portal.consent(tenant)
            arguments[arguments.index("<Anwendungs-ID>")] = client_id
        assert run(*arguments) == 0, capsys.readouterr()
        out = capsys.readouterr().out.splitlines()
        assert [line for line in shown if line not in out] == []

    assert [row.last_read_at is not None for row in tenant_rows(office.engine).values()] == [True]


def test_what_a_person_does_is_said_click_by_click(office: Office, capsys: Capture) -> None:
    key = key_file(office.settings.data_dir)

    assert run("add", "Schule Höri", "schule-hoeri.example", "--cert", str(key)) == 0

    out = capsys.readouterr().out
    assert re.findall(r"^(\d)\. ", out, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert str(office.m365.folder / "certs/schule-hoeri/mycert_schule-hoeri.cer") in out
    assert "tenant continue schule-hoeri --client-id" in out
    assert "PRIVATE" not in out


def test_json_says_where_it_stands(office: Office, capsys: Capture) -> None:
    key = key_file(office.settings.data_dir)
    assert run("add", "Schule Höri", "schule-hoeri.example", "--cert", str(key), "--json") == 0
    added = json.loads(capsys.readouterr().out)
    assert (added["next"], added["step_state"], added["state"]) == ("registration", "open", "open")

    assert run("list", "--json") == 0
    assert [one["slug"] for one in json.loads(capsys.readouterr().out)] == ["schule-hoeri"]
    assert run("log", "schule-hoeri", "--json") == 0
    assert [line["step"] for line in json.loads(capsys.readouterr().out)] == ["", "certificate"]
    assert run("cancel", "schule-hoeri", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["code"] == "onboarding.cancelled"
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_wrong_use_is_a_sentence_and_exit_code_two(office: Office, capsys: Capture) -> None:
    office.m365.add_tenant("Bau AG Chur")
    office.refresh()
    for arguments, words in {
        ("add", "Neu", "unknown.example"): "Microsoft kennt keinen Tenant «unknown.example».",
        ("continue", "niemand"): "Es gibt keine offene Aufnahme «niemand».",
        ("cancel", "niemand"): "Es gibt keine offene Aufnahme «niemand».",
        ("test", "niemand"): "Es gibt keinen Tenant «niemand».",
        ("remove", "niemand"): "Es gibt keinen Tenant «niemand».",
        ("remove", "bau-ag-chur"): "Zur Bestätigung: python -m core tenant remove bau-ag-chur --confirm 'Bau AG Chur'",
        ("remove", "bau-ag-chur", "--confirm", "Bau AG"): "Zum Entfernen «Bau AG Chur» eingeben.",
        ("undo", "bau-ag-chur"): "Kein Tenant «bau-ag-chur» scheidet aus.",
    }.items():
        assert run(*arguments) == 2, arguments
        assert words in capsys.readouterr().err


def test_who_waits_for_microsoft_is_told_and_comes_back_with_one(office: Office, capsys: Capture) -> None:
    key, tenant = key_file(office.settings.data_dir), office.m365.find_tenant("Schule Höri")
    client_id = office.m365.portal.register_app(tenant)

    add = ("add", "Schule Höri", "schule-hoeri.example", "--cert", str(key), "--client-id", client_id, "--wait", "0")
    assert run(*add) == 1

    assert "Öffentlichen Teil (.cer) in der App-Registrierung hochladen" in capsys.readouterr().out
    assert find_onboarding(office.engine, "schule-hoeri").next_step == "consent"  # type: ignore[union-attr]


# Certificates of other tools


def pfx(folder: Path, password: bytes) -> Path:
    """A PFX as Windows exports it."""
    raw = key_file(folder).read_bytes()
    certificate = x509.load_pem_x509_certificate(raw)
    encryption = serialization.BestAvailableEncryption(password)
    path = folder / "export.pfx"
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", rsa_key(0), certificate, None, encryption))
    return path


def test_a_pfx_opens_with_its_password_alone(office: Office, capsys: Capture) -> None:
    folder = office.settings.data_dir
    add = ("add", "Schule Höri", "schule-hoeri.example", "--cert", str(pfx(folder, b"geheim")))
    (folder / "wrong").write_text("falsch\n")
    (folder / "right").write_text("geheim\n")

    assert run(*add, "--password-file", str(folder / "wrong")) == 1
    assert "export.pfx lässt sich nicht öffnen: das Passwort ist falsch" in capsys.readouterr().out
    assert not (office.m365.folder / "certs/schule-hoeri").exists()
    assert run(*add, "--password-file", str(folder / "missing")) == 2
    assert run(*add, "--password-file", str(folder / "right")) == 0

    assert (office.m365.folder / "certs/schule-hoeri/mycert_schule-hoeri.pem").exists()


def test_a_pem_without_its_key_is_refused(office: Office, capsys: Capture) -> None:
    raw = key_file(office.settings.data_dir).read_bytes()
    path = office.settings.data_dir / "public.pem"
    path.write_bytes(raw.partition(b"-----END PRIVATE KEY-----\n")[2])
    (office.settings.data_dir / "other-tool-0.pem").unlink()

    assert run("add", "Schule Höri", "schule-hoeri.example", "--cert", str(path)) == 1

    assert "fehlt der private Schlüssel" in capsys.readouterr().out


# A disk that is full


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow any more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_no_half_of_a_key_or_profile_stays(tmp_path: Path) -> None:
    with full_disk():
        with pytest.raises(OSError, match="large") as refused:
            new_certificate(tmp_path / "certs", "a", days=1)
        with pytest.raises(OSError, match="large"):
            write_profile(profile_path(tmp_path, "a"), "{}" * 100)

    assert refused.value.errno == errno.EFBIG
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_profile_that_cannot_be_written_is_said_so_and_the_step_can_be_repeated(office: Office) -> None:
    onboarding = replace(with_key(office), client_id="11111111-2222-4333-8444-555555555555")
    blocked = replace(office.settings, profiles_dir=key_file(office.settings.data_dir) / "profiles")

    outcome = save_profile(Job(replace(office.services, settings=blocked), None, onboarding, CARLA))

    assert outcome is not None
    assert (outcome.state, outcome.said.code) == ("failed", "onboarding.disk")
    outcome = save_profile(Job(office.services, None, onboarding, CARLA))
    assert outcome is not None
    assert outcome.state == "done"
